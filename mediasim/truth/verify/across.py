"""What channels say about each other: who is where, the same twice, one leaking into another."""

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
"""How far pieces are looked for to see who is where: half a second; in vain there, 20 s."""
_SURE: Final = 0.5
"""Share of the pieces that have to be found for a channel to be known."""
_MOST: Final = 6
"""Channels of which every order is tried."""
_LAGS: Final = (-800, 4400)
_AT_ONCE: Final = 1 << 18


def assignment(
    channels: Sequence[_Samples],
    expected: Sequence[ExpectedChannel],
    pieces: Sequence[Sequence[Window]],
) -> tuple[tuple[int | None, ...], bool]:
    """Which file channel (from 0) holds each channel of the truth, and whether that is sure.

    Channels stay in their own order unless another fits better.
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
        told = [row for row in shares if row[0] is not None]
        if not told:
            return straight, False
        best = max(_orders(len(channels), len(expected), straight), key=lambda it: _fit(it, shares))
        found = max((value or 0.0) for row in told for value in row)
        if found >= _SURE:
            return best, True
    return straight, False


def _orders(
    channels: int, wanted: int, straight: tuple[int | None, ...]
) -> list[tuple[int | None, ...]]:
    places: list[int | None] = [*range(channels), *[None] * max(0, wanted - channels)]
    return [straight, *dict.fromkeys(permutations(places, wanted))]


def _fit(order: tuple[int | None, ...], shares: Sequence[Sequence[float | None]]) -> float:
    """How much is found in its place; the first order given wins a draw."""
    return sum(
        (row[place] or 0.0) for place, row in zip(order, shares, strict=True) if place is not None
    )


def likeness(one: _Samples, other: _Samples) -> float | None:
    """Correlation of two channels as they stand; None if either is silent."""
    length = min(len(one), len(other))
    sums = np.zeros(3)
    for low in range(0, length, _AT_ONCE):
        high = min(low + _AT_ONCE, length)
        first, second = one[low:high].astype(np.float64), other[low:high].astype(np.float64)
        sums += (first @ second, first @ first, second @ second)
    whole = sqrt(sums[1] * sums[2])
    return float(sums[0]) / whole if whole > 0 else None


def crosstalk(victim: Reader, source: Reader, spans: Sequence[tuple[int, int]]) -> Leak | None:
    """Where and how loud the source is heard in the victim's channel; None if it is not.

    From 100 ms before it speaks to 550 ms after: telephones return what they hear so late.
    """
    return leak(victim, source, some_of(spans), _LAGS)
