"""Compares a channel with what it should be, in hops of 5 ms, the basis of all findings.

A packet of 20 ms holds at least three whole hops at any phase, and one of 10 ms holds one. The
samples are processed once, in blocks: an hour takes the memory of some seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.measure import Floats, Samples, fast_size
from mediasim.truth.reference import coded, exact_codecs
from mediasim.truth.verify.time_map import TimeMap

__all__ = ["HOP", "LOUD", "QUIET", "Hops", "Ideal", "compare", "dbfs", "runs"]

_Marks = NDArray[np.bool_]

HOP: Final = 40
"""Samples of a hop."""
QUIET: Final = 16
"""Largest sample that counts as silence; A-law's is 8."""
_STEP: Final = 8
"""Largest sample that equals silence: mu-law decodes silence to 0, A-law to 8 or -8."""
_AT_ONCE: Final = 512
"""Hops of one block, whose samples fit into a processor's cache."""
_AROUND: Final = 8
"""Hops around a sound that do not count as silent: codecs ring, drifts are rounded."""
_FEWEST_SILENT: Final = 50
"""Fewest silent hops from which noise is measured."""
LOUD: Final = HOP * 32768.0**2 * 10**-4.5
"""Energy of a hop at -45 dBFS, from which on sound counts as missing if it is not there."""
_SURE: Final = 0.95
"""Least correlation of a hop that is as it should be."""

_BY_FFT: Final = 4096
"""Samples from which on a filter is quicker by FFT."""
_RINGING: Final = 20
"""Samples from a sound beyond which a filter's ringing is not expected."""
_TRIED: Final = 20
"""Number of spans on which a codec is tried."""
_TRIED_SAMPLES: Final = 2000
"""Samples of each of these spans."""


