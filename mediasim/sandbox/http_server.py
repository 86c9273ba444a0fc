"""The HTTP server of a sandbox: uvicorn with limits for connections, and a shutdown without
polling.

* Uvicorn polls for its end every tenth of a second and sleeps as long once more, which is most of
  the time that a sandbox in a test takes to close. Here an event ends it; the steps of the shutdown
  are uvicorn's.
* A request's head and its body have to arrive in time, and a response has to be taken by its
  client. Beyond the largest number of connections, the one that has waited longest without a
  request is closed.
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

__all__ = [
    "LARGEST_HEAD",
    "BoundedProtocol",
    "PromptServer",
    "SandboxServer",
    "limit_head",
    "server_config",
]

LARGEST_HEAD: Final = 32 * 1024
"""Largest size of a request's head, in bytes."""
_HEAD_SECONDS: Final = 10.0
"""Time for a request's head to arrive, in seconds."""
_BODY_SECONDS: Final = 30.0
"""Time for a request's body to arrive, in seconds."""
_RESPONSE_SECONDS: Final = 60.0
"""Time that a response waits for a client that reads none of it, in seconds."""
_MAX_CONNECTIONS: Final = 1000
"""Largest number of open connections of all kinds."""
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TICK: Final = 0.1
"""Seconds between two ticks; every tenth tick renews the Date header of responses."""
_TICKS: Final = 864_000
_POLL: Final = 0.005
"""Seconds between two looks for requests that have not been answered yet."""
_MAX_MESSAGE: Final = 256 * 1024
"""Largest WebSocket message, in bytes."""
_GRACE_SECONDS: Final = 0.2
"""Seconds that active requests have at shutdown to be answered."""


class PromptServer(uvicorn.Server):
    """A uvicorn server that :meth:`end` stops at once, called on the server's own loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end_requested = asyncio.Event()

    def end(self) -> None:
        """Answer the requests that have arrived, then stop serving."""
        self.should_exit = True
        self._end_requested.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % _TICKS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end_requested.wait(), _TICK)

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
        """Whether connections are open or requests are being answered."""
        return bool(self.server_state.connections or self.server_state.tasks)


def server_config(app: ASGIApp, *, largest_message: int = _MAX_MESSAGE) -> uvicorn.Config:
    """Return how a sandbox serves an app; ``largest_message`` is a WebSocket's, in bytes."""
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=largest_message,
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


class SandboxServer(PromptServer):
    """The server of one sandbox: uvicorn without its own signal handlers and logs."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(server_config(app))
        self._up = asyncio.Event()
        logging.getLogger("uvicorn.error").addFilter(_is_not_truncated_response)

    async def run_until(
        self,
        listening: socket.socket,
        on_ready: Callable[[], Awaitable[None]],
        end: asyncio.Event,
        before_end: Callable[[], Awaitable[None]],
    ) -> None:
        """Serve until ``end`` is set.

        ``on_ready`` is awaited once the server listens; ``before_end`` after ``end``, while
        requests are still answered.
        """
        serving = asyncio.ensure_future(self.serve(sockets=[listening]))
        try:
            await _wait_for_first(self._up.wait(), serving)
            if self._up.is_set():
                await on_ready()
            await _wait_for_first(end.wait(), serving)
            await before_end()
        finally:
            self.end()
            asyncio.get_running_loop().call_later(_GRACE_SECONDS, setattr, self, "force_exit", True)
            await serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _is_not_truncated_response(record: logging.LogRecord) -> bool:
    """Return False for uvicorn's error about a truncated response.

    Only fault injection ends a response early, and that is no error of the server's.
    """
    return "returned without completing response" not in record.getMessage()


async def _wait_for_first(event: Coroutine[Any, Any, Any], serving: asyncio.Future[None]) -> None:
    """Wait for an event, or for the end of the server, whichever is first."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def limit_head(app: ASGIApp) -> ASGIApp:
    """Wrap an app so that requests with a head over ``LARGEST_HEAD`` are refused with 431."""

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
    """One HTTP connection with limits for the time that its client may take."""

    head_seconds: float | None = _HEAD_SECONDS
    body_seconds: float | None = _BODY_SECONDS
    response_seconds = _RESPONSE_SECONDS
    most = _MAX_CONNECTIONS

    def connection_made(self, transport: Any) -> None:
        self._idle_since = self.loop.time()
        self._limited_state: Any = None
        self._limit_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        # This connection is among them by now.
        if len(self.connections) > self.most and not self._close_longest_idle():
            transport.write(_BUSY)
            transport.close()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._limit_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        super().handle_websocket_upgrade(event)
        # From here on it is the WebSocket's: no request is to come whose time could be limited.
        self.head_seconds = self.body_seconds = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self.response_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()

    @property
    def waits(self) -> bool:
        """Whether the connection waits for a request, or for the rest of one."""
        # While its body is to come, a request waits for its client, though its app runs already.
        answering = self.cycle is not None and not self.cycle.response_complete
        return not answering or self.conn.their_state is h11.SEND_BODY

    def _watch(self) -> None:
        """Limit the time for what the client has to send next: the rest of a head or of a body."""
        state = self.conn.their_state
        if state is self._limited_state:
            return
        if self._limit_timer is not None:
            self._limit_timer.cancel()
            self._limit_timer = None
        self._limited_state = state
        seconds = {h11.IDLE: self.head_seconds, h11.SEND_BODY: self.body_seconds}.get(state)
        if seconds is not None:
            self._limit_timer = self.loop.call_later(seconds, self._abort_slow)

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        # From here to the next request's first byte it is uvicorn's keep-alive that limits it;
        # that byte is to find a limit of its own, also where the state is the same as before.
        self._limited_state = None
        super().on_response_complete()

    def _abort_slow(self) -> None:
        """Abort the connection, whose client has missed a time limit."""
        if not self.transport.is_closing():
            self.transport.abort()

    def _close_longest_idle(self) -> bool:
        """Close the connection that has waited longest for a request; return whether there was
        one."""
        waiting = (
            each
            for each in self.connections
            if each is not self and isinstance(each, BoundedProtocol) and each.waits
        )
        oldest = min(waiting, key=lambda each: each._idle_since, default=None)
        if oldest is None:
            return False
        oldest.transport.abort()
        return True
