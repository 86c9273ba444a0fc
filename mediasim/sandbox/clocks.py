"""The sandbox's clocks: what the engine's time is, and how it may be moved.

* ``real``: the wall clock, times a rate;
* ``virtual``: jumps to the next timer whenever nothing is ready and nothing holds it;
* ``manual``: the same, but never past a limit, which ``advance`` raises.

A virtual clock of a server has no deadlock: without a timer to jump to, it waits in ``select`` for
sockets. While a request to the user's app is open, or a thread works for the engine, the clock is
held.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from mediasim.audio.frames import FRAME_NS
from mediasim.exchange.dates import DEFAULT_EPOCH
from mediasim.exchange.exchange import VIRTUAL_BLOCK
from mediasim.media.leg import Transport
from mediasim.media.plane import MediaPlane
from mediasim.net.loopback import LoopbackTransport
from mediasim.net.realtime import RealtimeLoop
from mediasim.net.rtp_mux import RtpMux
from mediasim.net.virtual_loop import VirtualLoop

__all__ = [
    "FASTEST",
    "Clock",
    "ClockKind",
    "ClockRefuses",
    "GivesUp",
    "Lines",
    "distant_zero_ns",
    "loop_zero_ns",
    "make_clock",
    "only_real_time",
]

ClockKind = Literal["real", "virtual", "manual"]
Lines = Literal["memory", "ports", "shared"]
"""How packets travel between simulated parties and the server.

In memory, over UDP on loopback with a port for each leg, or over one socket for all legs.
"""
FASTEST: Final = 1000.0
"""Largest rate of a real clock; the smallest is its inverse."""


GivesUp = Callable[[int], bool]
"""Returns whether nothing will happen by itself before a loop time in nanoseconds."""
_TIMES_ASKED: Final = 5
_OUTSIDE_SECONDS: Final = 2.0
"""Seconds of the wall clock that an app, or a test's own tasks, have to act where nothing else
will: about the least time in which an hour of virtual time passes."""


class ClockRefuses(Exception):
    """The clock does not support an action; the message says which clock does."""


class Clock(Protocol):
    """The time of an engine, with its loop and media plane. To be used on that loop."""

    kind: ClockKind
    loop: asyncio.SelectorEventLoop
    plane: MediaPlane
    transport: Transport | None
    """Carries the packets of simulated parties; None where they stay in memory."""

    @property
    def now_ns(self) -> int:
        """Loop time in nanoseconds."""

    @property
    def rate(self) -> float | None:
        """Loop seconds in one second of the wall clock; None for a clock independent of it."""

    @property
    def busy(self) -> float:
        """Share of its time that the loop needed in the last two seconds; 0 for virtual clocks."""

    def first_epoch(self, *, today: bool = False) -> datetime:
        """Return the date of loop time zero, to the second, for a sandbox without earlier state.

        That of a clock independent of the wall clock's is fixed, or with ``today`` the wall
        clock's, to the hour.
        """

    def hold(self) -> contextlib.AbstractContextManager[None]:
        """Stop the clock while the context is entered."""

    async def advance(self, by_ns: int) -> None:
        """Let ``by_ns`` pass; returns when everything due by then has been done.

        Raises ClockRefuses.
        """

    async def run_until_idle(self, most_ns: int, gives_up: GivesUp | None = None) -> bool:
        """Let time pass until no timer is left, or for ``most_ns``; return whether none is left.

        It ends before where ``gives_up`` says so for some time of the wall clock, in which the
        world outside may still act. Raises ClockRefuses.
        """

    def before_jumps(self, look: Callable[[], None] | None) -> None:
        """Call ``look`` before a virtual clock jumps; None: no longer. A real clock never does."""

    def set_rate(self, rate: float) -> None:
        """Set the rate. Raises ClockRefuses."""

    def without_limit(self) -> contextlib.AbstractContextManager[None]:
        """Lift the limit of a manual clock while the context is entered."""

    def close(self) -> None:
        """Close the clock's sockets, after its loop has stopped."""


def make_clock(
    kind: ClockKind, *, rate: float = 1.0, lines: Lines = "memory", zero_ns: int | None = None
) -> Clock:
    """Return a clock with its loop, which does not run yet.

    ``zero_ns`` is another real clock's zero (:func:`loop_zero_ns`), to share its time. Raises
    ClockRefuses for a rate or lines that the kind of clock does not support.
    """
    if kind == "real":
        return _RealClock(rate, lines, zero_ns)
    if rate != 1.0:
        raise ClockRefuses(_NO_RATE.format(kind))
    if lines != "memory":
        raise ClockRefuses(f"a {kind} clock's lines are in memory; sockets need --clock real")
    return _VirtualClock(kind)


