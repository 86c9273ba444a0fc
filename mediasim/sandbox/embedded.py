"""A sandbox inside another program, such as a test, on threads of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from mediasim.sandbox.log import SandboxLog
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.server import ListenAddress, serve_until
from mediasim.sandbox.settings import Settings

__all__ = ["EmbeddedSandbox"]

T = TypeVar("T")


class EmbeddedSandbox:
    """A sandbox inside another program, on threads of its own, until it is closed.

    Made for tests: it does not use the caller's loop. Its methods are for any thread but its own.
    """

    def __init__(
        self,
        settings: Settings,
        address: ListenAddress | None = None,
        log: SandboxLog | None = None,
    ) -> None:
        """Start to serve, by default on a free port; returns when it does.

        ``log`` takes what happens from the start on. Raises ServeError, StorageError, ClockRefuses.
        """
        self._started: Future[tuple[Sandbox, str]] = Future()
        self._end: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._error: BaseException | None = None
        where = address or ListenAddress(port=0)
        self._thread = threading.Thread(
            target=self._run, args=(settings, where, log), name="mediasim-web", daemon=True
        )
        self._thread.start()
        self.sandbox, self.base_url = self._started.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Run ``work`` on the engine's loop; its result may be awaitable.

        Raises EngineStopped.
        """
        return self.sandbox.engine.submit(work)

    def on_web_loop(self, work: Callable[[], T]) -> T:
        """Run ``work`` on the loop of the server, and return its result."""

        async def run() -> T:
            return work()

        if threading.current_thread() is self._thread:
            return work()
        assert self._end is not None
        return asyncio.run_coroutine_threadsafe(run(), self._end[0]).result()

    def close(self) -> None:
        """End all calls and close the sandbox. Raises ServeError if the engine has failed."""
        if self._end is not None and self._thread.is_alive():
            loop, end = self._end
            loop.call_soon_threadsafe(end.set)
        self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, settings: Settings, address: ListenAddress, log: SandboxLog | None) -> None:
        async def main() -> None:
            end = asyncio.Event()
            self._end = asyncio.get_running_loop(), end
            await serve_until(
                end,
                settings,
                address,
                lambda sandbox, url: self._started.set_result((sandbox, url)),
                log=log,
            )

        try:
            asyncio.run(main())
        except BaseException as error:
            if self._started.done():
                self._error = error
            else:
                self._started.set_exception(error)
