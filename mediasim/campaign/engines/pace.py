"""How fast a campaign goes and how long it will take, from when its shards were finished.

The times are those of the files, so that they are of all machines that write to one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

__all__ = ["Pace", "pace_of"]

_LATELY: Final = 600.0
"""Seconds back from the newest shard that count, where enough shards were finished in them."""
_ENOUGH: Final = 20
_PAUSE: Final = 3600.0
"""Seconds without a shard that are a pause between runs."""
_LEAST_IDLE: Final = 60.0
"""Seconds without a shard in which a run may well go on."""


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
    times = _lately(times)
    if len(times) < 2:
        return Pace(done, calls)
    newest = times[-1][0]
    start = times[0][0]
    # Workers that began together finish together: who finished within the first twentieth began
    # before the time that is measured.
    cut = start + (newest - start) / 20
    start = max(time for time, _ in times if time <= cut)
    if newest == start:
        return Pace(done, calls)
    longest = max(later - earlier for (earlier, _), (later, _) in pairwise(times))
    if began is None and done < calls and now - newest > max(3 * longest, _LEAST_IDLE):
        return Pace(done, calls, idle=now - newest)
    return Pace(done, calls, sum(count for time, count in times if time > cut) / (newest - start))


def _lately(times: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the times that count: those of the last minutes, or more if these are few."""
    first = len(times)
    while (
        first > 0
        and (times[-1][0] - times[first - 1][0] <= _LATELY or len(times) - first < _ENOUGH)
        and (first == len(times) or times[first][0] - times[first - 1][0] <= _PAUSE)
    ):
        first -= 1
    return times[first:]
