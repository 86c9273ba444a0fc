"""Finds sounds that were never said, clicks, and clipping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import Floats, Samples
from mediasim.truth.verify.hops import Hops, dbfs, runs

__all__ = ["Spot", "clicks", "clipped_samples", "invented"]


_FRAME: Final = 4
"""Hops over which a level is measured: 20 ms."""
_HEARD_DBFS: Final = -45.0
_ABOVE_NOISE_DB: Final = 10.0
_TOGETHER: Final = 160
"""Samples within which clicks are joined."""
_SHARP: Final = 2.5
"""Ratio of a click's second difference to the largest one of the expected sound."""
_LEAST_BEND: Final = 6000.0
"""Smallest second difference of a click."""
_FLAT: Final = 3
"""Fewest equal samples of a clipped top."""
_FULL: Final = 0.7 * 32768
_CUT_DB: Final = 0.5
"""Decibels by which tops are nearer to the median of all samples than they should be."""
_ROUNDED_CUT_DB: Final = 2.0
"""The same after a lossy format, which rounds the edges of clipped tops."""
_SILENT_STEPS: Final = 12
_TOP: Final = 0.9995
"""Quantile of the samples that is their top."""
_NEAR: Final = 0.75
"""Share of the top from which on a sample is near it."""
_CROWDED: Final = 2
"""Ratio of samples near the top to those expected there."""
_AT_ONCE: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class Spot:
    """A span of samples of the file."""

    start: int
    end: int

    @property
    def samples(self) -> int:
        return self.end - self.start


def invented(hops: Hops, ignore: Sequence[tuple[int, int]]) -> list[Spot]:
    """Find sound where only the channel's noise should be heard."""
    silent = hops.silent.copy()
    hops.unmark(silent, ignore)
    level = dbfs(_moving(np.where(silent, hops.heard, 0.0), _FRAME), _FRAME)
    least = max(_HEARD_DBFS, float(dbfs(hops.noise)) + _ABOVE_NOISE_DB)
    loud = level > least
    # Summed once more in reverse: every hop of a loud frame counts, not only its first.
    heard = silent & (_moving(loud.astype(np.float64)[::-1], _FRAME)[::-1] > 0)
    quiet = dbfs(hops.heard) <= least - _ABOVE_NOISE_DB
    return [Spot(*hops.span(start, end)) for start, end in runs(heard & ~quiet)]


def clicks(hops: Hops) -> list[Spot]:
    """Find second differences far above those of the expected sound, joined within a frame."""
    limit = max(_SHARP * max(hops.sharpest, 2000.0 * hops.gain), _LEAST_BEND)
    found: list[Spot] = []
    for hop in np.flatnonzero(hops.bend > limit).tolist():
        start, end = hops.span(hop, hop + 1)
        if found and start - found[-1].end < _TOGETHER:
            found[-1] = Spot(found[-1].start, end)
        else:
            found.append(Spot(start, end))
    return found


def clipped_samples(channel: Samples, expected: Samples, hops: Hops) -> int:
    """Count the samples in tops that were clipped, at any level.

    Flat tops of the expected sound itself do not count. After a lossy format, which rounds edges,
    clipping is recognised by many samples near the top and few above.
    """
    if not len(channel):
        return 0
    tops = (int(channel.max()), int(channel.min()))
    own_tops = (int(expected.max(initial=0)), int(expected.min(initial=0)))
    flat = sum(_flat(each, tops) for each in _blocks(channel))
    own = sum(_flat(each, own_tops) for each in _blocks(expected))
    if flat > 2 * own + _FLAT:
        least = _CUT_DB
    elif not hops.mostly_exact:
        least, flat = _ROUNDED_CUT_DB, 0
    else:
        return 0
    heard, said = _loudnesses(channel, hops.gain, hops.dc), _loudnesses(expected, 1.0, 0.0)
    if not heard.any() or not said.any():
        return 0
    # The ratio of top to median: below that of the expected sound, whatever the gain, in clipped
    # sound.
    expected_ratio = _quantile(said, _TOP) / max(_quantile(said, 0.5), 1)
    lost = expected_ratio * _quantile(heard, 0.5) / max(_quantile(heard, _TOP), 1)
    if 20 * float(np.log10(max(lost, 1e-9))) < least:
        full = flat and max(tops[0], -tops[1]) >= _FULL
        return flat if full else 0
    near = _near_top(heard)
    return flat or (near if near > _CROWDED * max(_near_top(said), 1) else 0)


def _blocks(samples: Samples) -> Iterator[Samples]:
    return (samples[low : low + _AT_ONCE] for low in range(0, len(samples), _AT_ONCE))


def _loudnesses(samples: Samples, gain: float, dc: float) -> NDArray[np.int64]:
    """Return the histogram (4097,) of sizes in steps of 8, without silence, around the mean."""
    count = np.zeros(4097, np.int64)
    for each in _blocks(samples):
        if dc:
            each = np.clip(each.astype(np.int32) - round(dc), -32768, 32767).astype(np.int16)
        sizes = np.abs(each).view(np.uint16) >> 3  # -32768 is its own size, as 32768 without a sign
        count += np.bincount(sizes, minlength=len(count))
    count[: max(1, round(_SILENT_STEPS * gain))] = 0
    return count


def _quantile(count: NDArray[np.int64], share: float) -> int:
    """Return the step below which a share of the counted samples is."""
    return int(np.searchsorted(np.cumsum(count), count.sum() * share))


def _near_top(count: NDArray[np.int64]) -> int:
    return int(count[round(_NEAR * _quantile(count, _TOP)) :].sum())


def _flat(samples: Samples, tops: tuple[int, int]) -> int:
    """Count the samples of (n,) that are in runs at either extreme."""
    count = 0
    for top in tops:
        at = np.flatnonzero(samples == top)
        if top and len(at) >= _FLAT:
            ends = np.flatnonzero(np.diff(at, prepend=-2, append=len(samples) + 1) > 1)
            lengths = np.diff(ends)
            count += int(lengths[lengths >= _FLAT].sum())
    return count


def _moving(values: Floats, width: int) -> Floats:
    """Return the sum of each value and the ``width - 1`` after it."""
    total = np.concatenate(([0.0], np.cumsum(values), np.zeros(width)))
    total[len(values) + 1 :] = total[len(values)]
    return total[width : width + len(values)] - total[: len(values)]
