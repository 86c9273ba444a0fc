"""Where the pieces of a channel stand in the recording, one after the other.

Pieces of what should be heard are long enough to be found and short enough to move with the rest.
Only a piece that is like itself nowhere else nearby tells where it stands: a tone is at home at
each of its periods. Each is looked for where the last one's place suggests, then ever farther away.
The order in which things were said is kept: no piece stands before the one that came before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import energy_activity
from mediasim.audio.levels import rms_dbfs
from mediasim.truth.measure import Match, find_offset, find_within, match_at

__all__ = [
    "COARSE",
    "FINE",
    "Sighting",
    "Window",
    "share_found",
    "sounding",
    "track",
    "track_closely",
    "windows",
]


# -- pieces ---------------------------------------------------------------------------------


COARSE: Final = 4000
"""Samples of a piece: half a second, a few syllables."""
FINE: Final = 1600
"""Samples of a piece whose place is known but for a few jumps: a syllable."""
_SHORTEST: Final = 800
_SOFTEST_DBFS: Final = -55.0
_PAUSE_MS: Final = 60
_PERIODS: Final = (24, 800)
"""Shifts at which a piece is compared with itself: 3 to 100 ms."""
_PERIODIC: Final = 0.9
_PERIODIC_WHEN_SMALL: Final = 0.97
"""Small pieces are looked for close to their place only, where few periods compete."""


@dataclass(frozen=True, slots=True)
class Window:
    """Samples ``start .. end`` of a channel as it should be."""

    start: int
    end: int
    telling: bool
    """Whether it can stand in one place only."""

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def sounding(samples: NDArray[np.int16]) -> list[tuple[int, int]]:
    """Where there is sound, pauses between words included."""
    return energy_activity(samples, hangover_ms=_PAUSE_MS)


def windows(
    samples: NDArray[np.int16], spans: list[tuple[int, int]], length: int = COARSE
) -> list[Window]:
    """The spans in pieces of at most that length, softest and shortest ones left out."""
    found = []
    limit = _PERIODIC if length == COARSE else _PERIODIC_WHEN_SMALL
    for start, end in spans:
        count = -(-(end - start) // length)
        edges = [start + (end - start) * number // count for number in range(count + 1)]
        for low, high in pairwise(edges):
            piece = samples[low:high]
            if high - low >= _SHORTEST and rms_dbfs(piece) > _SOFTEST_DBFS:
                found.append(Window(low, high, _periodicity(piece) <= limit))
    return found


def _periodicity(piece: NDArray[np.int16]) -> float:
    """How like itself a piece is at its likest shift."""
    signal = piece.astype(np.float64)
    size = 1 << (2 * len(signal) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)
    energy = np.concatenate(([0.0], np.cumsum(signal * signal)))
    shifts = np.arange(_PERIODS[0], min(_PERIODS[1], len(signal) // 2))
    if not len(shifts):
        return 1.0
    whole = np.sqrt(energy[len(signal) - shifts] * (energy[-1] - energy[shifts]))
    likeness = products[shifts] / np.maximum(whole, 1e-9)
    return float(likeness.max())


# -- where they stand -----------------------------------------------------------------------


_Samples = NDArray[np.int16]

_REACHES: Final = (400, 2400, 16_000)
"""How far a piece is looked for from where it is supposed: 50 ms, 0.3 s, 2 s."""
_FAR: Final = 120_000
"""And where that is in vain: 15 s; then anywhere."""
_STUBBORN: Final = 2
"""How often in a row a piece is looked for anywhere, before that is done only now and then."""
_NOW_AND_THEN: Final = 8
_HOPELESS: Final = 64
"""Failures in a row after which only every eighth piece is looked for at all."""
_EFFORT: Final = 12_000_000
"""Samples that may be searched in vain in one channel, and for each of its own one more: a channel
of something else altogether has an end too."""
_BACK: Final = 400
"""Samples by which a piece may reach into the one before."""
_STILL: Final = 0.95
"""Correlation from which on a piece beside the last one's place is not looked for elsewhere."""
_CLIMB: Final = 3
"""Samples by which a drift moves a piece against the last one at most."""
_LOCAL: Final = 40
_LOCAL_LIKENESS: Final = 0.6
_ENOUGH: Final = 8
"""Pieces tried to see which channel is which."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A piece, and where it was found."""

    window: Window
    lag: int
    """Samples later, or if negative earlier, than it should be."""
    correlation: float
    """Negative where it stands upside down."""
    gain_db: float


def track(channel: _Samples, expected: _Samples, pieces: Sequence[Window]) -> list[Sighting]:
    """The telling pieces that are found in a channel (n,), in order, in either polarity."""
    found: list[Sighting] = []
    search = _Search(channel)
    lag, first, failed = 0, -len(channel) - len(expected), 0
    telling = [piece for piece in pieces if piece.telling]
    for number, piece in enumerate(telling):
        if failed >= _HOPELESS and failed % _NOW_AND_THEN:
            failed += 1
            continue
        far = failed < _STUBBORN or failed % _NOW_AND_THEN == 0
        clip = expected[piece.start : piece.end]
        match = search.find(clip, piece.start + lag, first, far)
        if match is not None and abs(match.offset - piece.start - lag) > _REACHES[1]:
            following = telling[number + 1] if number + 1 < len(telling) else None
            if following is not None and _stays(channel, expected, following, lag):
                match = None  # a likeness far away, while what comes next is where it was
        if match is None:
            failed += 1
            continue
        failed = 0
        lag = match.offset - piece.start
        first = match.offset + len(clip) // 2 - _BACK
        found.append(Sighting(piece, lag, match.correlation, match.gain_db))
    return found


