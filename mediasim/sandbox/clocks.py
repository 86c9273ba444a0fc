"""The sandbox's clocks: what the engine's time is, and who may move it.

* ``real``: the wall clock, times a rate;
* ``virtual``: jumps to the next timer whenever nothing is ready and nothing is held;
* ``manual``: the same, but never past a limit, which ``advance`` raises.

A virtual clock of a server has no deadlock: with nothing to jump to it waits for the world outside
in ``select``. While a request to the user's app is open, or a thread works for the engine, the
clock is held.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
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
    "Lines",
    "make_clock",
    "only_real_time",
    "zero_of",
]

ClockKind = Literal["real", "virtual", "manual"]
Lines = Literal["memory", "ports", "shared"]
"""How packets travel between simulated parties and the server: in memory, over UDP on loopback with
a port for each leg, or over one socket for all."""
FASTEST: Final = 1000.0


class ClockRefuses(Exception):
    """This clock cannot do that; says which can."""


class Clock(Protocol):
    """The time of an engine, with the loop and the media plane that keep it.

    All of it is to be used on the loop itself.
    """

    kind: ClockKind
    loop: asyncio.SelectorEventLoop
    plane: MediaPlane
    transport: Transport | None
    """Carries the lines of simulated parties; None: they need none."""

    @property
    def now_ns(self) -> int:
        """Loop time."""

    @property
    def rate(self) -> float | None:
        """Loop seconds in one of the wall clock's; None where the wall clock does not matter."""

    @property
    def busy(self) -> float:
        """What share of its time it needs, of the last two seconds; 0 where time is no matter."""

    def first_epoch(self) -> datetime:
        """The date of loop time zero, to the second, where nothing is known of earlier times."""

    def hold(self) -> contextlib.AbstractContextManager[None]:
        """Stand still while something outside the loop's time is under way."""

    async def advance(self, by_ns: int) -> None:
        """Let time pass; returns when all that it caused has been done. Or ClockRefuses."""

    async def run_until_idle(self, most_ns: int) -> bool:
        """Let time pass until nothing more is to come, or so long; returns whether nothing is.

        Raises ClockRefuses.
        """

    def go_at(self, rate: float) -> None:
        """Set the rate. Raises ClockRefuses, also for a rate that cannot be."""

    def let_go(self) -> contextlib.AbstractContextManager[None]:
        """Have no limit meanwhile, so that what is under way can end."""

    def close(self) -> None:
        """Close its sockets; nobody runs the loop any more."""


def make_clock(
    kind: ClockKind, *, rate: float = 1.0, lines: Lines = "memory", zero_ns: int | None = None
) -> Clock:
    """A clock with its loop, which nobody runs yet.

    ``zero_ns`` is another real clock's (:func:`zero_of`), to have its time. Raises ClockRefuses for
    a rate or lines that it cannot have.
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
    """The wall clock."""

    kind: ClockKind = "real"

    def __init__(self, rate: float, lines: Lines, zero_ns: int | None) -> None:
        self._loop = RealtimeLoop(_checked(rate), zero_ns=zero_ns)
        self.loop: asyncio.SelectorEventLoop = self._loop
        self.plane = MediaPlane(max_lag=1)
        self.plane.overloaded = lambda: self._loop.overloaded
        self._mux = self.plane.mux = RtpMux(self._loop, self._loop.wall_ns)
        self._wires = None if lines == "memory" else LoopbackTransport(shared=lines == "shared")
        self.transport: Transport | None = self._wires
        tick = self.plane.tick if self._wires is None else self._wires.around(self.plane)
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

    def first_epoch(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def hold(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()  # it waits for nobody

    async def advance(self, by_ns: int) -> None:
        raise ClockRefuses("the real clock is moved by nobody; serve with --clock manual")

    async def run_until_idle(self, most_ns: int) -> bool:
        raise ClockRefuses("the real clock is moved by nobody; serve with --clock virtual")

    def go_at(self, rate: float) -> None:
        self._loop.go_at(_checked(rate))

    def let_go(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        self._mux.close()
        if self._wires is not None:
            self._wires.close()


def zero_of(clock: Clock) -> int:
    """When a real clock's loop time was zero, on this machine's monotonic clock in nanoseconds."""
    return time.monotonic_ns() - clock.now_ns


def only_real_time(clock: Clock, what: str) -> None:
    """Raises ClockRefuses for a clock that is not everybody's."""
    if clock.rate != 1.0:
        found = "that rate" if clock.kind == "real" else f"a {clock.kind} clock"
        raise ClockRefuses(f"{what} live in real time, not at {found}: serve with --clock real")


