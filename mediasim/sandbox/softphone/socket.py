"""The WebSocket of a softphone: what its two wires have in common."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from importlib import import_module
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from mediasim.sandbox.clocks import ClockRefuses
from mediasim.sandbox.engine import EngineStopped
from mediasim.sandbox.refusals import validation_words
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.page import PageMessage
from mediasim.twilio.errors import TwilioError

__all__ = ["SoftphoneSocket"]


class SoftphoneSocket:
    """A Page: its WebSocket belongs to the web loop, the SoftphoneManager to the engine's.

    A wire says how messages are read and written, in :meth:`read` and :meth:`written`.
    """

    offered = False

    def __init__(self, sandbox: Sandbox, websocket: WebSocket) -> None:
        self.host = _reached_at(websocket)
        self.sandbox = sandbox
        self._websocket = websocket
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()

    # -- a wire's ------------------------------------------------------------------------------

    def read(self, text: str) -> PageMessage | None:
        """Return a page's message; None for what is no message. Raises ValidationError."""
        raise NotImplementedError

    def written(self, kind: str, what: dict[str, Any]) -> str | None:
        """Return a message as it is sent to the page; None if it is not sent one of its kind."""
        raise NotImplementedError

    async def greet(self) -> None:
        """Send what a page is sent when it opens."""

    async def keep_alive(self) -> None:
        """Send what keeps the WebSocket open, until it is closed."""
        await asyncio.get_running_loop().create_future()

    # -- its life ------------------------------------------------------------------------------

    def send(self, kind: str, **what: Any) -> None:
        """Send a message, from any thread."""
        text = self.written(kind, what)
        if text is not None:
            self.send_text(text)

    def send_text(self, text: str) -> None:
        """Send a frame of text, from any thread."""
        with contextlib.suppress(RuntimeError):  # the web loop has ended
            self._loop.call_soon_threadsafe(self._outgoing.put_nowait, text)

    async def live(self) -> None:
        """Exchange messages until the page is closed or the sandbox ends."""
        await self._websocket.accept()
        doing = (self._send_all(), self._receive_all(), self.sandbox.ending.wait())
        tasks = [asyncio.ensure_future(each) for each in (*doing, self.keep_alive())]
        try:
            await self.greet()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(EngineStopped):
                await self.sandbox.engine.gate(lambda: self.sandbox.softphones.remove_page(self))
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close(1001)

    async def load_media(self) -> None:
        """Load what media need, which would block the engine's loop."""
        await asyncio.to_thread(import_module, "mediasim.net.webrtc")

    async def _send_all(self) -> None:
        """Send all messages to the page, in order."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._websocket.send_text(await self._outgoing.get())

    async def _receive_all(self) -> None:
        """Handle all messages of the page, in order."""
        with contextlib.suppress(WebSocketDisconnect, EngineStopped):
            while True:
                text = await self._websocket.receive_text()
                try:
                    message = self.read(text)
                except ValidationError as error:
                    words = f"not understood: {validation_words(error)}"
                    self.send("refused", words=words, code=None)
                    continue
                if message is not None:
                    await self._handle(message)

    async def _handle(self, message: PageMessage) -> None:
        """Handle one message; send the reason if it is refused."""
        call = getattr(message, "call", None)
        try:
            await self.sandbox.engine.gate(lambda: self.sandbox.softphones.handle(self, message))
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
