"""The order of callbacks: each is sent after those of its lane, unless fault injection reorders.

Lanes do not wait for each other. Delayed callbacks are sent no sooner than they are due, in order
among themselves, and delay no others. An overtaken callback waits for the next of its call or
conference, ten seconds at most. Work that is about a track keeps its order within the track: it is
overtaken by that of other tracks alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND

__all__ = ["Lanes", "Turns"]

Work = Callable[[], Awaitable[None]]
_PATIENCE_SECONDS: Final = 10.0


class Lanes:
    """Lanes of work: one lane's is done in order, and lanes do not wait for each other."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[None]] = {}
        self._open: set[asyncio.Task[None]] = set()

    def add(self, lane: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do work once everything before it in its lane is done."""
        before = self._last.get(lane)
        task = asyncio.get_running_loop().create_task(_after(before, work))
        self._last[lane] = task
        self._open.add(task)
        task.add_done_callback(lambda _: self._done(lane, task))

    async def settled(self) -> None:
        """Wait until all work that was added so far is done."""
        if self._open:
            await asyncio.wait(tuple(self._open))

    def _done(self, lane: str, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if self._last.get(lane) is task:
            del self._last[lane]


async def _after(before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
    if before is not None:
        # Work that fails does not stop its lane: wait() does not raise its exception.
        await asyncio.wait((before,))
    await work()


@dataclass(slots=True)
class _Held:
    lane: str
    work: Work
    track: str
    patience: asyncio.TimerHandle


class Turns:
    """Schedules callbacks: in lanes, delayed, early or overtaken. Used on the engine's loop."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """Create an empty schedule. ``clock`` is the loop's time in nanoseconds."""
        self._clock = clock
        self._lanes = Lanes()
        self._late = Lanes()
        self._early = Lanes()
        self._held: dict[str, _Held] = {}

    def add(
        self, lane: str, work: Work, *, subject: str, overtaken: bool = False, track: str = ""
    ) -> bool:
        """Do work after what is in the lane; return whether it is held back before.

        ``subject`` is what the work is about; ``overtaken`` work waits for the next about it, and
        if it is of a ``track``, for the next of another.
        """
        waiting = self._held.get(subject)
        if waiting is not None and waiting.track and track in ("", waiting.track):
            self._release(subject)
        held = self._held.pop(subject, None)
        if held is None and overtaken:
            patience = asyncio.get_running_loop().call_later(
                _PATIENCE_SECONDS, self._release, subject
            )
            self._held[subject] = _Held(lane, work, track, patience)
            return True
        self._lanes.add(lane, work)
        if held is not None:
            held.patience.cancel()
            self._lanes.add(held.lane, held.work)
        return False

    def later(self, lane: str, work: Work, delay_ns: int) -> None:
        """Do work after a delay."""
        due_ns = self._clock() + delay_ns

        async def wait_and_work() -> None:
            await asyncio.sleep(max(0, due_ns - self._clock()) / NS_PER_SECOND)
            await work()

        self._late.add(lane, wait_and_work)

    def early(self, lane: str, work: Work) -> None:
        """Do work now, before what is in the lane."""
        self._early.add(lane, work)

    async def early_settled(self) -> None:
        """Wait until all early work is done."""
        await self._early.settled()

    async def settled(self) -> None:
        """Wait until all that was added so far is done."""
        for subject in list(self._held):
            self._release(subject)
        for lanes in (self._early, self._lanes, self._late):
            await lanes.settled()

    def _release(self, subject: str) -> None:
        held = self._held.pop(subject)
        held.patience.cancel()
        self._lanes.add(held.lane, held.work)
