"""The HTTP server of a sandbox: uvicorn with connections that are limited, and ended promptly.

* Uvicorn looks every tenth of a second whether it was told to end, and sleeps as long once more,
  which is most of the time that a sandbox in a test takes to close. What it does at its end is the
  same here.
* A request's head and its body have to come in time, and an answer has to be taken. Where there are
  too many connections the one goes that has waited longest without a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final

import h11
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["LARGEST_HEAD", "BoundedProtocol", "PromptServer", "SandboxServer", "with_short_head"]

LARGEST_HEAD: Final = 32 * 1024
"""Bytes of a request's head."""
_HEAD_SECONDS: Final = 10.0
_BODY_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 60.0
"""That an answer waits for a client that takes nothing of it."""
_MOST: Final = 1000
"""Connections, of all kinds."""
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TICK: Final = 0.1
"""Seconds; every tenth tick the date in answers is brought up to date."""
_TICKS: Final = 864_000
_POLL: Final = 0.005
"""Seconds between two looks for requests that are still to be answered."""
_MOST_SAID: Final = 256 * 1024
"""Bytes of a WebSocket's message."""
_PATIENCE: Final = 0.2
"""Seconds that requests under way have, at the end, to be answered."""


class PromptServer(uvicorn.Server):
    """Ended by :meth:`end`, on its own loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        """Answer what is asked already, then no more."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % _TICKS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        until = loop.time() + (self.config.timeout_graceful_shutdown or 0)
        while not self.force_exit and loop.time() < until and self._busy:  # noqa: ASYNC110
            await asyncio.sleep(_POLL)
        for task in self.server_state.tasks:
            task.cancel()
        if not self.force_exit:
            await self.lifespan.shutdown()

    @property
    def _busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)


class SandboxServer(PromptServer):
    """Uvicorn without its own signals."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=_MOST_SAID,
                http=BoundedProtocol,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                backlog=1024,
                loop="asyncio",
                access_log=False,
                log_config=None,  # what a program has set up of logging stays as it is
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._up = asyncio.Event()
        logging.getLogger("uvicorn.error").addFilter(_not_a_broken_download)

    async def run_until(
        self,
        listening: socket.socket,
        tell: Callable[[], None],
        end: asyncio.Event,
        last_words: Callable[[], Awaitable[None]],
    ) -> None:
        """Serve; ``tell`` is called once it does, ``last_words`` while it still does."""
        serving = asyncio.ensure_future(self.serve(sockets=[listening]))
        try:
            await _first(self._up.wait(), serving)
            if self._up.is_set():
                tell()
            await _first(end.wait(), serving)
            await last_words()
        finally:
            self.end()
            asyncio.get_running_loop().call_later(_PATIENCE, setattr, self, "force_exit", True)
            await serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _not_a_broken_download(record: logging.LogRecord) -> bool:
    """A download that the weather truncates is all that ends without being complete."""
    return "returned without completing response" not in record.getMessage()


async def _first(event: Coroutine[Any, Any, Any], serving: asyncio.Future[None]) -> None:
    """Wait for an event, or for the server's own end."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def with_short_head(app: ASGIApp) -> ASGIApp:
    """An app that is asked with no longer a head than ``LARGEST_HEAD``: 431 otherwise."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        headers = sum(len(name) + len(value) for name, value in scope["headers"])
        # h11 looks only at heads that come in more than one piece.
        if headers + len(scope["raw_path"]) + len(scope["query_string"]) <= LARGEST_HEAD:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1009})
        else:
            words = f"a request's head may have {LARGEST_HEAD:,} bytes at most"
            await JSONResponse({"error": words}, 431)(scope, receive, send)

    return guarded


class BoundedProtocol(H11Protocol):
    """One connection."""

    head_seconds = _HEAD_SECONDS
    body_seconds = _BODY_SECONDS
    answer_seconds = _ANSWER_SECONDS
    most = _MOST

    def connection_made(self, transport: Any) -> None:
        self._since = self.loop.time()
        self._waits_for: Any = None
        self._limit: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        if len(self.connections) > self.most and not self._one_goes():
            transport.write(_BUSY)
            transport.close()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._limit, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    @property
    def waits(self) -> bool:
        """Whether there is nothing to be answered yet: no request, or only a part of one."""
        answering = self.cycle is not None and not self.cycle.response_complete
        return not answering or self.conn.their_state is h11.SEND_BODY

    def _watch(self) -> None:
        """Limit the time of what is to come next: the rest of a head, or of a body."""
        state = self.conn.their_state
        if state is self._waits_for:
            return
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        self._waits_for = state
        seconds = {h11.IDLE: self.head_seconds, h11.SEND_BODY: self.body_seconds}.get(state)
        if seconds is not None:
            self._limit = self.loop.call_later(seconds, self._too_slow)

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        # From here to the next request's first byte it is uvicorn's keep-alive that limits it;
        # that byte is to find a limit of its own, also where the state is the same as before.
        self._waits_for = None
        super().on_response_complete()

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()

    def _one_goes(self) -> bool:
        """Close the connection that has waited longest for a request; returns whether one did."""
        waiting = (
            each
            for each in self.connections
            if each is not self and isinstance(each, BoundedProtocol) and each.waits
        )
        oldest = min(waiting, key=lambda each: each._since, default=None)
        if oldest is None:
            return False
        oldest.transport.abort()
        return True
