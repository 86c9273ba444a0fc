"""Work in lanes: what is put into one lane is done in order, lanes do not wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Lanes"]


class Lanes:
    """Lanes of one event loop; used on it."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[None]] = {}
        self._open: set[asyncio.Task[None]] = set()

    def add(self, lane: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it once everything before it in its lane is done."""
        before = self._last.get(lane)
        task = asyncio.get_running_loop().create_task(_after(before, work))
        self._last[lane] = task
        self._open.add(task)
        task.add_done_callback(lambda _: self._done(lane, task))

    async def settled(self) -> None:
        """Wait until all that was added so far is done."""
        if self._open:
            await asyncio.wait(tuple(self._open))

    def _done(self, lane: str, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if self._last.get(lane) is task:
            del self._last[lane]


async def _after(before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
    if before is not None:
        # Whatever became of it: one that fails does not stop its lane.
        await asyncio.wait((before,))
    await work()
