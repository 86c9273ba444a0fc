"""A sandbox inside another program: engine and web server in threads of their own.

Made for tests: nothing of it needs the caller's loop, if it has one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.server import Address, serve_until
from mediasim.sandbox.settings import Settings

__all__ = ["EmbeddedSandbox"]


class EmbeddedSandbox:
    """One that serves until it is closed. For any thread but those of its own."""

    def __init__(self, settings: Settings, address: Address | None = None) -> None:
        """Returns when it serves, on a free port unless told otherwise.

        Raises ServeError, StorageError, ClockRefuses.
        """
        self._started: Future[tuple[Sandbox, str]] = Future()
        self._end: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._broke: BaseException | None = None
        where = address or Address(port=0)
        self._thread = threading.Thread(
            target=self._run, args=(settings, where), name="mediasim-web", daemon=True
        )
        self._thread.start()
        self.sandbox, self.base_url = self._started.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Do it on the engine's loop: something to call, whose result may be to be awaited."""
        return self.sandbox.engine.submit(work)

    def close(self) -> None:
        """End all calls and let go of everything. Raises ServeError if the engine had broken."""
        if self._end is not None and self._thread.is_alive():
            loop, end = self._end
            loop.call_soon_threadsafe(end.set)
        self._thread.join()
        broke, self._broke = self._broke, None
        if broke is not None:
            raise broke

    def _run(self, settings: Settings, address: Address) -> None:
        async def live() -> None:
            end = asyncio.Event()
            self._end = asyncio.get_running_loop(), end
            await serve_until(
                end,
                settings,
                address,
                lambda sandbox, url: self._started.set_result((sandbox, url)),
            )

        try:
            asyncio.run(live())
        except BaseException as error:
            if self._started.done():
                self._broke = error
            else:
                self._started.set_exception(error)