def _checked(rate: float) -> float:
    if not 1 / FASTEST <= rate <= FASTEST:
        raise ClockRefuses(f"expected a rate from {1 / FASTEST} to {FASTEST:g}, found {rate:g}")
    return rate


class _VirtualClock:
    """Time that is nobody's but the engine's."""

    def __init__(self, kind: ClockKind) -> None:
        self.kind = kind
        self._loop = _ServingLoop(limit_ns=0 if kind == "manual" else None)
        self.loop: asyncio.SelectorEventLoop = self._loop
        self.plane = MediaPlane(max_lag=VIRTUAL_BLOCK)
        self.transport: Transport | None = None
        self._loop.before_jump(self._live)

    def _live(self, target_ns: int) -> int:
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

    def first_epoch(self) -> datetime:
        return DEFAULT_EPOCH

    def hold(self) -> contextlib.AbstractContextManager[None]:
        return self._loop.hold()

    async def advance(self, by_ns: int) -> None:
        await self._loop.pass_by(by_ns)

    async def run_until_idle(self, most_ns: int) -> bool:
        return await self._loop.run_until_idle(most_ns)

    def go_at(self, rate: float) -> None:
        raise ClockRefuses(_NO_RATE.format(self.kind))

    def let_go(self) -> contextlib.AbstractContextManager[None]:
        return self._loop.without_limit()

    def close(self) -> None:
        pass


class _ServingLoop(VirtualLoop):
    """A virtual loop that waits for the world outside, and that may have a limit."""

    def __init__(self, limit_ns: int | None) -> None:
        self._limit_ns = limit_ns
        self._moving = asyncio.Lock()
        self._at_limit: asyncio.Future[None] | None = None
        """Waits until nothing more happens before the limit."""
        self._idle: asyncio.Future[None] | None = None
        """Waits until no timer is left."""
        super().__init__()

    async def pass_by(self, by_ns: int) -> None:
        """Let time pass, and all that it causes be done."""
        async with self._moving:
            before = self._limit_ns
            after = (self.now_ns if before is None else before) + by_ns
            self._limit_ns, self._at_limit = after, self.create_future()
            try:
                await self._at_limit
            finally:
                self._limit_ns, self._at_limit = None if before is None else after, None

    async def run_until_idle(self, most_ns: int) -> bool:
        """Let time pass until no timer is left, or so long. Returns whether none is."""
        async with self._moving:
            before = self._limit_ns
            self._limit_ns = self.now_ns + most_ns
            self._idle, self._at_limit = self.create_future(), self.create_future()
            try:
                await asyncio.wait((self._idle, self._at_limit), return_when="FIRST_COMPLETED")
                return self._idle.done()
            finally:
                self._limit_ns = None if before is None else self.now_ns
                self._idle = self._at_limit = None

    @contextlib.contextmanager
    def without_limit(self) -> Iterator[None]:
        """Let time pass as it comes."""
        before, self._limit_ns = self._limit_ns, None
        try:
            yield
        finally:
            self._limit_ns = None if before is None else self.now_ns

    def _jump(self) -> bool:
        target, limit = self._next_timer_ns(), self._limit_ns
        if target is None and _tell(self._idle):
            return True
        if limit is not None and (target is None or target > limit):
            if self.now_ns == limit:
                return _tell(self._at_limit)
            target = limit
        if target is None:
            return False
        self._pass_until(target)
        return True


def _tell(waiting: asyncio.Future[None] | None) -> bool:
    """Tell who waits; returns whether anybody did."""
    if waiting is None or waiting.done():
        return False
    waiting.set_result(None)
    return True