class Ideal:
    """A channel as it should be, in the file's own timing, polarity and codec.

    A recorder may write everything in mu-law, A-law or another codec without memory; each sample is
    then the nearest level. A delay by a fraction of a sample, or a filter, is in ``taps``.
    """

    def __init__(self, expected: Samples, placed: TimeMap, sign: int, channel: Samples) -> None:
        self._expected, self._placed, self._sign = expected, placed, sign
        self.taps: Floats | None = None
        """Filter taps, an odd number of which the middle one is no delay; None for no filter."""
        self._law: str | None = None
        laws = (None, *exact_codecs())
        self._law = max(laws, key=lambda it: self._exact_samples(channel, it))

    def __call__(self, low: int, high: int) -> Samples | Floats:
        """Return samples ``low .. high`` of the file, at the truth's level."""
        if self.taps is None:
            return self._plain(low, high)
        reach = len(self.taps) // 2
        laid = self._plain(low - reach, high + reach)
        if not laid.any():
            return np.zeros(high - low)
        shaped = self._filtered(laid.astype(np.float64))
        # A filter rings on after the last sound, which is nothing that a file could lack: samples
        # with no sound within reach, by the running count of such samples, are set to silence.
        counted = np.concatenate(([0], np.cumsum(np.abs(laid) > _STEP)))
        middle = np.arange(reach, reach + high - low)
        shaped[counted[middle + _RINGING] == counted[middle - _RINGING]] = 0.0
        return shaped

    def _filtered(self, samples: Floats) -> Floats:
        """Return the samples that all taps reach."""
        assert self.taps is not None
        if len(samples) < _BY_FFT:
            return np.convolve(samples, self.taps, "valid")
        size = fast_size(len(samples))  # what wraps around is before the first that all taps reach
        spectrum = np.fft.rfft(samples, size) * np.fft.rfft(self.taps, size)
        return np.fft.irfft(spectrum, size)[len(self.taps) - 1 : len(samples)]

    def _plain(self, low: int, high: int) -> Samples:
        laid = self._placed.laid_out(self._expected, low, high)
        if self._sign < 0:
            laid = -np.maximum(laid, -32767)  # -(-32768) would overflow
        return laid if self._law is None else coded(laid, self._law)

    def _exact_samples(self, channel: Samples, law: str | None) -> int:
        """Count the exactly right samples of some spans if the file was written in a codec."""
        self._law = law
        starts = range(0, len(channel), max(_TRIED_SAMPLES, len(channel) // _TRIED))
        count = 0
        for low in starts:
            there = channel[low : low + _TRIED_SAMPLES]
            laid = self(low, low + len(there))
            count += int(np.count_nonzero((there == laid) & (np.abs(laid) > QUIET)))
        return count


@dataclass(slots=True)
class Hops:
    """Sums over each hop of the channel, and of what it should be at the channel's level.

    Arrays are (hops,).
    """

    samples: int
    """Samples of the channel."""
    gain: float
    """Linear gain: the channel's level divided by the truth's."""
    dc: float
    """Mean of the channel where it should be silent, in steps of 16 bits."""
    said: Floats
    """Energy of what should be heard."""
    heard: Floats
    """Energy of the channel, without its mean."""
    common: Floats
    """Inner product of the two."""
    same: NDArray[np.uint8]
    """Number of samples that are exactly right."""
    bend: NDArray[np.float32]
    """Largest second difference of the channel."""
    sharpest: float
    """Largest second difference of all that should be heard, at the channel's level."""
    silent: _Marks
    """Whether nothing should be heard in the hop and those around it."""
    noise: float
    """Median energy of a hop that should be silent; 0 if unknown."""
    pauses: bool
    """Whether enough hops should be silent to measure noise."""

    def rescale(self) -> None:
        """Measure the gain again, from loud hops that are as they should be.

        The first gain comes from pieces of half a second, which holes in them make too soft.
        """
        loud = self.said > LOUD
        whole = loud & (self.common**2 > _SURE**2 * self.said * self.heard)
        if 2 * np.count_nonzero(whole) <= np.count_nonzero(loud):
            return
        exact = whole & (self.same == HOP)
        level = float(np.median(self.common[whole] / self.said[whole]))
        if 2 * np.count_nonzero(exact) > np.count_nonzero(whole):
            level = 1.0 / self.gain
        self.gain *= level
        self.common *= level
        self.said *= level * level
        self.sharpest *= level

    @property
    def residual(self) -> Floats:
        """Energy of the difference between the channel and what it should be."""
        return np.maximum(self.heard - 2 * self.common + self.said, 0.0)

    @property
    def mostly_exact(self) -> bool:
        """Whether more than half of the loud hops are right to the sample."""
        # Hops that are missing altogether do not count: they say nothing about the rest.
        loud = (self.said > LOUD) & (self.heard > HOP * QUIET * QUIET)
        count = np.count_nonzero(loud)
        return bool(2 * np.count_nonzero(self.same[loud] == HOP) > count)

    @property
    def exact(self) -> float | None:
        """Share of the samples that are exactly right; None for an empty channel."""
        filled_up = len(self.same) * HOP - self.samples
        count = int(self.same.sum(dtype=np.int64)) - filled_up
        return count / self.samples if self.samples else None

    @property
    def correlation(self) -> float | None:
        """Correlation over the hops in which something should be heard; None if there are none."""
        sounding = self.said > 0
        whole = float(np.sqrt(self.said.sum() * self.heard[sounding].sum()))
        return float(self.common[sounding].sum()) / whole if whole > 0 else None

    def likeness(self, start: int, end: int) -> float:
        """Return the correlation of samples ``start .. end`` with the ideal; 0 for silence."""
        part = slice(max(0, start // HOP), max(0, -(-end // HOP)))
        whole = float(np.sqrt(self.said[part].sum() * self.heard[part].sum()))
        return float(self.common[part].sum()) / whole if whole > 0 else 0.0

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the samples of hops ``first .. last``."""
        return first * HOP, min(last * HOP, self.samples)

    def unmark(self, marked: _Marks, spans: Sequence[tuple[int, int]]) -> None:
        """Clear the marks of hops in spans of samples."""
        for start, end in spans:
            marked[max(0, start // HOP) : max(0, -(-end // HOP))] = False


def compare(channel: Samples, ideal: Ideal, gain: float) -> Hops:
    """Compare a channel (n,), whose level is ``gain`` times the truth's, with what it should be."""
    count = -(-len(channel) // HOP)
    totals = np.zeros((2, count), np.float32)  # sums of so few whole numbers are exact in it
    sums = np.zeros((3, count))
    same = np.full(count, HOP, np.uint8)
    bend, peaks = np.zeros(count, np.float32), np.zeros(count, np.uint16)
    sharpest = 0.0
    for first, there, laid in _blocks(channel, ideal):
        hops = slice(first, first + len(there) // HOP)
        one, other = there.reshape(-1, HOP), laid.reshape(-1, HOP)
        totals[:, hops] = np.einsum("ij->i", one), np.einsum("ij->i", other)
        np.einsum("ij,ij->i", one, one, out=sums[0, hops])
        np.einsum("ij,ij->i", other, other, out=sums[1, hops])
        np.einsum("ij,ij->i", one, other, out=sums[2, hops])
        close = one == other
        if not close.all():
            close |= (np.abs(one) <= _STEP) & (np.abs(other) <= _STEP)
            same[hops] = close.sum(axis=1)
        peaks[hops] = np.abs(other).max(axis=1)
        bend[hops] = _bends(there)
        sharpest = max(sharpest, _sharpest(laid))
    return _made(len(channel), gain, totals, sums, same, bend, peaks, sharpest)


def _blocks(channel: Samples, ideal: Ideal) -> Iterator[tuple[int, Floats, Floats]]:
    """Yield (first hop, channel, ideal) of each block with sound, the last one filled up."""
    size = _AT_ONCE * HOP
    for low in range(0, len(channel), size):
        high = min(low + size, len(channel))
        there, laid = channel[low:high], ideal(low, high)
        if not there.any() and not laid.any():
            continue
        room = np.zeros((2, -(-(high - low) // HOP) * HOP))
        room[0, : high - low] = there
        room[1, : high - low] = laid
        yield low // HOP, room[0], room[1]


def _second_differences(samples: Floats) -> Floats:
    """Return the sizes of the second differences (n,); the last two are 0."""
    steps = np.zeros(len(samples))
    np.subtract(samples[1:], samples[:-1], out=steps[:-1])
    np.subtract(steps[1:], steps[:-1], out=steps[:-1])
    steps[-2:] = 0.0
    return np.abs(steps, out=steps)


def _bends(samples: Floats) -> Floats:
    """Return the largest second difference that begins in each hop."""
    largest: Floats = _second_differences(samples).reshape(-1, HOP).max(axis=1)
    return largest


def _sharpest(samples: Floats) -> float:
    return float(_second_differences(samples).max())


def _made(
    samples: int,
    gain: float,
    totals: NDArray[np.float32],
    sums: Floats,
    same: NDArray[np.uint8],
    bend: NDArray[np.float32],
    peaks: NDArray[np.uint16],
    sharpest: float,
) -> Hops:
    sum_there, sum_laid = totals
    heard, said, common = sums
    silent = _spread(peaks > QUIET, _AROUND) == 0
    if samples % HOP:
        silent[-1:] = False  # an incomplete hop
    pauses = int(np.count_nonzero(silent)) >= _FEWEST_SILENT
    if pauses:
        # Silent hops that hold sound are findings, and must not shift the mean.
        usual = silent & (heard <= 4 * np.median(heard[silent]) + 1)
        dc = float(sum_there[usual].mean(dtype=np.float64)) / HOP
    else:
        there, laid = totals.sum(axis=1, dtype=np.float64).tolist()
        dc = (there - gain * laid) / max(samples, 1)
    if abs(dc) <= QUIET:
        dc = 0.0
    if dc:
        heard += HOP * dc * dc - 2 * dc * sum_there
        np.maximum(heard, 0.0, out=heard)
        common -= dc * sum_laid
    common *= gain
    said *= gain * gain
    noise = float(np.median(heard[silent])) if pauses else 0.0
    return Hops(
        samples=samples,
        gain=gain,
        dc=dc,
        said=said,
        heard=heard,
        common=common,
        same=same,
        bend=bend,
        sharpest=sharpest * gain,
        silent=silent,
        noise=noise,
        pauses=pauses,
    )


def dbfs(energy: Floats | float, hops: int = 1) -> Floats:
    """Convert the energy of so many hops to dBFS; digital silence is far below all others."""
    power = np.maximum(np.asarray(energy, np.float64) / (hops * HOP), 1e-4)
    levels: Floats = 10 * np.log10(power / 32768.0**2)
    return levels


def _spread(marked: _Marks, hops: int) -> NDArray[np.int64]:
    """Count the marked hops within ``hops`` of each."""
    total = np.concatenate(([0], np.cumsum(marked)))
    at = np.arange(len(marked))
    spread: NDArray[np.int64] = (
        total[np.minimum(at + hops + 1, len(marked))] - total[np.maximum(at - hops, 0)]
    )
    return spread


def runs(marked: _Marks) -> list[tuple[int, int]]:
    """Return (first, after the last) of each run of marks."""
    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False)).reshape(-1, 2)
    return [(int(start), int(end)) for start, end in edges.tolist()]
