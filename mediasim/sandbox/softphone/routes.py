"""The softphone's page, its assets, and the WebSocket on which it signals.

Messages are JSON objects with a ``type``: what a page says is in :mod:`page`, what it is told is
written where it is told. A page is a client from its ``register`` on and until it is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.engine import EngineStopped
from mediasim.sandbox.inspector.pages import Assets, page_in
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.page import ASK, PageMessage
from mediasim.twilio.errors import TwilioError

__all__ = ["SOFTPHONE", "softphone_routes"]

SOFTPHONE: Final = "/softphone"
_ASSETS: Final = Path(__file__).parent / "assets"


def softphone_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """All of them."""

    async def page(_: Request) -> Response:
        return page_in(_ASSETS)

    async def socket(websocket: WebSocket) -> None:
        await _Socket(sandbox, websocket).live()

    return [
        Route(SOFTPHONE, page),
        WebSocketRoute(f"{SOFTPHONE}/ws", socket),
        Mount(f"{SOFTPHONE}/assets", Assets(_ASSETS)),
    ]


class _Socket:
    """A Page; its WebSocket is the web loop's, the desk the engine's."""

    def __init__(self, sandbox: Sandbox, websocket: WebSocket) -> None:
        self.host = _reached_at(websocket)
        self._sandbox = sandbox
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._to_tell: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def tell(self, kind: str, **what: Any) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the web loop has ended
            self._loop.call_soon_threadsafe(self._to_tell.put_nowait, {"type": kind, **what})

    async def live(self) -> None:
        await self._websocket.accept()
        telling = asyncio.ensure_future(self._tell_all())
        hearing = asyncio.ensure_future(self._hear_all())
        ending = asyncio.ensure_future(self._sandbox.ending.wait())
        tasks = (telling, hearing, ending)
        try:
            await self._greet()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(EngineStopped):
                await self._sandbox.engine.gate(lambda: self._sandbox.softphones.leave(self))
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close(1001)

    async def _greet(self) -> None:
        """Whom one can call, or why nobody."""

        def found() -> dict[str, Any]:
            problem = ""
            try:
                self._sandbox.softphones.real_time()
            except ClockRefuses as error:
                problem = str(error)
            numbers = [
                {"number": each.phone_number, "name": each.friendly_name}
                for each in self._sandbox.service.numbers.all()
            ]
            parties = list(self._sandbox.settings.config.parties)
            return {"problem": problem, "numbers": numbers, "parties": parties}

        hello = await self._sandbox.engine.gate(found)
        if not hello["problem"]:  # it takes long to load, and the engine's loop waits for nobody
            await asyncio.to_thread(import_module, "mediasim.net.webrtc")
        self.tell("hello", **hello)

    async def _tell_all(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                text = json.dumps(await self._to_tell.get(), ensure_ascii=False)
                await self._websocket.send_text(text)

    async def _hear_all(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, EngineStopped):
            while True:
                text = await self._websocket.receive_text()
                try:
                    ask = ASK.validate_json(text)
                except ValidationError as error:
                    self.tell("refused", words=f"not understood: {_words(error)}", code=None)
                    continue
                await self._do(ask)

    async def _do(self, ask: PageMessage) -> None:
        call = getattr(ask, "call", None)
        try:
            await self._sandbox.engine.gate(lambda: self._sandbox.softphones.hear(self, ask))
        except TwilioError as error:
            self.tell("refused", words=error.message, code=error.code, call=call, of=ask.type)
        except (ClockRefuses, OSError) as error:
            self.tell("refused", words=str(error), code=None, call=call, of=ask.type)


def _reached_at(websocket: WebSocket) -> str:
    """Our address, as the page's connection has it."""
    host = (websocket.scope.get("server") or ("127.0.0.1", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "127.0.0.1"
    return "127.0.0.1" if address.is_unspecified else str(address)


def _words(error: ValidationError) -> str:
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"])))
        for each in error.errors()
    )
