"""Places in a channel: sounds that were never said, clicks, and cut-off tops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.verify.hops import HOP, Hops, Ideal, dbfs, runs

__all__ = ["Spot", "clicks", "clipped_samples", "invented"]

_Samples = NDArray[np.int16]

_FRAME: Final = 4
"""Hops over which a level is taken: 20 ms."""
_HEARD_DBFS: Final = -45.0
_ABOVE_NOISE_DB: Final = 10.0
_TOGETHER: Final = 160
"""Clicks within these samples are one."""
_SHARP: Final = 2.5
"""Times that the sharpest bend of a click exceeds the sharpest of what was said."""
_LEAST_BEND: Final = 6000.0
_FLAT: Final = 3
"""Samples of a top that is cut off, at least."""
_FULL: Final = 0.7 * 32768
_MIDDLE: Final = (0.15, 0.5)
"""Between these shares of the largest sample nothing is cut off yet."""
_CUT_DB: Final = 0.5
"""How much higher the tops should have been."""
_AT_ONCE: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class Spot:
    """Samples ``start .. end`` of the file."""

    start: int
    end: int

    @property
    def samples(self) -> int:
        return self.end - self.start


def invented(hops: Hops, ignore: Sequence[tuple[int, int]]) -> list[Spot]:
    """Where nothing should be heard but the channel's noise, and something is."""
    silent = hops.silent.copy()
    hops.forget(silent, ignore)
    level = dbfs(_moving(np.where(silent, hops.heard, 0.0), _FRAME), _FRAME)
    least = max(_HEARD_DBFS, float(dbfs(hops.noise)) + _ABOVE_NOISE_DB)
    loud = level > least
    # A frame that is loud is heard wherever in it the sound is.
    heard = silent & (_moving(loud.astype(np.float64)[::-1], _FRAME)[::-1] > 0)
    quiet = dbfs(hops.heard) <= least - _ABOVE_NOISE_DB
    return [Spot(*hops.span(start, end)) for start, end in runs(heard & ~quiet)]


def clicks(hops: Hops) -> list[Spot]:
    """Bends sharper than any of what was said; those within a frame of each other are one."""
    limit = max(_SHARP * max(hops.sharpest, 2000.0 * hops.gain), _LEAST_BEND)
    found: list[Spot] = []
    for hop in np.flatnonzero(hops.bend > limit).tolist():
        start, end = hops.span(hop, hop + 1)
        if found and start - found[-1].end < _TOGETHER:
            found[-1] = Spot(found[-1].start, end)
        else:
            found.append(Spot(start, end))
    return found


def clipped_samples(channel: _Samples, expected: _Samples, ideal: Ideal) -> int:
    """Samples in flat tops that should have been higher, at whatever level they were cut off.

    Flat tops of what was said itself count for nothing.
    """
    if not len(channel):
        return 0
    tops = (int(channel.max()), int(channel.min()))
    own_tops = (int(expected.max(initial=0)), int(expected.min(initial=0)))
    own = sum(
        _flat(expected[low : low + _AT_ONCE], own_tops).sum()
        for low in range(0, len(expected), _AT_ONCE)
    )
    count, should, middle = 0, 0.0, np.zeros(2)
    for low in range(0, len(channel), _AT_ONCE):
        there = channel[low : low + _AT_ONCE]
        flat = _flat(there, tops)
        laid = np.abs(ideal(low, low + len(there)).astype(np.float64))
        size = np.abs(there.astype(np.float64))
        count += int(flat.sum())
        should += float(laid[flat].sum())
        largest = max(tops[0], -tops[1])
        whole = (size > _MIDDLE[0] * largest) & (size < _MIDDLE[1] * largest) & (laid > 0)
        middle += (float(size[whole] @ laid[whole]), float(laid[whole] @ laid[whole]))
    if count <= 2 * own + _FLAT:
        return 0
    if middle[1] > 0:
        meant = should / count * middle[0] / middle[1]
        cut_off = meant > 10 ** (_CUT_DB / 20) * min(tops[0], -tops[1])
    else:
        cut_off = max(tops[0], -tops[1]) >= _FULL
    return count if cut_off else 0


def _flat(samples: _Samples, tops: tuple[int, int]) -> NDArray[np.bool_]:
    """Which samples stand in a row at either extreme."""
    flat = np.zeros(len(samples), np.bool_)
    for top in tops:
        if top:
            for start, end in runs(samples == top):
                if end - start >= _FLAT:
                    flat[start:end] = True
    return flat


def _moving(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The sum of each value and those after it, so many in all."""
    total = np.concatenate(([0.0], np.cumsum(values), np.zeros(width)))
    total[len(values) + 1 :] = total[len(values)]
    return total[width : width + len(values)] - total[: len(values)]
