"""The virtual-time event loop: waiting moves the clock instead of spending it.

When nothing is ready, the clock jumps to the next timer. Before it jumps, the function registered
with :meth:`VirtualLoop.before_jump` (the media plane) processes the gap, step by step; a step may
put new timers before the old target, and the jump then ends there. While the clock is held (for a
request to a real server, a thread), the loop waits in real time and its own time stands still.

Time is a whole number of nanoseconds inside, so nothing creeps; ``time()`` gives seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeVar

from mediasim.audio.frames import FRAME_NS
from mediasim.media.plane import MediaPlane

__all__ = ["VirtualDeadlock", "VirtualLoop", "run_virtual"]

T = TypeVar("T")

Advance = Callable[[int], int]
"""Takes the loop time wanted (ns), processes one step towards it, returns the time reached."""

_HELD_POLL = 0.05
"""Seconds between looks at whether the clock is still held."""


class VirtualDeadlock(RuntimeError):
    """Raised if every task waits and no timer is set: in real time this would hang for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time is virtual; the code run on it needs no change."""

    def __init__(self) -> None:
        self.now_ns = 0
        """The loop's time in nanoseconds."""
        self._turns = itertools.count()
        self._holds = 0
        self._advance: Advance | None = None
        self._outside_seconds: float | None = None
        """Seconds of real time to wait for the world outside at most; None for no limit."""
        super().__init__(_JumpingSelector(self))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now_ns / 1_000_000_000

    def call_at(  # type: ignore[override]  # typeshed's has a TypeVarTuple of 3.11 in it
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer as asyncio does, but run timers of one time in the order they were set.

        asyncio's heap leaves that order to whatever other timers there are.
        """
        timer = _TimerInTurn(when, callback, args, self, context)
        timer.turn = next(self._turns)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def before_jump(self, advance: Advance | None) -> None:
        """Let ``advance`` process each gap before the clock jumps over it; None: no longer."""
        self._advance = advance

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the clock while something outside the loop's time is in progress."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    @property
    def held(self) -> bool:
        """Whether the clock is held."""
        return self._holds > 0

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Shut down as asyncio does, the clock held: threads end in real time."""
        with self.hold():
            await super().shutdown_default_executor(*args, **kwargs)

    def timers_before(self, at_ns: int) -> list[asyncio.TimerHandle]:
        """Return the timers that run before a loop time in nanoseconds, or at it."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return [each for each in scheduled if each.when() <= at_ns / 1e9 and not each.cancelled()]

    def _next_timer_ns(self) -> int | None:
        # _scheduled and _ready are asyncio's own; a test pins them for each Python version.
        scheduled = self._scheduled  # type: ignore[attr-defined]
        return round(scheduled[0].when() * 1_000_000_000) if scheduled else None

    def _jump(self) -> bool:
        """Move the clock to the next timer, or to where a step towards it put an earlier one.

        False: there is nothing to move it for, and the world outside is to be waited for.
        """
        target = self._next_timer_ns()
        if target is None:
            raise VirtualDeadlock(
                "nothing is scheduled and every task waits: a wait for an event that never comes?"
            )
        self._pass_until(target)
        return True

    def _pass_until(self, target: int) -> None:
        """Process the gap up to a time, or to an earlier timer that a step has set."""
        while self._advance is not None and self.now_ns < target:
            self.now_ns = max(self.now_ns, min(self._advance(target), target))
            # What a step has set off comes before the rest of the gap, a timer that it
            # has set as well.
            if self._ready:  # type: ignore[attr-defined]
                return
            earlier = self._next_timer_ns()
            if earlier is not None and earlier < target:
                target = earlier
        self.now_ns = max(self.now_ns, target)


class _TimerInTurn(asyncio.TimerHandle):
    """A timer that runs after those of its time that were set before it."""

    __slots__ = ("turn",)
    turn: int

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        assert isinstance(other, _TimerInTurn)
        return (self.when(), self.turn) < (other.when(), other.turn)


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[Any, int]]:
        # Callbacks are ready: they run at this very time.
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if self._loop.held:
            return super().select(_HELD_POLL)
        events: list[tuple[Any, int]] = super().select(0)
        if not events and not self._loop._jump():
            events = super().select(self._loop._outside_seconds)
        return events


def run_virtual(main: Callable[[MediaPlane], Coroutine[Any, Any, T]], block: int) -> T:
    """Run ``main(plane)`` in virtual time, rooms advancing by ``block`` frames at once at most.

    Must not be called on a running loop. Raises what ``main`` raises.
    """
    plane = MediaPlane(max_lag=block)
    loop = VirtualLoop()

    def advance(target_ns: int) -> int:
        frame = target_ns // FRAME_NS
        reached = plane.advance(frame)
        return target_ns if reached >= frame else reached * FRAME_NS

    loop.before_jump(advance)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(plane))
