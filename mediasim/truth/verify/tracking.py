"""Finds the pieces of a channel in the recording, one after the other.

Pieces of the expected sound are long enough to be found and short enough to have one lag each. Only
a piece that is not periodic has one place: a tone matches at each of its periods. Each piece is
searched at the place that the last one suggests, then ever farther away. Pieces keep their order:
none is found before its predecessor.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10, sqrt
from typing import Final

import numpy as np

from mediasim.audio.activity import energy_activity
from mediasim.audio.levels import rms_dbfs
from mediasim.truth.measure import (
    Match,
    Samples,
    fast_size,
    find_offset,
    find_within,
    match_at,
)

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
"""Length of a piece in samples: half a second, a few syllables."""
FINE: Final = 1600
"""Length of a piece in samples for the exact places of jumps: a syllable."""
_SHORTEST: Final = 800
_SOFTEST_DBFS: Final = -55.0
_PAUSE_MS: Final = 60
_PERIODS: Final = (24, 800)
"""Shifts in samples at which a piece is compared with itself: 3 to 100 ms."""
_PERIODIC: Final = 0.9
"""Autocorrelation above which a piece counts as periodic."""
_PERIODIC_WHEN_SMALL: Final = 0.97
"""The same for small pieces, which are only searched near their place."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece: samples ``start .. end`` of a channel as it should be."""

    start: int
    end: int
    telling: bool
    """Whether the piece is not periodic, so that it can be in one place only."""

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def sounding(samples: Samples) -> list[tuple[int, int]]:
    """Return the spans with sound, including pauses between words."""
    return energy_activity(samples, hangover_ms=_PAUSE_MS)


def windows(samples: Samples, spans: list[tuple[int, int]], length: int = COARSE) -> list[Window]:
    """Cut the spans into pieces of at most ``length`` samples; soft and short ones are left out."""
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


def _periodicity(piece: Samples) -> float:
    """Return the largest autocorrelation of a piece at any of the shifts."""
    signal = piece.astype(np.float64)
    size = fast_size(len(signal) + _PERIODS[1])  # enough for the shifts that are looked at
    spectrum = np.fft.rfft(signal, size)
    products = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)
    energy = np.concatenate(([0.0], np.cumsum(signal * signal)))
    shifts = np.arange(_PERIODS[0], min(_PERIODS[1], len(signal) // 2))
    if not len(shifts):
        return 1.0
    whole = np.sqrt(energy[len(signal) - shifts] * (energy[-1] - energy[shifts]))
    likeness = products[shifts] / np.maximum(whole, 1e-9)
    return float(likeness.max())


# -- finding them ---------------------------------------------------------------------------


_REACHES: Final = (400, 2400, 16_000)
"""Samples around the supposed place that are searched in turn: 50 ms, 0.3 s, 2 s."""
_FAR: Final = 120_000
"""Samples that are searched after that: 15 s; then the whole channel."""
_STUBBORN: Final = 2
"""Failures in a row up to which the whole channel is searched for each piece."""
_NOW_AND_THEN: Final = 8
"""After more failures the whole channel is searched for one piece in so many."""
_HOPELESS: Final = 64
"""Failures in a row from which on only every eighth piece is searched at all."""
_EFFORT: Final = 12_000_000
"""Samples that may be searched in vain in a channel, plus its length: bounds the time that a
recording of something else takes."""
_BACK: Final = 400
"""Samples by which a piece may overlap the one before."""
_STILL: Final = 0.95
"""Correlation from which on a piece at the last one's lag is not searched elsewhere."""
_CLIMB: Final = 3
"""Most samples by which a drift moves a piece against the last one."""
_LOCAL: Final = 40
_LOCAL_LIKENESS: Final = 0.6
_ENOUGH: Final = 8
"""Number of pieces by which channels are identified."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A piece, and the place at which it was found."""

    window: Window
    lag: int
    """Samples by which the piece is later, or if negative earlier, than it should be."""
    correlation: float
    """Correlation (-1 to 1); negative for inverted polarity."""
    gain_db: float


def track(channel: Samples, expected: Samples, pieces: Sequence[Window]) -> list[Sighting]:
    """Find the telling pieces in a channel (n,), in order, in either polarity."""
    found: list[Sighting] = []
    search = _Search(channel)
    # ``first`` is the earliest place of the next piece: pieces keep their order.
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
                match = None  # a false match: the next piece is still at the old lag
        if match is None:
            failed += 1
            continue
        failed = 0
        lag = match.offset - piece.start
        first = match.offset + len(clip) // 2 - _BACK
        found.append(Sighting(piece, lag, match.correlation, match.gain_db))
    return found


def track_closely(
    channel: Samples,
    expected: Samples,
    pieces: Sequence[Window],
    coarse: Sequence[Sighting],
) -> list[Sighting]:
    """Find smaller pieces, each between the lags of the larger ones around it."""
    found: list[Sighting] = []
    starts = [it.window.start for it in coarse]
    for piece in pieces:
        if not piece.telling:
            continue
        after = bisect_right(starts, piece.start)
        around = coarse[max(0, after - 2) : after + 2]
        low, high = min(it.lag for it in around), max(it.lag for it in around)
        clip = expected[piece.start : piece.end]
        # Before the first and after the last larger piece there may be one more jump.
        open_end = after == 0 or after == len(coarse)
        reach = (high - low) // 2 + (_REACHES[1] if open_end else _LOCAL)
        at = piece.start + (low + high) // 2
        match = find_offset(channel, clip, at, reach, either_sign=True)
        if match is not None:
            lag = match.offset - piece.start
            found.append(Sighting(piece, lag, match.correlation, match.gain_db))
    return found


def share_found(
    channel: Samples,
    expected: Samples,
    pieces: Sequence[Window],
    reach: int,
) -> float | None:
    """Return the share of some telling pieces that are in a channel; None if there are none."""
    telling = [piece for piece in pieces if piece.telling]
    some = telling[:: max(1, len(telling) // _ENOUGH)][:_ENOUGH]
    if not some:
        return None
    clips = [(expected[piece.start : piece.end], piece.start) for piece in some]
    found = [find_offset(channel, clip, at, reach, either_sign=True) for clip, at in clips]
    return sum(match is not None for match in found) / len(some)


class _Search:
    """A search for pieces in a channel, near their place first, with a bound on its cost."""

    def __init__(self, channel: Samples) -> None:
        self._channel = channel
        self._effort = _EFFORT + len(channel)

    def find(self, clip: Samples, around: int, first: int, far: bool) -> Match | None:
        """Find a piece that is supposed at sample ``around``, at ``first`` or later."""
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

    def _within(self, clip: Samples, low: int, high: int) -> Match | None:
        """Find a piece that starts between two samples, unless that exceeds the effort left."""
        if low >= high or high - low > self._effort:
            return None
        self._effort -= high - low + len(clip)
        if not self._channel[max(low, 0) : max(high + len(clip), 0)].any():
            return None
        return find_within(self._channel, clip, (low, high + 1), either_sign=True)


def _still(channel: Samples, clip: Samples, around: int) -> Match | None:
    """Find a piece within a few samples of its place, if that is a clear maximum."""
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


def _beside(channel: Samples, clip: Samples, around: int) -> Match | None:
    """Find a piece that is smeared, for example by a drift, near its supposed place."""
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


def _stays(channel: Samples, expected: Samples, piece: Window, lag: int) -> bool:
    clip = expected[piece.start : piece.end]
    found = find_offset(channel, clip, piece.start + lag, _REACHES[0], either_sign=True)
    return found is not None
