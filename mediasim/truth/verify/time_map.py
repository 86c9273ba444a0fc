"""Derives offset, drift, jumps, and the place of each sample from the places of pieces.

Between two jumps the lag is on a straight line, whose slope, the clock's drift, is the same for the
whole channel. A jump is audio left out (what follows is earlier) or put in (later). It is placed
where the samples before and after it fit best. Within silence every place fits; the earliest is
taken, and by how much later it may be is its slack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import Floats, Samples
from mediasim.truth.verify.tracking import Sighting

__all__ = ["Jump", "LagPath", "MappedPiece", "Stretch", "TimeMap", "lag_path", "time_map"]


# -- the path of the lag --------------------------------------------------------------------


_STEEPEST: Final = 0.006
"""Steepest slope of a clock: 6,000 ppm."""
_CLOSE: Final = 12_000
"""Samples between pieces from whose lags a slope is taken."""
_STEP: Final = 12
"""Fewest samples by which a lag changes at a jump: 1.5 ms."""
_UNSURE: Final = 0.0003
"""Addition to that for each sample between the pieces, because the slope is not exact."""
_ROUNDED: Final = 0.4
"""Standard error of a lag that is rounded to whole samples."""
_BESIDE: Final = 2.0
"""Samples by which a piece may be beside the line, or as many spreads of all others."""
_SPREADS: Final = 4.0
_SUREST_PPM: Final = 100.0
"""Largest standard error of a drift that is reported."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive pieces whose lags are on one line."""

    sightings: tuple[Sighting, ...]
    offset: int
    """Lag in samples of the line at the channel's first sample."""


@dataclass(frozen=True, slots=True)
class LagPath:
    """The lag of a channel over time."""

    stretches: tuple[Stretch, ...]
    drift_ppm: float | None
    """Drift in parts per million; None if the pieces are too few or too close to each other."""
    error_ppm: float | None
    """Standard error of the drift."""

    def lag_at(self, sample: float, stretch: int) -> float:
        """Return the lag of a sample of the truth, on the line of a stretch."""
        return self.stretches[stretch].offset + sample * self.slope

    @property
    def slope(self) -> float:
        return (self.drift_ppm or 0.0) * 1e-6


def lag_path(sightings: Sequence[Sighting]) -> LagPath | None:
    """Fit the path through all sightings, in order; None without any."""
    if not sightings:
        return None
    rough = _rough_slope(sightings)
    groups = _without_strays(_groups(sightings, rough), rough)
    times = [np.array([it.window.middle for it in group]) for group in groups]
    lags = [np.array([it.lag for it in group], np.float64) for group in groups]
    drift, error = _drift(times, lags)
    if drift is not None:
        near = [_near(*each, drift) for each in zip(times, lags, strict=True)]
        if sum(len(it) - int(it.sum()) for it in near):
            drift, error = _drift(
                [time[it] for time, it in zip(times, near, strict=True)],
                [lag[it] for lag, it in zip(lags, near, strict=True)],
            )
        if drift is not None and error is not None and abs(drift) < 2 * error:
            drift = 0.0  # not significant: an exact clock is assumed
    slope = (drift or 0.0) * 1e-6
    return LagPath(
        tuple(
            Stretch(tuple(group), round(float(np.median(lag - slope * time))))
            for group, time, lag in zip(groups, times, lags, strict=True)
        ),
        drift,
        error if drift is not None else None,
    )


def _drift(times: list[Floats], lags: list[Floats]) -> tuple[float | None, float | None]:
    """Fit one slope to the lags of several stretches; returns it and its standard error in ppm."""
    spread = sum(float(((time - time.mean()) ** 2).sum()) for time in times)
    error = _ROUNDED / spread**0.5 * 1e6 if spread > 0 else None
    if error is None or error > _SUREST_PPM:
        return None, None
    together = sum(float((time - time.mean()) @ lag) for time, lag in zip(times, lags, strict=True))
    return together / spread * 1e6, error


def _near(time: Floats, lag: Floats, drift: float) -> NDArray[np.bool_]:
    """Mark the pieces that are as near to the line as rounding and most others let them be.

    One that matched a few samples beside its place would turn the line.
    """
    off = lag - drift * 1e-6 * time
    off = np.abs(off - np.median(off))
    near: NDArray[np.bool_] = off <= max(_BESIDE, _SPREADS * float(np.median(off)))
    return near


