"""The real-time event loop: the virtual loop's order of events, kept to the wall clock.

Frame n begins ``n * 20 ms`` after the run's start, counted from the start each time, so nothing
creeps. At each such boundary the loop first ticks (the media plane processes the frame that has
ended), then runs the timers that are due.

``time()`` is the time on the schedule: while a timer's callback runs it is that timer's own time,
however late the machine is, and it stands still until everything that the timer set off is done.
When something from outside comes (a socket, a thread) it is the wall clock's time. So the same code
meets the same times in the same order as on :class:`mediasim.net.virtual_loop.VirtualLoop`, and
makes the same recordings to the byte; how far the wall clock is ahead of the schedule is what
:class:`Lateness` measures. A loop that falls behind makes up for it without waiting.

A loop that has no time left to wait cannot carry more. What shows it is the share of the last two
seconds that it did not spend waiting (:class:`Load`): a stall, after which there is time again, is
no overload, and neither is a single frame that took long. Once overloaded it stays so until there
is time to spare, so that calls are not taken and refused by turns.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np

from mediasim.audio.frames import FRAME_NS
from mediasim.media.leg import Transport
from mediasim.media.plane import MediaPlane
from mediasim.net.loopback import LoopbackTransport
from mediasim.net.rtp_mux import RtpMux

__all__ = [
    "OVER",
    "UNDER",
    "WINDOW_NS",
    "Lateness",
    "Load",
    "Pace",
    "RealtimeLoop",
    "run_realtime",
    "settle_process",
    "unsettle_process",
]

WINDOW_NS: Final = 2_000_000_000
"""Nanoseconds over which the load is measured: 2 s."""
OVER: Final = 0.95
"""Share of busy time from which on a loop is overloaded."""
UNDER: Final = 0.85
"""Share of busy time below which it is overloaded no longer."""
_SETTLED_AFTER: Final = 64
"""Rounds of callbacks that may follow from each other while time stands still.

More than any chain in the exchange takes; a task that never waits must not stop the clock."""
_BIN_NS: Final = 50_000
"""Nanoseconds of a bin of the histogram of lateness."""
_BINS: Final = 20_000
"""Bins of the histogram: up to one second."""
T = TypeVar("T")
Tick = Callable[[int], None]
"""Called at the boundary at which frame n begins, with n."""
Events = list[tuple[selectors.SelectorKey, int]]


class Load:
    """The share of time for which a loop is busy; has no clock of its own."""

    def __init__(self) -> None:
        self.busy = 0.0
        """Share of the last two seconds, 0 to 1; 0 until there have been two."""
        self.overloaded = False
        self._idle_ns = 0
        self._marks: deque[tuple[int, int]] = deque()
        """Frames' beginnings on the wall clock, with the time waited by then, in nanoseconds."""

    def waited(self, for_ns: int) -> None:
        """Count time for which the loop waited."""
        self._idle_ns += for_ns

    def mark(self, wall_ns: int) -> None:
        """Measure at the beginning of a frame."""
        marks = self._marks
        marks.append((wall_ns, self._idle_ns))
        while len(marks) > 2 and marks[1][0] <= wall_ns - WINDOW_NS:
            marks.popleft()
        began, idle = marks[0]
        if wall_ns - began < WINDOW_NS:
            return
        self.busy = 1 - (self._idle_ns - idle) / (wall_ns - began)
        self.overloaded = self.busy >= (UNDER if self.overloaded else OVER)


class Lateness:
    """A histogram of how late ticks began, in bins of 50 us up to one second; the maximum is
    exact."""

    def __init__(self) -> None:
        self.ticks = 0
        self.missed = 0
        """Ticks that were not done when the next was due."""
        self.max_ns = 0
        """The greatest lateness in nanoseconds."""
        self._counts = np.zeros(_BINS, np.int64)

    def note(self, began_ns: int, done_ns: int) -> None:
        """Count one tick that began and was done so long after its time."""
        self.ticks += 1
        self.missed += done_ns >= FRAME_NS
        self.max_ns = max(self.max_ns, began_ns)
        self._counts[min(began_ns // _BIN_NS, _BINS - 1)] += 1

    def percentile_ms(self, share: float) -> float:
        """Return the lateness in milliseconds that this share (0 to 1) of ticks did not exceed."""
        if not self.ticks:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self._counts), share * self.ticks))
        return min((place + 1) * _BIN_NS, self.max_ns) / 1e6

    def as_ms(self) -> dict[str, float]:
        """Return p50, p99 and max in milliseconds."""
        return {
            "p50": round(self.percentile_ms(0.50), 2),
            "p99": round(self.percentile_ms(0.99), 2),
            "max": round(self.max_ns / 1e6, 2),
        }


class RealtimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop, with sockets and threads, that ticks every 20 ms.

    Its time is 0 until it first has to wait, so what a program prepares beforehand delays nothing.
    """

    def __init__(self, rate: float = 1.0, *, zero_ns: int | None = None) -> None:
        """``rate`` is the loop's seconds per second of the wall clock.

        ``zero_ns``: when its time was zero, on the monotonic clock, if not when it first waits.
        """
        self.now_ns = 0
        """The loop's time in nanoseconds."""
        self.rate = rate
        self.lateness = Lateness()
        self.load = Load()
        self._tick: Tick | None = None
        self._next_frame = 1
        """The frame at whose boundary the next tick is due."""
        self._zero_ns = zero_ns
        self._started: float | None = None
        """The monotonic time in seconds at which the present rate began."""
        self._before_ns = 0
        """The loop's time at which the present rate began."""
        self._unsettled = 0
        """Rounds of callbacks since time last moved."""
        super().__init__(_PacedSelector(self))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now_ns / 1_000_000_000

    def every_frame(self, tick: Tick | None) -> None:
        """Call ``tick`` at each boundary of frames from now on; None: no longer."""
        self._tick = tick
        self._next_frame = self.now_ns // FRAME_NS + 1

    def go_at(self, rate: float) -> None:
        """Run at another rate from now on."""
        self._before_ns, self._started = self.wall_ns(), super().time()
        self.rate = rate

    def wall_ns(self) -> int:
        """Return the wall clock since the run's start, at the loop's rate, in nanoseconds."""
        now = super().time()
        if self._started is None:
            # The first wait ends the preparations: collecting garbage now delays no frame.
            settle_process()
            now = super().time()
            self._started = now if self._zero_ns is None else self._zero_ns / 1_000_000_000
        return self._before_ns + round((now - self._started) * self.rate * 1_000_000_000)

    @property
    def overloaded(self) -> bool:
        """Whether it can carry no more; at a rate above 1, as fast as possible, never."""
        return self.load.overloaded and self.rate <= 1

    def _due_ns(self) -> int | None:
        """Return when the next timer or tick is due; None if there is none."""
        # _scheduled is asyncio's own; the virtual loop's test pins it for each Python version.
        scheduled = self._scheduled  # type: ignore[attr-defined]
        timer = round(scheduled[0].when() * 1_000_000_000) if scheduled else None
        if self._tick is None:
            return timer
        boundary = self._next_frame * FRAME_NS
        return boundary if timer is None else min(timer, boundary)

    def _wait(self, poll: Callable[[float | None], Events], ready: bool) -> Events:
        """Wait for the schedule or for an event from outside, whichever comes first.

        ``ready``: there are callbacks to be run at this very time.
        """
        # Callbacks that follow from each other belong to one moment: time stands still
        # until they are done.
        if ready and self._unsettled < _SETTLED_AFTER:
            self._unsettled += 1
            return poll(0)
        self._unsettled = 0
        due = self._due_ns()
        if due is None:
            events = poll(0 if ready else None)
            self.now_ns = max(self.now_ns, self.wall_ns())
            return events
        before = self.wall_ns()
        early = due - before
        events = poll(0 if ready or early <= 0 else early / self.rate / 1_000_000_000)
        wall = self.wall_ns()
        if not ready and early > 0:
            self.load.waited(wall - before)
        if wall < due:
            self.now_ns = max(self.now_ns, wall)
        else:
            self._reach(due, wall)
        return events

    def _reach(self, due: int, wall: int) -> None:
        """Move time to what is due, and tick if it is a boundary of frames."""
        self.now_ns = max(self.now_ns, due)
        # The selector is still waiting, so the tick comes before the timers of the same time.
        if self._tick is not None and due == self._next_frame * FRAME_NS:
            frame, self._next_frame = self._next_frame, self._next_frame + 1
            self.load.mark(wall)
            self._tick(frame)
            self.lateness.note(wall - due, self.wall_ns() - due)


