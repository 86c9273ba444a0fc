"""WebSockets to the user's app: a StreamPort over the web loop.

With the real clock, messages go out as frames pass, and answers come in when they come. A virtual
clock stands still after each frame until the app has read the frame's messages: pings, which a
WebSocket answers in order, go back and forth until some in a row bring no new message with them,
and then perhaps some time of the wall clock passes. So an app that answers a message before it
reads the next is heard in the very next frame, on a machine of any speed; one that thinks for some
time of its own is heard that much later, counted in the time that frames took meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from mediasim.net.stream_port import StreamEnd, StreamListener
from mediasim.net.trust import Trust

if TYPE_CHECKING:
    from mediasim.net.websocket import WebSocketConnection

__all__ = ["WebStreams"]

_QUIET_ROUNDS: Final = 3
"""Pings in a row without a new message after which an app's loop has come round as often."""
_PATIENCE: Final = 2.0
"""Seconds of the wall clock that an app may take to read a frame.

One that takes longer is not waited for until it has caught up."""
_MOST_UNHANDLED: Final = 2000
"""Messages of one app that may wait for the engine; beyond them its connection is not read."""

Work = Callable[[], None]


class WebStreams:
    """Opens WebSockets on the loop it was made for; the engine's loop uses them."""

    def __init__(
        self,
        web: asyncio.AbstractEventLoop,
        hold: Callable[[], AbstractContextManager[None]],
        *,
        waits: bool,
        grace: float = 0.0,
        trust: Trust | None = None,
    ) -> None:
        """``hold`` stops the engine's clock; it is called on the engine's loop.

        ``waits``: hold the clock after each frame, as a virtual clock has to be, and ``grace``
        seconds longer than the app needs to read. ``trust`` says whose certificates are accepted.
        """
        self._trust = trust or Trust()
        self._web = web
        self._hold = hold
        self._waits = waits
        self._grace = grace
        self._engine: asyncio.AbstractEventLoop | None = None
        self._outbox: list[tuple[_Socket, str | None, bool]] = []
        """(socket, text, "" to send nothing or None to close, whether it is audio)."""
        self._flushing = False
        self._inbox: deque[tuple[_Socket, Work]] = deque()
        self._draining = False
        self._gathering = False
        self._settling = 0
        self._open: dict[int, _Socket] = {}
        self._made = 0

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> _Socket:
        """Open a WebSocket. Raises StreamRefused."""
        self._engine = asyncio.get_running_loop()
        self._made += 1
        socket = _Socket(self, self._made, listener)
        opening = self._opened(socket, url, headers)
        with self._hold():
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(opening, self._web))
        for work in socket.handed_out():
            self._engine.call_soon(work)
        return socket

    async def close(self) -> None:
        """Close all open connections; to be awaited on the web loop."""
        connections = [socket.ws for socket in self._open.values() if socket.ws is not None]
        for ws in connections:
            ws.close()
        if connections:
            await asyncio.wait([ws.gone for ws in connections], timeout=2.0)

    async def _opened(self, socket: _Socket, url: str, headers: Mapping[str, str]) -> None:
        from mediasim.net.websocket import open_websocket

        socket.ws = await open_websocket(url, headers, socket, self._trust)
        self._open[socket.number] = socket
        socket.ws.gone.add_done_callback(lambda _: self._open.pop(socket.number, None))

    # -- to the app: on the engine's loop, then on the web loop -----------------------------

    def post(self, socket: _Socket, text: str | None, audio: bool) -> None:
        """Send a text, or close (None), together with all else that is sent at this moment."""
        self._outbox.append((socket, text, audio))
        if not self._flushing:
            self._flushing = True
            assert self._engine is not None
            self._engine.call_soon(self._flush)

    def settle(self, socket: _Socket) -> None:
        """Hold a virtual clock until the app has had its chance to send something."""
        if self._waits:
            self.post(socket, "", False)

    def _flush(self) -> None:
        posted, self._outbox = self._outbox, []
        self._flushing = False
        if not self._waits:
            self._web.call_soon_threadsafe(self._carry, posted)
            return
        held = ExitStack()
        held.enter_context(self._hold())
        settling = asyncio.run_coroutine_threadsafe(self._carry_and_settle(posted), self._web)
        settling.add_done_callback(lambda _: self._on_engine(held.close))

    def _carry(self, posted: list[tuple[_Socket, str | None, bool]]) -> None:
        messages_of: dict[_Socket, list[tuple[str, bool]]] = {}
        for socket, text, audio in posted:
            if text:
                messages_of.setdefault(socket, []).append((text, audio))
        for socket, messages in messages_of.items():
            if socket.ws is not None:
                socket.ws.send(messages)
        for socket, text, _ in posted:
            if text is None and socket.ws is not None:
                socket.ws.close(socket.close_code)

    async def _carry_and_settle(self, posted: list[tuple[_Socket, str | None, bool]]) -> None:
        self._settling += 1
        try:
            self._carry(posted)
            await self._settle({socket.number: socket for socket, _, _ in posted})
        finally:
            self._settling -= 1
            if not self._settling:
                self._deliver()

    async def _settle(self, sockets: dict[int, _Socket]) -> None:
        """Wait until the apps have read everything, and have had their chance to answer."""
        connections = [each.ws for each in sockets.values() if each.ws and not each.behind]
        received, quiet = sum(ws.received for ws in connections), 0
        while quiet < _QUIET_ROUNDS and connections:
            # A pong comes after all that the app sent while reading what was sent before the ping.
            answers = {ws: ws.ping() if ws.open else ws.gone for ws in connections}
            _, late = await asyncio.wait(answers.values(), timeout=_PATIENCE)
            if late:
                connections = self._give_up(
                    sockets, {w for w, it in answers.items() if it in late}, answers
                )
            now = sum(ws.received for ws in connections)
            quiet = quiet + 1 if now == received else 0
            received = now
        if self._grace:
            await asyncio.sleep(self._grace)

    def _give_up(
        self,
        sockets: dict[int, _Socket],
        late: set[WebSocketConnection],
        answers: dict[WebSocketConnection, asyncio.Future[None]],
    ) -> list[WebSocketConnection]:
        """Stop waiting for the late ones until they have caught up; returns the others."""
        for socket in sockets.values():
            if socket.ws in late:
                socket.behind = True
                answers[socket.ws].add_done_callback(partial(_caught_up, socket))
        return [ws for ws in answers if ws not in late]

    # -- from the app: on the web loop, then on the engine's --------------------------------

    def queue(self, socket: _Socket, work: Work) -> None:
        """Queue work for the engine's loop, in order; after the frame that is being read."""
        self._inbox.append((socket, work))
        socket.unhandled += 1
        if socket.unhandled == _MOST_UNHANDLED and socket.ws is not None and not self._settling:
            socket.ws.pause()
        if not self._gathering and not self._settling:
            self._gathering = True
            self._web.call_soon(self._gathered)

    def _gathered(self) -> None:
        """Hand on together the messages that were read together."""
        self._gathering = False
        if not self._settling:
            self._deliver()

    def _deliver(self) -> None:
        if self._inbox and not self._draining:
            self._draining = True
            self._on_engine(self._drain)

    def _on_engine(self, work: Work) -> None:
        assert self._engine is not None
        with contextlib.suppress(RuntimeError):  # the engine's loop is closed
            self._engine.call_soon_threadsafe(work)

    def _drain(self) -> None:
        self._draining = False
        found = []
        while self._inbox:
            found.append(self._inbox.popleft())
        if self._waits:
            # In which order sockets answer is chance; what is done of it must not be.
            found.sort(key=lambda each: each[0].number)
        full = {socket for socket, _ in found if socket.unhandled >= _MOST_UNHANDLED}
        for socket, work in found:
            socket.do(work)
            socket.unhandled -= 1
        for socket in full:
            if socket.ws is not None:
                self._web.call_soon_threadsafe(socket.ws.resume)


