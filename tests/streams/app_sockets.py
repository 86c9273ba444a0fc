"""Apps behind real WebSockets: each a handler of a path, on a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve

Handler = Callable[[ServerConnection], Awaitable[Any]]


class Sockets:
    """Where the apps are found, and how their handlers ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._server: Server | None = None
        self.url = ""
        self.handlers: dict[str, Handler] = {}
        self.results: list[Any] = []
        self.connections: list[ServerConnection] = []

    def result(self, seconds: float = 5.0) -> Any:
        """What the first handler to end returned, once one has."""
        until = time.monotonic() + seconds
        while not self.results and time.monotonic() < until:
            time.sleep(0.01)
        return self.results[0]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def start(self) -> None:
        self._server = await serve(
            self._handle, "127.0.0.1", 0, max_size=None, ping_interval=None, close_timeout=1
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"

    async def _handle(self, call: ServerConnection) -> None:
        assert call.request is not None
        self.connections.append(call)
        try:
            self.results.append(await self.handlers[call.request.path](call))
        except Exception as error:
            self.results.append(error)


@contextmanager
def sockets(**handlers: Handler) -> Iterator[Sockets]:
    """Serve handlers by the names of their paths."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    found = Sockets(loop)
    found.handlers = {f"/{name}": handler for name, handler in handlers.items()}
    found.run(found.start())
    try:
        yield found
    finally:
        found.run(_end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _end() -> None:
    """Nothing is left running."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
