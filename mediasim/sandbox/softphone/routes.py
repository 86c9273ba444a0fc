"""The softphone's page, its assets, and the WebSocket on which it signals.

Messages are JSON objects with a ``type``: those of a page are in :mod:`page`, those to a page stand
where they are sent. A page is a client from its ``register`` until it is closed.
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
from mediasim.sandbox.refusals import validation_words
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.page import PAGE_MESSAGE, PageMessage
from mediasim.twilio.errors import TwilioError

__all__ = ["SOFTPHONE", "softphone_routes"]

SOFTPHONE: Final = "/softphone"
"""Path of the page."""
_ASSETS: Final = Path(__file__).parent / "assets"


def softphone_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return all routes of the softphone."""

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
    """A Page: its WebSocket belongs to the web loop, the SoftphoneManager to the engine's."""

    def __init__(self, sandbox: Sandbox, websocket: WebSocket) -> None:
        self.host = _reached_at(websocket)
        self._sandbox = sandbox
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def send(self, kind: str, **what: Any) -> None:
        """Send a message, from any thread."""
        with contextlib.suppress(RuntimeError):  # the web loop has ended
            self._loop.call_soon_threadsafe(self._outgoing.put_nowait, {"type": kind, **what})

    async def live(self) -> None:
        """Exchange messages until the page is closed or the sandbox ends."""
        await self._websocket.accept()
        sending = asyncio.ensure_future(self._send_all())
        receiving = asyncio.ensure_future(self._receive_all())
        ending = asyncio.ensure_future(self._sandbox.ending.wait())
        tasks = (sending, receiving, ending)
        try:
            await self._greet()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(EngineStopped):
                await self._sandbox.engine.gate(lambda: self._sandbox.softphones.remove_page(self))
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close(1001)

    async def _greet(self) -> None:
        """Send what can be called, or why softphones cannot be used."""

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
        if not hello["problem"]:  # loading it would block the engine's loop
            await asyncio.to_thread(import_module, "mediasim.net.webrtc")
        self.send("hello", **hello)

    async def _send_all(self) -> None:
        """Send all messages to the page, in order."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                text = json.dumps(await self._outgoing.get(), ensure_ascii=False)
                await self._websocket.send_text(text)

    async def _receive_all(self) -> None:
        """Handle all messages of the page, in order."""
        with contextlib.suppress(WebSocketDisconnect, EngineStopped):
            while True:
                text = await self._websocket.receive_text()
                try:
                    message = PAGE_MESSAGE.validate_json(text)
                except ValidationError as error:
                    self.send(
                        "refused", words=f"not understood: {validation_words(error)}", code=None
                    )
                    continue
                await self._handle(message)

    async def _handle(self, message: PageMessage) -> None:
        """Handle one message; send the reason if it is refused."""
        call = getattr(message, "call", None)
        try:
            await self._sandbox.engine.gate(lambda: self._sandbox.softphones.handle(self, message))
        except TwilioError as error:
            self.send("refused", words=error.message, code=error.code, call=call, of=message.type)
        except (ClockRefuses, OSError) as error:
            self.send("refused", words=str(error), code=None, call=call, of=message.type)


def _reached_at(websocket: WebSocket) -> str:
    """Return the address of this machine that the page's connection has reached."""
    host = (websocket.scope.get("server") or ("127.0.0.1", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "127.0.0.1"
    return "127.0.0.1" if address.is_unspecified else str(address)