def _rough_slope(sightings: Sequence[Sighting]) -> float:
    """Return the median slope between close neighbours, without jumps; 0 if there are none.

    Between distant pieces a jump could not be distinguished from a drift.
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
    """Drop single pieces off the line of their neighbours: they were mistaken for others."""
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


# -- the place of each sample ---------------------------------------------------------------


_FITS_AS_WELL: Final = 1.02
"""Ratio to the smallest misfit up to which places count as equally good."""
_LONGEST: Final = 800_000
"""Most samples of silence in which the place of a jump is searched: 100 seconds."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A place at which audio was left out or put in."""

    at: int
    """First sample of the truth that is left out, or before which audio is put in."""
    file: int
    """The same place, in samples of the file."""
    moved: int
    """Samples put in, or if negative left out."""
    slack: int
    """Samples by which the place may be later."""


@dataclass(frozen=True, slots=True)
class MappedPiece:
    """Samples ``start .. end`` of the truth that are contiguous in the file."""

    start: int
    end: int
    offset: int
    slope: float

    def to_file(self, sample: float) -> int:
        return round(sample + self.offset + self.slope * sample)


@dataclass(frozen=True, slots=True)
class TimeMap:
    """The place in the file of every sample of a channel."""

    pieces: tuple[MappedPiece, ...]
    jumps: tuple[Jump, ...]

    def to_file(self, sample: int) -> int | None:
        """Return the place of a sample of the truth; None if it was left out."""
        for piece in self.pieces:
            if piece.start <= sample < piece.end:
                return piece.to_file(sample)
        return None

    def laid_out(self, expected: Samples, low: int, high: int) -> Samples:
        """Lay the expected samples out in the file's timing; returns samples ``low .. high``."""
        out = np.zeros(high - low, np.int16)
        for piece in self.pieces:
            first, last = max(low, piece.to_file(piece.start)), piece.to_file(piece.end)
            last = min(last, high)
            if first >= last:
                continue
            if piece.slope == 0.0:
                start, end = max(first - piece.offset, 0), min(last - piece.offset, len(expected))
                if start < end:
                    at = start + piece.offset - low
                    out[at : at + end - start] = expected[start:end]
                continue
            # The nearest sample, because interpolation lowers the level of high frequencies.
            at_file = np.arange(first, last)
            source = np.rint((at_file - piece.offset) / (1 + piece.slope)).astype(np.int64)
            inside = (source >= 0) & (source < len(expected))
            out[at_file[inside] - low] = expected[source[inside]]
        return out


def time_map(path: LagPath, channel: Samples, expected: Samples, gain: float) -> TimeMap:
    """Map a channel whose lag path is known.

    ``gain`` is linear, and negative if the channel's polarity is inverted.
    """
    jumps: list[Jump] = []
    pieces: list[MappedPiece] = []
    start = 0
    stretches = path.stretches
    for number, (one, other) in enumerate(pairwise(stretches)):
        moved = other.offset - one.offset
        low = max(start, one.sightings[-1].window.start)
        high = min(other.sightings[0].window.end, low + _LONGEST)
        at, slack = _cut(path, number, channel, expected, gain, low, high)
        file = round(at + path.lag_at(at, number))
        jumps.append(Jump(at, file, moved, slack))
        pieces.append(MappedPiece(start, at, one.offset, path.slope))
        start = at + max(0, -moved)
    pieces.append(MappedPiece(start, len(expected), stretches[-1].offset, path.slope))
    return TimeMap(tuple(pieces), tuple(jumps))


def _cut(
    path: LagPath,
    number: int,
    channel: Samples,
    expected: Samples,
    gain: float,
    low: int,
    high: int,
) -> tuple[int, int]:
    """Return the sample of the truth at which one stretch ends, and by how much later it may be."""
    # The squared misfit of every possible cut is that of the first line before it plus that of the
    # second line after it (and after what is left out), both from running sums.
    left_out = max(0, path.stretches[number].offset - path.stretches[number + 1].offset)
    at = np.arange(low, max(high, low + left_out + 1))
    said = np.where(at < len(expected), expected[np.minimum(at, len(expected) - 1)], 0) * gain
    misfits = []
    for stretch in (number, number + 1):
        there = np.rint(at + path.lag_at(0, stretch) + path.slope * at).astype(np.int64)
        inside = (there >= 0) & (there < len(channel))
        heard = np.where(inside, channel[np.clip(there, 0, len(channel) - 1)], 0)
        misfits.append(np.concatenate(([0.0], np.cumsum((heard.astype(np.float64) - said) ** 2))))
    before, after = misfits
    ends = np.arange(len(at) - left_out + 1)
    total = before[ends] + after[-1] - after[ends + left_out]
    # Differences of one step a sample are rounding, not evidence.
    good = np.flatnonzero(total <= total.min() * _FITS_AS_WELL + len(at))
    first = int(good[0])
    beyond = np.flatnonzero(np.diff(good) > 1)
    last = int(good[beyond[0]]) if len(beyond) else int(good[-1])
    return low + first, last - first
