"""Comparisons between channels: their order, identical channels, crosstalk."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import Leak, Reader, leak
from mediasim.truth.verify.colour import some_of
from mediasim.truth.verify.expected import ExpectedChannel
from mediasim.truth.verify.tracking import Window, share_found

__all__ = ["assignment", "crosstalk", "likeness"]

_Samples = NDArray[np.int16]

_REACHES: Final = (4000, 160_000)
"""Samples around a piece's place that are searched: half a second; if in vain, 20 s."""
_SURE: Final = 0.5
"""Share of the pieces that must be found to identify a channel."""
_MOST: Final = 6
"""Most channels of which every order is tried."""
_LAGS: Final = (-800, 4400)
"""Samples by which crosstalk may come late: -100 ms to 550 ms."""
_AT_ONCE: Final = 1 << 18


def assignment(
    channels: Sequence[_Samples],
    expected: Sequence[ExpectedChannel],
    pieces: Sequence[Sequence[Window]],
) -> tuple[tuple[int | None, ...], bool]:
    """Return the index of the file's channel that holds each of the truth's, and if that is sure.

    Channels keep their own order unless another one fits better.
    """
    straight = tuple(number if number < len(channels) else None for number in range(len(expected)))
    if len(channels) == 1:
        return tuple(0 for _ in expected), True
    if len(channels) > _MOST:
        return straight, False
    for reach in _REACHES:
        shares = [
            [share_found(channel, each.samples, windows, reach) for channel in channels]
            for each, windows in zip(expected, pieces, strict=True)
        ]
        known = [row for row in shares if row[0] is not None]
        if not known:
            return straight, False
        best = max(_orders(len(channels), len(expected), straight), key=lambda it: _fit(it, shares))
        found = max((value or 0.0) for row in known for value in row)
        if found >= _SURE:
            return best, True
    return straight, False


def _orders(
    channels: int, wanted: int, straight: tuple[int | None, ...]
) -> list[tuple[int | None, ...]]:
    places: list[int | None] = [*range(channels), *[None] * max(0, wanted - channels)]
    return [straight, *dict.fromkeys(permutations(places, wanted))]


def _fit(order: tuple[int | None, ...], shares: Sequence[Sequence[float | None]]) -> float:
    """Return the sum of the shares that an order finds in place."""
    return sum(
        (row[place] or 0.0) for place, row in zip(order, shares, strict=True) if place is not None
    )


def likeness(one: _Samples, other: _Samples) -> float | None:
    """Return the correlation of two channels without any shift; None if either is silent."""
    length = min(len(one), len(other))
    sums = np.zeros(3)
    for low in range(0, length, _AT_ONCE):
        high = min(low + _AT_ONCE, length)
        first, second = one[low:high].astype(np.float64), other[low:high].astype(np.float64)
        sums += (first @ second, first @ first, second @ second)
    whole = sqrt(sums[1] * sums[2])
    return float(sums[0]) / whole if whole > 0 else None


def crosstalk(victim: Reader, source: Reader, spans: Sequence[tuple[int, int]]) -> Leak | None:
    """Find the source's speech in the victim's channel; None if it is not there.

    Lags up to 550 ms are searched because telephones return the far end's speech so late.
    """
    return leak(victim, source, some_of(spans), _LAGS)