_NO_RATE: Final = "a {} clock has no rate: it goes as fast as it can; the real clock has one"


class _RealClock:
    """The wall clock, times a rate."""

    kind: ClockKind = "real"

    def __init__(self, rate: float, lines: Lines, zero_ns: int | None) -> None:
        self._loop = RealtimeLoop(_checked_rate(rate), zero_ns=zero_ns)
        self.loop: asyncio.SelectorEventLoop = self._loop
        self.plane = MediaPlane(max_lag=1)
        self.plane.overloaded = lambda: self._loop.overloaded
        self._mux = self.plane.mux = RtpMux(self._loop, self._loop.wall_ns)
        self._loopback = None if lines == "memory" else LoopbackTransport(shared=lines == "shared")
        self.transport: Transport | None = self._loopback
        tick = self.plane.tick if self._loopback is None else self._loopback.around(self.plane)
        self._loop.every_frame(tick)

    @property
    def now_ns(self) -> int:
        return self._loop.now_ns

    @property
    def rate(self) -> float | None:
        return self._loop.rate

    @property
    def busy(self) -> float:
        return round(self._loop.load.busy, 3)

    def first_epoch(self, *, today: bool = False) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def hold(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()  # the wall clock cannot stand still

    async def advance(self, by_ns: int) -> None:
        raise ClockRefuses("the real clock is moved by nobody; serve with --clock manual")

    async def run_until_idle(self, most_ns: int, gives_up: GivesUp | None = None) -> bool:
        raise ClockRefuses("the real clock is moved by nobody; serve with --clock virtual")

    def before_jumps(self, look: Callable[[], None] | None) -> None:
        pass

    def set_rate(self, rate: float) -> None:
        self._loop.go_at(_checked_rate(rate))

    def without_limit(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        self._mux.close()
        if self._loopback is not None:
            self._loopback.close()


def loop_zero_ns(clock: Clock) -> int:
    """Return a real clock's loop time zero on the monotonic clock, in nanoseconds, as if its rate
    had always been the present one."""
    return time.monotonic_ns() - round(clock.now_ns / (clock.rate or 1))


async def distant_zero_ns(now_ns: Callable[[], Awaitable[int]], rate: float) -> int:
    """Return the loop time zero of a real clock on another machine, as :func:`loop_zero_ns`.

    ``now_ns`` asks that clock for its loop time; of several answers the one that came soonest
    counts.
    """
    found = list[tuple[int, int]]()
    for _ in range(_TIMES_ASKED):
        before = time.monotonic_ns()
        answer = await now_ns()
        took = time.monotonic_ns() - before
        found.append((took, before + took // 2 - round(answer / rate)))
    return min(found)[1]


def only_real_time(clock: Clock, what: str) -> None:
    """Check that a clock runs in real time. Raises ClockRefuses."""
    if clock.rate != 1.0:
        found = "that rate" if clock.kind == "real" else f"a {clock.kind} clock"
        raise ClockRefuses(f"{what} live in real time, not at {found}: serve with --clock real")


def _checked_rate(rate: float) -> float:
    """Return the rate. Raises ClockRefuses for one out of range."""
    if not 1 / FASTEST <= rate <= FASTEST:
        raise ClockRefuses(f"expected a rate from {1 / FASTEST} to {FASTEST:g}, found {rate:g}")
    return rate


class _VirtualClock:
    """A clock independent of the wall clock."""

    def __init__(self, kind: ClockKind) -> None:
        self.kind = kind
        self._loop = _ServingLoop(limit_ns=0 if kind == "manual" else None)
        self.loop: asyncio.SelectorEventLoop = self._loop
        self.plane = MediaPlane(max_lag=VIRTUAL_BLOCK)
        self.transport: Transport | None = None
        self._loop.before_jump(self._advance_media)

    def _advance_media(self, target_ns: int) -> int:
        """Advance the media plane before a jump; return the time that the loop may jump to."""
        frame = target_ns // FRAME_NS
        reached = self.plane.advance(frame)
        return target_ns if reached >= frame else reached * FRAME_NS

    @property
    def now_ns(self) -> int:
        return self._loop.now_ns

    @property
    def rate(self) -> float | None:
        return None

    busy = 0.0

    def first_epoch(self, *, today: bool = False) -> datetime:
        if not today:
            return DEFAULT_EPOCH
        # To the hour: runs one after the other are dated the same, and not in the future.
        return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

    def hold(self) -> contextlib.AbstractContextManager[None]:
        return self._loop.hold()

    async def advance(self, by_ns: int) -> None:
        await self._loop.advance(by_ns)

    async def run_until_idle(self, most_ns: int, gives_up: GivesUp | None = None) -> bool:
        return await self._loop.run_until_idle(most_ns, gives_up)

    def before_jumps(self, look: Callable[[], None] | None) -> None:
        self._loop.look = look

    def set_rate(self, rate: float) -> None:
        raise ClockRefuses(_NO_RATE.format(self.kind))

    def without_limit(self) -> contextlib.AbstractContextManager[None]:
        return self._loop.without_limit()

    def close(self) -> None:
        pass


class _ServingLoop(VirtualLoop):
    """A virtual loop that waits for sockets where no timer is left, and that may have a limit."""

    def __init__(self, limit_ns: int | None) -> None:
        self._limit_ns = limit_ns
        self._moving = asyncio.Lock()
        self._at_limit: asyncio.Future[None] | None = None
        """Done when nothing more happens before the limit."""
        self._idle: asyncio.Future[None] | None = None
        """Done when no timer is left."""
        self._gives_up: GivesUp | None = None
        self.look: Callable[[], None] | None = None
        """Called before each jump to a timer."""
        self._outside_since: float | None = None
        """Wall clock time from which on only the world outside can act; None while time passes."""
        super().__init__()

    async def advance(self, by_ns: int) -> None:
        """Let ``by_ns`` pass; returns when everything due by then has been done."""
        async with self._moving:
            before = self._limit_ns
            after = (self.now_ns if before is None else before) + by_ns
            self._limit_ns, self._at_limit = after, self.create_future()
            try:
                await self._at_limit
            finally:
                self._limit_ns, self._at_limit = None if before is None else after, None

    async def run_until_idle(self, most_ns: int, gives_up: GivesUp | None = None) -> bool:
        """Let time pass until no timer is left, or for ``most_ns``; return whether none is left.

        It ends before where ``gives_up`` says so for ``_OUTSIDE_SECONDS``.
        """
        async with self._moving:
            before = self._limit_ns
            self._limit_ns = self.now_ns + most_ns
            self._idle, self._at_limit = self.create_future(), self.create_future()
            self._gives_up = gives_up
            try:
                await asyncio.wait((self._idle, self._at_limit), return_when="FIRST_COMPLETED")
                return self._idle.done()
            finally:
                self._limit_ns = None if before is None else self.now_ns
                self._idle = self._at_limit = self._gives_up = None
                self._outside_seconds = self._outside_since = None

    @contextlib.contextmanager
    def without_limit(self) -> Iterator[None]:
        """Let time pass without a limit while the context is entered."""
        before, self._limit_ns = self._limit_ns, None
        try:
            yield
        finally:
            self._limit_ns = None if before is None else self.now_ns

    def _jump(self) -> bool:
        """Jump to the next timer or the limit; return False where only a socket can wake the
        loop."""
        target, limit = self._next_timer_ns(), self._limit_ns
        if target is None and _resolve(self._idle):
            return True
        if limit is not None and self._gives_up is not None and self._only_outside_acts(limit):
            return self._outside_seconds == 0 and _resolve(self._at_limit)
        if limit is not None and (target is None or target > limit):
            if self.now_ns == limit:  # nothing is ready, so all that is due at the limit is done
                return _resolve(self._at_limit)
            target = limit
        if target is None:
            return False
        if self.look is not None:
            self.look()
        self._pass_until(target)
        return True

    def _only_outside_acts(self, limit_ns: int) -> bool:
        """Return whether to stand still for the world outside; note how long at most."""
        assert self._gives_up is not None
        if not self._gives_up(limit_ns):
            self._outside_seconds = self._outside_since = None
            return False
        now = time.monotonic()
        if self._outside_since is None:
            self._outside_since = now
        self._outside_seconds = max(0.0, self._outside_since + _OUTSIDE_SECONDS - now)
        return True


def _resolve(waiting: asyncio.Future[None] | None) -> bool:
    """End the wait of a future; return whether there was one."""
    if waiting is None or waiting.done():
        return False
    waiting.set_result(None)
    return True
