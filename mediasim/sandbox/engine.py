"""The engine's thread: an event loop of its own with a media plane, and the gate to it.

All state of the exchange belongs to that loop. Other threads reach it through
:meth:`EngineThread.gate` alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar, overload

from mediasim.sandbox.clocks import Clock
from mediasim.twilio.ports import on_this_loop

__all__ = ["EngineStopped", "EngineThread"]

T = TypeVar("T")


class EngineStopped(RuntimeError):
    """The engine's loop has not started or has ended."""


class EngineThread:
    """A thread that runs a clock's loop once, until it is stopped."""

    def __init__(
        self, clock: Clock, *, on_crash: Callable[[BaseException], None] | None = None
    ) -> None:
        """``on_crash`` is called on the engine's thread with the error that ended its loop."""
        self.clock = clock
        self._on_crash = on_crash
        self._started = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="mediasim-engine", daemon=True)

    def start(self) -> None:
        """Start the thread; returns when the loop runs."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Cancel all tasks of the loop and end the thread; returns when it has ended.

        Must not be called on the loop. Does nothing to an engine that does not run.
        """
        if self.running:
            self.clock.loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether the loop runs."""
        return self._started.is_set() and self._thread.is_alive()

    @overload
    async def gate(self, work: Callable[[], Awaitable[T]]) -> T: ...
    @overload
    async def gate(self, work: Callable[[], T]) -> T: ...
    async def gate(self, work: Callable[[], Any]) -> Any:
        """Run ``work`` on the engine's loop, and return its result or raise its error.

        The work is completed even if the caller is cancelled. Raises EngineStopped.
        """
        if asyncio.get_running_loop() is self.clock.loop:
            return await on_this_loop(work)
        # A client that disconnects cancels its request, but must not leave state half changed.
        return await asyncio.shield(asyncio.wrap_future(self.submit(work)))

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Run ``work`` on the engine's loop, for a thread without a loop.

        Raises EngineStopped.
        """
        if not self.running:
            raise EngineStopped("the engine does not run")
        return asyncio.run_coroutine_threadsafe(on_this_loop(work), self.clock.loop)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self.clock.loop) as runner:
                runner.run(self._wait_for_stop())
        except BaseException as error:
            if self._on_crash is None:
                raise
            self._on_crash(error)
        finally:
            self._started.set()  # also after an early failure: start() waits for it

    async def _wait_for_stop(self) -> None:
        self._started.set()
        await self._stopping.wait()