def track_closely(
    channel: _Samples,
    expected: _Samples,
    pieces: Sequence[Window],
    coarse: Sequence[Sighting],
) -> list[Sighting]:
    """The same for smaller pieces, each between the lags of the larger ones around it."""
    found: list[Sighting] = []
    starts = [it.window.start for it in coarse]
    for piece in pieces:
        if not piece.telling:
            continue
        after = bisect_right(starts, piece.start)
        around = coarse[max(0, after - 2) : after + 2]
        low, high = min(it.lag for it in around), max(it.lag for it in around)
        clip = expected[piece.start : piece.end]
        # Before the first and after the last of them there may be one more jump.
        open_end = after == 0 or after == len(coarse)
        reach = (high - low) // 2 + (_REACHES[1] if open_end else _LOCAL)
        at = piece.start + (low + high) // 2
        match = find_offset(channel, clip, at, reach, either_sign=True)
        if match is not None:
            lag = match.offset - piece.start
            found.append(Sighting(piece, lag, match.correlation, match.gain_db))
    return found


def share_found(
    channel: _Samples,
    expected: _Samples,
    pieces: Sequence[Window],
    reach: int,
) -> float | None:
    """Share of some of the pieces that are in a channel at all; None if none could be told."""
    telling = [piece for piece in pieces if piece.telling]
    some = telling[:: max(1, len(telling) // _ENOUGH)][:_ENOUGH]
    if not some:
        return None
    clips = [(expected[piece.start : piece.end], piece.start) for piece in some]
    found = [find_offset(channel, clip, at, reach, either_sign=True) for clip, at in clips]
    return sum(match is not None for match in found) / len(some)


class _Search:
    """Looks for pieces in a channel, near their place first, with an end to what that may cost."""

    def __init__(self, channel: _Samples) -> None:
        self._channel = channel
        self._effort = _EFFORT + len(channel)

    def find(self, clip: _Samples, around: int, first: int, far: bool) -> Match | None:
        """The piece, at sample ``first`` or later."""
        near = _still(self._channel, clip, around)
        if near is not None and near.offset >= first:
            return near
        for reach in _REACHES:
            match = self._within(clip, around - reach, around + reach)
            if match is not None and match.offset >= first:
                return match
        near = _beside(self._channel, clip, around)
        if near is not None or not far:
            return near
        for reach in (_FAR, len(self._channel) + abs(around)):
            low = max(first, -len(clip), around - reach)
            match = self._within(clip, low, min(len(self._channel), around + reach))
            if match is not None:
                return match
        return None

    def _within(self, clip: _Samples, low: int, high: int) -> Match | None:
        """The piece where it starts between two samples, unless that would cost too much."""
        if low >= high or high - low > self._effort:
            return None
        self._effort -= high - low + len(clip)
        if not self._channel[max(low, 0) : max(high + len(clip), 0)].any():
            return None
        return find_within(self._channel, clip, (low, high + 1), either_sign=True)


def _still(channel: _Samples, clip: _Samples, around: int) -> Match | None:
    """The piece if it stands within a few samples of its place, and nothing there is likelier."""
    low, high = around - _CLIMB, around + len(clip) + _CLIMB
    if low < 0 or high > len(channel):
        return None
    there, said = channel[low:high].astype(np.float64), clip.astype(np.float64)
    places = [there[at : at + len(said)] for at in range(2 * _CLIMB + 1)]
    norm = sqrt(max(float(said @ said), 1.0))
    norms = [sqrt(max(float(place @ place), 1.0)) for place in places]
    likeness = [
        float(place @ said) / (own * norm) for place, own in zip(places, norms, strict=True)
    ]
    at = max(range(len(likeness)), key=lambda it: (abs(likeness[it]), -abs(it - _CLIMB)))
    best = likeness[at]
    if abs(best) < _STILL or at in (0, 2 * _CLIMB):
        return None
    return Match(low + at, best, 20 * log10(abs(best) * norms[at] / norm))


def _beside(channel: _Samples, clip: _Samples, around: int) -> Match | None:
    """A piece that is smeared, by a drift say, but still where it was supposed."""
    best, offset = max(
        (abs(match_at(channel, clip, at) or 0.0), at)
        for at in range(around - _LOCAL, around + _LOCAL + 1, 4)
    )
    if best < _LOCAL_LIKENESS:
        return None
    best, offset = max(
        (abs(match_at(channel, clip, at) or 0.0), at) for at in range(offset - 3, offset + 4)
    )
    there = channel[max(offset, 0) : max(offset + len(clip), 0)].astype(np.float64)
    power = float(there @ there) / max(float(clip.astype(np.float64) @ clip), 1e-9)
    sign = np.sign(match_at(channel, clip, offset) or 1.0)
    level = 10 * float(np.log10(max(power * best * best, 1e-9)))
    return Match(offset, float(sign) * best, level)


def _stays(channel: _Samples, expected: _Samples, piece: Window, lag: int) -> bool:
    clip = expected[piece.start : piece.end]
    found = find_offset(channel, clip, piece.start + lag, _REACHES[0], either_sign=True)
    return found is not None
