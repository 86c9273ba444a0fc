"""Where each sample of the truth stands in the file, and where it was cut or stretched.

Between two stretches of a lag path something was left out or put in. Where exactly is decided by
the samples: at the place at which what comes before and what comes after fit best. In silence any
place fits; the earliest is given, and how much later it may have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.verify.lag_path import LagPath

__all__ = ["Jump", "Piece", "TimeMap", "time_map"]

_Samples = NDArray[np.int16]

_FITS_AS_WELL: Final = 1.02
"""Misfits within 2 % of the best one's are taken for as good."""
_LONGEST: Final = 800_000
"""Samples of silence in which the place of a jump is looked for at most: 100 seconds."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Audio left out, or put in."""

    at: int
    """First sample of the truth that is left out, or before which something is put in."""
    file: int
    """The same place, in samples of the file."""
    moved: int
    """Samples put in, or if negative left out."""
    slack: int
    """How many samples later it may have been."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of the truth that stand in the file in a row."""

    start: int
    end: int
    offset: int
    slope: float

    def to_file(self, sample: float) -> int:
        return round(sample + self.offset + self.slope * sample)


@dataclass(frozen=True, slots=True)
class TimeMap:
    """A whole channel."""

    pieces: tuple[Piece, ...]
    jumps: tuple[Jump, ...]

    def to_file(self, sample: int) -> int | None:
        """Where a sample of the truth stands; None if it was left out."""
        for piece in self.pieces:
            if piece.start <= sample < piece.end:
                return piece.to_file(sample)
        return None

    def laid_out(self, expected: _Samples, low: int, high: int) -> _Samples:
        """What the file's samples ``low .. high`` should be if its timing were right."""
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
            # The nearest sample: an interpolated one would have lost some of its level.
            at_file = np.arange(first, last)
            source = np.rint((at_file - piece.offset) / (1 + piece.slope)).astype(np.int64)
            inside = (source >= 0) & (source < len(expected))
            out[at_file[inside] - low] = expected[source[inside]]
        return out


def time_map(path: LagPath, channel: _Samples, expected: _Samples, gain: float) -> TimeMap:
    """The map of a channel whose lag path is known.

    ``gain`` is linear, and negative where the channel is upside down.
    """
    jumps: list[Jump] = []
    pieces: list[Piece] = []
    start = 0
    stretches = path.stretches
    for number, (one, other) in enumerate(pairwise(stretches)):
        moved = other.offset - one.offset
        low = max(start, one.sightings[-1].window.start)
        high = min(other.sightings[0].window.end, low + _LONGEST)
        at, slack = _cut(path, number, channel, expected, gain, low, high)
        file = round(at + path.lag_at(at, number))
        jumps.append(Jump(at, file, moved, slack))
        pieces.append(Piece(start, at, one.offset, path.slope))
        start = at + max(0, -moved)
    pieces.append(Piece(start, len(expected), stretches[-1].offset, path.slope))
    return TimeMap(tuple(pieces), tuple(jumps))


def _cut(
    path: LagPath,
    number: int,
    channel: _Samples,
    expected: _Samples,
    gain: float,
    low: int,
    high: int,
) -> tuple[int, int]:
    """The sample of the truth at which one stretch gives way to the next."""
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
    # A whole frame at the level of one step is nothing to go by.
    good = np.flatnonzero(total <= total.min() * _FITS_AS_WELL + len(at))
    first = int(good[0])
    beyond = np.flatnonzero(np.diff(good) > 1)
    last = int(good[beyond[0]]) if len(beyond) else int(good[-1])
    return low + first, last - first
