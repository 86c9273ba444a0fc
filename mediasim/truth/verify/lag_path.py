"""What the places of a channel's pieces mean: an offset, a drift, and jumps between.

Between two jumps the lag lies on a straight line, of one slope for the whole channel: its clock.
A jump is audio left out (what follows comes earlier) or put in (later).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from mediasim.truth.verify.tracking import Sighting

__all__ = ["LagPath", "Stretch", "lag_path"]

_STEEPEST: Final = 0.006
"""No clock is off by more than 6,000 ppm."""
_CLOSE: Final = 12_000
_STEP: Final = 12
"""Samples that a lag differs at least at a jump: 1.5 ms."""
_UNSURE: Final = 0.0003
"""And what may be added to that for each sample between, for the slope is not known exactly."""
_ROUNDED: Final = 0.4
"""Standard error of a lag in whole samples."""
_SUREST_PPM: Final = 100.0
"""A drift is not told if its standard error is larger."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pieces on one line."""

    sightings: tuple[Sighting, ...]
    offset: int
    """The lag that the line has at the channel's first sample."""


@dataclass(frozen=True, slots=True)
class LagPath:
    """The lag of everything in a channel."""

    stretches: tuple[Stretch, ...]
    drift_ppm: float | None
    """None if the pieces are too few, or too close to each other, to tell."""
    error_ppm: float | None
    """Standard error of that."""

    def lag_at(self, sample: float, stretch: int) -> float:
        """The lag of a sample of the truth, on the line of a stretch."""
        return self.stretches[stretch].offset + sample * self.slope

    @property
    def slope(self) -> float:
        return (self.drift_ppm or 0.0) * 1e-6


def lag_path(sightings: Sequence[Sighting]) -> LagPath | None:
    """The path through all sightings, in order; None without any."""
    if not sightings:
        return None
    rough = _rough_slope(sightings)
    groups = _without_strays(_groups(sightings, rough), rough)
    times = [np.array([it.window.middle for it in group]) for group in groups]
    lags = [np.array([it.lag for it in group], np.float64) for group in groups]
    spread = sum(float(((time - time.mean()) ** 2).sum()) for time in times)
    drift = error = None
    if spread > 0:
        error = _ROUNDED / spread**0.5 * 1e6
        if error <= _SUREST_PPM:
            together = sum(
                float((time - time.mean()) @ lag) for time, lag in zip(times, lags, strict=True)
            )
            drift = together / spread * 1e6
            if abs(drift) < 2 * error:
                drift = 0.0
    slope = (drift or 0.0) * 1e-6
    return LagPath(
        tuple(
            Stretch(tuple(group), round(float(np.median(lag - slope * time))))
            for group, time, lag in zip(groups, times, lags, strict=True)
        ),
        drift,
        error if drift is not None else None,
    )


def _rough_slope(sightings: Sequence[Sighting]) -> float:
    """The median slope between close neighbours, jumps left out; 0 if there are none.

    Of pieces far apart it could not be said whether a jump or a drift lies between them.
    """
    slopes = []
    for one, other in pairwise(sightings):
        apart = other.window.middle - one.window.middle
        slope = (other.lag - one.lag) / apart
        if apart <= _CLOSE and abs(slope) <= _STEEPEST:
            slopes.append((slope, apart))
    if not slopes:
        return 0.0
    slopes.sort()
    weights = np.cumsum([apart for _, apart in slopes])
    return slopes[int(np.searchsorted(weights, weights[-1] / 2))][0]


def _groups(sightings: Sequence[Sighting], slope: float) -> list[list[Sighting]]:
    groups = [[sightings[0]]]
    for one, other in pairwise(sightings):
        if _together(one, other, slope):
            groups[-1].append(other)
        else:
            groups.append([other])
    return groups


def _together(one: Sighting, other: Sighting, slope: float) -> bool:
    apart = other.window.middle - one.window.middle
    return abs(other.lag - one.lag - slope * apart) <= _STEP + _UNSURE * apart


def _without_strays(groups: list[list[Sighting]], slope: float) -> list[list[Sighting]]:
    """Single pieces that stand apart while those around them agree were taken for others."""
    kept: list[list[Sighting]] = []
    for number, group in enumerate(groups):
        later = groups[number + 1] if number + 1 < len(groups) else None
        if len(group) == 1 and kept and later and _together(kept[-1][-1], later[0], slope):
            continue
        if kept and _together(kept[-1][-1], group[0], slope):
            kept[-1] = kept[-1] + group
        else:
            kept.append(group)
    return kept
