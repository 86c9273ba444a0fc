"""Measurements of a recording against the clips that were said.

All measurements are in samples. A measure that cannot be taken is None, not zero: a silent clip
has no offset, and a channel without speech has no crosstalk into others.

A clip is found in two ways. The plain correlation decides where the channel holds the clip and
little else. Where others speak over it, all frequencies are given equal weight (the phase
transform, GCC-PHAT): a true copy then has a sharp peak beside unrelated speech of any level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log10, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.products import dot

__all__ = [
    "FLOOR_DB",
    "Floats",
    "Leak",
    "Loudness",
    "Match",
    "Reader",
    "Samples",
    "Span",
    "crosstalk_db",
    "drift_ppm",
    "fast_size",
    "find_offset",
    "find_within",
    "leak",
    "loudest_frame",
    "match_at",
    "reader",
]

FLOOR_DB: Final = -96.0
"""Level of silence in dB: below the smallest step of 16 bits."""

Span = tuple[int, int]
"""(first sample, sample after the last)."""
Samples = NDArray[np.int16]
"""Samples of 16 bits, (n,) unless another shape is named."""
Floats = NDArray[np.float64]

_CERTAIN: Final = 0.9
"""Correlation that no unrelated sound was seen to reach."""
_CANDIDATE: Final = 6.0
"""Times the rms of all other lags that a peak must exceed to be a candidate."""
_THROUGHOUT: Final = 5.0
"""Standard errors that the mean correlation of frames must exceed. Unrelated speech is alike in a
sound or two and seldom above 4; a copy 12 dB below reaches 5 in half a second, 12 in three."""
_FEWEST_FRAMES: Final = 8
_AROUND_PEAK: Final = 40
"""Lags either side of a peak that belong to it: 5 ms."""
_FEWEST_LAGS: Final = 256
"""Fewest lags that are searched, so that a peak can be compared with others."""
_SAME: Final = 1e-6
"""Difference of correlations up to which two copies count as equal."""
_LEAK_LAG: Final = 800
"""Samples by which crosstalk may be late or early: 100 ms."""
_BLOCK: Final = 800 * FRAME_SAMPLES
"""Samples of one block of a search: 16 s."""


@dataclass(frozen=True, slots=True)
class Match:
    """The place at which a clip was found in a channel."""

    offset: int
    """Sample of the channel at which the clip starts; negative if it began before the channel."""
    correlation: float
    """Correlation of the clip with the channel (-1 to 1): 1 for the clip alone at any level,
    negative for a clip of inverted polarity."""
    gain_db: float
    """Level of the clip in the channel relative to the clip, in dB."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A copy of one channel's sound in another."""

    lag: int
    """Samples by which the copy is later than its source."""
    db: float
    """Level of the copy relative to the source, in dB."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """The loudest 20 ms of a span."""

    at: int
    """First sample of the 20 ms."""
    dbfs: float


# -- finding a clip -----------------------------------------------------------------------------


def find_offset(
    channel: Samples, clip: Samples, around: int, reach: int, *, either_sign: bool = False
) -> Match | None:
    """Find the clip within ``reach`` samples of sample ``around`` of the channel.

    The channel counts as silent before its start and after its end. With ``either_sign`` a clip of
    inverted polarity is found as well. Returns None if the clip is silent or not found.
    """
    return _search(channel, clip, around - reach, around + reach, around, either_sign)


def find_within(
    channel: Samples, clip: Samples, between: Span, *, either_sign: bool = False
) -> Match | None:
    """Find the best match of a clip that starts within a span of the channel of any length.

    Returns None under the conditions of :func:`find_offset`.
    """
    start, end = between
    step = max(_BLOCK, 4 * len(clip))
    blocks = (
        _search(channel, clip, first, min(first + step, end) - 1, first, either_sign)
        for first in range(start, end, step)
    )
    found = [match for match in blocks if match is not None]
    return max(found, key=lambda match: abs(match.correlation), default=None)


def _search(
    channel: Samples, clip: Samples, first: int, last: int, around: int, either_sign: bool
) -> Match | None:
    """Return the best match with an offset of ``first .. last``; of equal ones the nearest."""
    if _constant(clip):
        return None
    # A peak is judged against other lags, so a narrow search is widened; matches outside of
    # ``first .. last`` are dropped at the end.
    margin = max(0, (_FEWEST_LAGS - (last - first)) // 2)
    start = first - margin
    lags = last + margin - start + 1
    there = _stretch(channel, start, start + lags + len(clip) - 1)
    reference = _scaled(clip)
    size = fast_size(len(there))
    cross = np.fft.rfft(there, size) * np.conj(np.fft.rfft(reference, size))
    dots = np.fft.irfft(cross, size)[:lags]
    clip_energy = dot(reference, reference)
    energy = _moving_energy(there, len(clip))
    likeness = _ratio(dots, np.sqrt(energy * clip_energy))
    size_of = np.abs(likeness) if either_sign else likeness
    best = np.flatnonzero(size_of >= size_of.max() - _SAME)
    lag = int(best[np.argmin(np.abs(best + start - around))])
    if size_of[lag] < _CERTAIN:
        phases = np.fft.irfft(_phases(cross), size)[:lags]
        lag = int(np.argmax(np.abs(phases) if either_sign else phases))
        sign = float(np.sign(phases[lag])) if either_sign else 1.0
        if not _stands_out(sign * phases, lag):
            return None
        # One sound of a clip may occur in other words; the clip has to be there as a whole.
        copy = sign * np.diff(there[lag : lag + len(clip)])
        if _consistency(*_likeness(copy, np.diff(reference))) < _THROUGHOUT:
            return None
        if either_sign and sign * likeness[lag] <= 0.0:
            return None
    if not first <= start + lag <= last:
        return None
    return Match(
        offset=start + lag,
        correlation=max(-1.0, min(float(likeness[lag]), 1.0)),
        gain_db=_db((abs(float(dots[lag])) if either_sign else float(dots[lag])) / clip_energy),
    )


def match_at(
    channel: Samples, clip: Samples, offset: int, ignore: Sequence[Span] = ()
) -> float | None:
    """Return the correlation (-1 to 1) of the clip with the channel from sample ``offset`` on.

    Samples of the channel in the spans to ``ignore`` are left out. Returns None if the rest of the
    clip is silent, and 0 if the channel is.
    """
    there = _stretch(channel, offset, offset + len(clip))
    reference = _scaled(clip)
    kept = np.ones(len(clip), np.bool_)
    for start, end in ignore:
        kept[max(start - offset, 0) : max(end - offset, 0)] = False
    there, reference = there[kept], reference[kept]
    if _constant(reference):
        return None
    whole = sqrt(dot(there, there) * dot(reference, reference))
    return max(-1.0, min(dot(there, reference) / whole, 1.0)) if whole > 0.0 else 0.0


def drift_ppm(places: Sequence[tuple[int, int]]) -> float | None:
    """Return by how much a channel's clock is slow, in parts per million.

    ``places`` are (expected, found) offsets of several clips; the drift is the slope of the line
    that fits them best. It is positive if clips come ever later, and None with fewer than two
    different expected offsets.
    """
    expected = np.array([place for place, _ in places], np.float64)
    late = np.array([found - place for place, found in places], np.float64)
    if len(expected) < 2 or expected.min() == expected.max():
        return None
    expected -= expected.mean()
    return dot(expected, late) / dot(expected, expected) * 1e6


# -- silence -----------------------------------------------------------------------------------


def loudest_frame(channel: Samples, start: int, end: int) -> Loudness | None:
    """Return the loudest 20 ms of samples ``start .. end``; None if the channel has none of them.

    Frames are counted from the start; a last one that would be cut short is moved forward.
    """
    start, end = max(start, 0), min(end, len(channel))
    if start >= end:
        return None
    width = min(FRAME_SAMPLES, end - start)
    last = _scaled(channel[end - width : end])
    energy, at = dot(last, last), end - width
    for first in range(start, end, _BLOCK):
        samples = _scaled(channel[first : min(first + _BLOCK, end)])
        energies = _frame_sums(samples * samples)
        loudest = int(np.argmax(energies))
        if energies[loudest] > energy:
            energy, at = float(energies[loudest]), first + loudest * FRAME_SAMPLES
    return Loudness(at, _db(sqrt(energy / width)))


# -- crosstalk ---------------------------------------------------------------------------------


Reader = Callable[[int, int], Floats]
"""Returns the samples of a span scaled to -1 to 1, and silence outside the channel."""


def reader(channel: Samples) -> Reader:
    """Return a Reader of a channel (n,) in memory."""
    return lambda start, end: _stretch(channel, start, end)


def crosstalk_db(victim: Samples, source: Samples, spans: Sequence[Span]) -> float | None:
    """Return the level in dB of the source's speech in the victim's channel, relative to its own.

    Both are channels (n,) of one recording; ``spans`` is where the source speaks. A copy of either
    polarity is searched within 100 ms either way. The victim may speak at the same time; a copy
    that is masked by it throughout is not found. Returns ``FLOOR_DB`` if there is no copy and None
    if the source is silent. Raises ValueError for channels of different lengths.
    """
    if len(victim) != len(source):
        raise ValueError(
            f"channels of {len(victim)} and {len(source)} samples: those of one recording are equal"
        )
    spans = [(max(start, 1), min(end, len(source))) for start, end in spans]
    if all(_constant(source[start - 1 : end]) for start, end in spans):
        return None
    found = leak(reader(victim), reader(source), spans, (-_LEAK_LAG, _LEAK_LAG))
    return FLOOR_DB if found is None else found.db


def leak(victim: Reader, source: Reader, spans: Sequence[Span], lags: Span) -> Leak | None:
    """Find a copy, of either polarity, of the source's ``spans`` in the victim.

    ``lags`` is the first and the last lag in samples that is searched; a negative lag is an early
    copy. Returns None if no copy is found.
    """
    found = _leak_lag(_leak_pieces(victim, source, spans, lags), lags)
    if found is None:
        return None
    lag, certain = found
    gain, consistency = _leak_gain(_leak_pieces(victim, source, spans, lags), lag)
    if not (certain or abs(consistency) >= _THROUGHOUT):
        return None
    return Leak(lags[0] + lag, _db(abs(gain)))


_Piece = tuple[Floats, Floats]
"""(the victim in a span widened by the lags, the source in the span), as sample differences."""


def _leak_pieces(
    victim: Reader, source: Reader, spans: Sequence[Span], lags: Span
) -> Iterator[_Piece]:
    """Yield the spans in blocks, as differences of samples: no DC offset, a flatter spectrum."""
    early, late = lags
    for start, end in spans:
        for first in range(start, end, _BLOCK):
            last = min(first + _BLOCK, end)
            yield np.diff(victim(first + early - 1, last + late)), np.diff(source(first - 1, last))


def _leak_lag(pieces: Iterable[_Piece], span: Span) -> tuple[int, bool] | None:
    """Return the likeliest lag, counted from the earliest, and whether it is certain."""
    lags = span[1] - span[0] + 1
    plain = np.zeros(lags)
    phases = np.zeros(lags)
    energy = said_energy = 0.0
    for around, said in pieces:
        # A leak shows best where the victim is quiet: levelled, every 20 ms count the same.
        around, said = _levelled(around), _levelled(said)
        size = fast_size(len(around))
        cross = np.fft.rfft(around, size) * np.conj(np.fft.rfft(said, size))
        plain += np.fft.irfft(cross, size)[:lags]
        phases += np.fft.irfft(_phases(cross), size)[:lags] * len(said)
        energy += dot(around, around)
        said_energy += dot(said, said)
    lag = int(np.argmax(np.abs(plain)))
    if abs(plain[lag]) > _CERTAIN * sqrt(energy * said_energy):
        return lag, True
    lag = int(np.argmax(np.abs(phases)))
    return (lag, False) if _stands_out(np.abs(phases), lag) else None


def _leak_gain(pieces: Iterable[_Piece], lag: int) -> tuple[float, float]:
    """Return the copy's gain by least squares over frames, and its consistency.

    The fourth power of a frame's correlation is its weight: frames in which the victim speaks, or
    into which nothing leaked, hardly count.
    """
    dots = total = 0.0
    likenesses, energies = [], []
    for around, said in pieces:
        there = around[lag : lag + len(said)]
        likeness, energy = _likeness(there, said)
        weight = likeness**4
        dots += dot(weight, _frame_sums(there * said))
        total += dot(weight, energy)
        likenesses.append(likeness)
        energies.append(energy)
    gain = dots / total if total > 0.0 else 0.0
    return gain, _consistency(np.concatenate(likenesses), np.concatenate(energies))


# -- arithmetic --------------------------------------------------------------------------------


def _scaled(samples: Samples) -> Floats:
    """Scale samples to -1 to 1; sums of up to 2^23 of their squares are exact in float64."""
    return samples.astype(np.float64) / 32768.0


def _stretch(channel: Samples, start: int, end: int) -> Floats:
    """Return samples ``start .. end`` of the channel, with silence outside of it."""
    out = np.zeros(end - start)
    low, high = max(start, 0), min(end, len(channel))
    if low < high:
        out[low - start : high - start] = _scaled(channel[low:high])
    return out


def _constant(samples: Samples | Floats) -> bool:
    """Return whether all samples are one value, as silence is in every codec: A-law has no zero."""
    return not len(samples) or bool(samples.min() == samples.max())


def fast_size(least: int) -> int:
    """Return the next size at which an FFT is fast: 2, 3 or 5 times a power of two."""
    power = 1 << max(0, (least - 1).bit_length())
    return min(size for size in (power, power * 3 // 4, power * 5 // 8) if size >= least)


def _moving_energy(samples: Floats, width: int) -> Floats:
    total = np.concatenate(([0.0], np.cumsum(samples * samples)))
    return total[width:] - total[:-width]


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide element by element; 0 where ``whole`` is 0."""
    ratio: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)
    return ratio