def _caught_up(socket: _Socket, _: object) -> None:
    socket.behind = False


class _Socket:
    """A WebSocket as the engine's loop has it, and the listener of its connection."""

    def __init__(self, port: WebStreams, number: int, listener: StreamListener) -> None:
        self.number = number
        self.ws: WebSocketConnection | None = None
        self.behind = False
        """Whether the app is too slow to be waited for."""
        self.unhandled = 0
        """Messages that wait for the engine."""
        self._port = port
        self._listener = listener
        self.close_code = 1000
        """The code that it is closed with."""
        self._congested = False
        """Whether congestion was reported."""
        self._closed = False
        self._early: list[Work] | None = []
        """Work that came before the socket was handed out; None from then on."""

    # -- on the engine's loop ---------------------------------------------------------------

    def do(self, work: Work) -> None:
        """Hand a message or the end to the listener, once the socket is handed out."""
        if self._early is not None:
            self._early.append(work)
        else:
            work()

    def handed_out(self) -> list[Work]:
        """Note that the socket is handed out; return the work that has waited for this."""
        early, self._early = self._early or [], None
        return early

    def send(self, text: str, *, audio: bool = False) -> None:
        self._port.post(self, text, audio)

    def settle(self) -> None:
        self._port.settle(self)

    def close(self, code: int = 1000) -> None:
        self._closed = True
        self.close_code = code
        self._port.post(self, None, False)

    def _message(self, data: str | bytes) -> None:
        if not self._closed:
            self._listener.message(data)

    def _end(self, end: StreamEnd, code: int, words: str) -> None:
        if not self._closed:
            self._closed = True
            self._listener.closed(end, code, words)

    # -- on the web loop --------------------------------------------------------------------

    def message(self, data: str | bytes) -> None:
        self._port.queue(self, partial(self._message, data))

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        self._port.queue(self, partial(self._end, end, code, words))

    def congested(self) -> None:
        if not self._congested:
            self._congested = True
            self._port.queue(self, self._listener.congested)
