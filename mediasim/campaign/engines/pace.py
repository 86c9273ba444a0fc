"""How fast a campaign goes and how long it will take, from when its shards were finished.

The times are those of the files, so that they are of all machines that write to one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Pace", "pace_of"]

_LATELY: Final = 600.0
"""Seconds back from the newest shard that count."""
_PAUSE: Final = 10
"""A gap so many times the mean one is a pause between runs."""
_LEAST_PAUSE: Final = 60.0
"""A gap below so many seconds is none."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a campaign is, and how fast it goes."""

    done: int
    """Calls in shards that are whole."""
    calls: int
    """Calls that there are to be."""
    rate: float | None = None
    """Calls a second lately; None if nothing is known of it."""
    idle: float | None = None
    """Seconds since the newest shard, if it is so long ago that no run goes on; else None."""

    @property
    def left(self) -> float | None:
        """Seconds until all calls are there; None if nothing is known of it."""
        return (self.calls - self.done) / self.rate if self.rate else None


def pace_of(
    finished: Mapping[int, tuple[float, int]],
    calls: int,
    now: float,
    began: float | None = None,
) -> Pace:
    """Return the pace, from the time at which each shard was finished and how many calls it has.

    ``began`` is when the only run began, if that is known; without it, it is read from the times.
    """
    done = sum(count for _, count in finished.values())
    times = sorted(finished.values())
    if began is not None:
        times = [(began, 0), *(each for each in times if each[0] > began)]
    if len(times) < 2:
        return Pace(done, calls)
    newest = times[-1][0]
    now = max(now, newest)
    times = _of_one_run([each for each in times if each[0] >= newest - _LATELY])
    start = times[0][0]
    # Workers that began together finish together: who finished within the first twentieth began
    # before the time that is measured.
    cut = start + (newest - start) / 20
    start = max(time for time, _ in times if time <= cut)
    counted = sum(count for time, count in times if time > cut)
    if newest == start:
        return Pace(done, calls)
    gap = (newest - start) / sum(time > cut for time, _ in times)
    if began is None and done < calls and now - newest > max(_PAUSE * gap, _LEAST_PAUSE):
        return Pace(done, calls, idle=now - newest)
    return Pace(done, calls, counted / (newest - start))


def _of_one_run(times: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the times after the last pause."""
    if len(times) < 3:
        return times
    gap = max((times[-1][0] - times[0][0]) / (len(times) - 1) * _PAUSE, _LEAST_PAUSE)
    for place in range(len(times) - 1, 0, -1):
        if times[place][0] - times[place - 1][0] > gap:
            return times[place:]
    return times