class _PacedSelector(selectors.DefaultSelector):
    def __init__(self, loop: RealtimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Events:
        return self._loop._wait(super().select, timeout is not None and timeout <= 0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a run kept to the wall clock, and what was lost on its sockets."""

    ticks: int
    missed: int
    """Frames whose work was not done when the next was due."""
    lateness_ms: dict[str, float]
    """p50, p99 and max of how late frames began."""
    late: int
    """Packets read after the frame in which they were due."""
    lost: int
    """Packets that the kernel lost."""
    refused: int
    """Lines that got no sockets."""
    errors: dict[str, int] = field(default_factory=dict)
    """Errors of the kernel, by name."""

    @property
    def on_time(self) -> bool:
        """Whether nothing was late or lost: the run then equals its run in virtual time."""
        return not (self.late or self.lost or self.refused or self.errors)

    @property
    def warnings(self) -> list[str]:
        """Warnings for people, in words."""
        words = []
        if self.missed:
            worst = self.lateness_ms["max"]
            words.append(
                f"{self.missed} of {self.ticks} frames were not done in time (the latest began"
                f" {worst:.1f} ms late): the machine is too slow or too busy for this run"
            )
        if self.late:
            words.append(f"{self.late} packets were read too late to count as arrived in time")
        if self.lost:
            words.append(f"{self.lost} packets were lost between the sockets of this machine")
        if self.refused:
            words.append(
                f"{self.refused} lines got no sockets and stay silent: raise the limit of open"
                " files (ulimit -n) or run fewer calls at once"
            )
        for name, count in sorted(self.errors.items()):
            words.append(f"the system refused a datagram with {name} {count} times")
        return words


def run_realtime(
    main: Callable[[MediaPlane, Transport], Coroutine[Any, Any, T]],
    *,
    shared_socket: bool = False,
) -> tuple[T, Pace]:
    """Run ``main(plane, transport)`` on the wall clock, its lines over UDP on loopback.

    Each line has a port of its own, or all share one socket at either side.

    Loop time begins at 0 and frame n of the plane at ``n * 20 ms``. Must not be called on a running
    loop. Raises what ``main`` raises.
    """
    plane = MediaPlane(max_lag=1)
    transport = LoopbackTransport(shared=shared_socket)
    loop = RealtimeLoop()
    mux = plane.mux = RtpMux(loop, loop.wall_ns)
    loop.every_frame(transport.around(plane))
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                result = runner.run(main(plane, transport))
            finally:
                loop.every_frame(None)
    finally:
        transport.close()
        mux.close()
        unsettle_process()
    errors = transport.server.errors + transport.parties.errors
    pace = Pace(
        ticks=loop.lateness.ticks,
        missed=loop.lateness.missed,
        lateness_ms=loop.lateness.as_ms(),
        late=transport.late,
        lost=transport.lost,
        refused=transport.refused,
        errors=dict(errors),
    )
    return result, pace


# -- the process ------------------------------------------------------------------------------
#
# Two things stop a process for milliseconds at a time: the C library giving the memory of large
# arrays back to the kernel at every frame, only to fault it in again, and Python's garbage
# collector walking through everything that lives for the whole run.

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 1 << 30
"""Bytes of freed heap that glibc keeps."""
_HEAP_BYTES: Final = 32 << 20
"""Bytes up to which arrays are taken from the heap: the most that glibc allows."""
_YOUNG_OBJECTS: Final = 10_000
"""New objects that set off a collection: more than come and go in one frame of many calls."""
_USUAL: Final = gc.get_threshold()
"""The collector's thresholds as Python sets them."""


def settle_process() -> None:
    """Keep freed memory, and keep the garbage collector from what exists by now.

    The collector also looks at what is new less often: it takes about a millisecond for each 10,000
    objects.
    """
    _keep_freed_memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *_USUAL[1:])


def unsettle_process() -> None:
    """Let the collector see everything again, with its usual thresholds."""
    gc.set_threshold(*_USUAL)
    gc.unfreeze()


def _keep_freed_memory() -> None:
    """Tell glibc (other libraries need it not) not to trim its heap.

    Both settings are needed: with the first alone large arrays are still mapped and unmapped each
    time.
    """
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return
    if not glibc:
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_M_MMAP_THRESHOLD, _HEAP_BYTES)