def _phases(cross: NDArray[np.complex128]) -> NDArray[np.complex128]:
    size = np.abs(cross)
    return np.divide(cross, size, out=np.zeros_like(cross), where=size > 0.0)


def _stands_out(values: Floats, peak: int) -> bool:
    """Return whether a peak is far above the rms of all values that are not beside it."""
    others = np.concatenate((values[: max(0, peak - _AROUND_PEAK)], values[peak + _AROUND_PEAK :]))
    return bool(values[peak] > _CANDIDATE * np.sqrt(np.mean(others * others)))


def _likeness(there: Floats, source: Floats) -> tuple[Floats, Floats]:
    """Return the correlation of each 20 ms with the source's, and the source's energy in it."""
    energy = _frame_sums(source * source)
    whole = np.sqrt(_frame_sums(there * there) * energy)
    return _ratio(_frame_sums(there * source), whole), energy


def _consistency(likeness: Floats, energy: Floats) -> float:
    """Return the frames' mean likeness in standard errors, over frames with sound in the source."""
    likeness = likeness[energy > 1e-4 * energy.max()]
    if len(likeness) < _FEWEST_FRAMES:
        return 0.0
    error = float(np.std(likeness)) / sqrt(len(likeness))
    return float(np.mean(likeness)) / max(error, 1e-9)


def _frame_sums(values: Floats) -> Floats:
    sums: Floats = np.add.reduceat(values, np.arange(0, len(values), FRAME_SAMPLES))
    return sums


def _levelled(values: Floats) -> Floats:
    """Scale every frame of 20 ms to the same level; silent ones stay silent."""
    rms = np.sqrt(_frame_sums(values * values) / FRAME_SAMPLES)
    return _ratio(values, np.repeat(rms, FRAME_SAMPLES)[: len(values)])


def _db(ratio: float) -> float:
    return max(FLOOR_DB, 20.0 * log10(ratio)) if ratio > 0.0 else FLOOR_DB
