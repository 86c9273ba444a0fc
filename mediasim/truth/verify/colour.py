"""The transfer of a channel: its frequency band, its filter response, and its echo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.measure import Floats, Leak, Samples, Span, leak
from mediasim.truth.verify.hops import HOP, Hops, Ideal, runs

__all__ = ["Band", "band", "echo", "response", "some_of"]

Spans = Sequence[Span]

_WIDTH: Final = 256
"""Samples of a spectrum, whose bins are 31 Hz apart."""
_FRAMES: Final = 4000
"""Most spectra taken, evenly along the channel."""
_FEWEST: Final = 40
"""Fewest spectra from which a band is measured."""
_TOGETHER: Final = 64
"""Spectra taken at once."""
_AUDIBLE_DB: Final = 45.0
"""Decibels below the loudest frequency at which the expected sound is not used."""
_GONE_DB: Final = 15.0
"""Decibels by which a frequency outside of the band is softer than the median."""
_BANDS: Final = 4
"""Bins of one group of frequencies: 125 Hz."""
_STEP_HZ: Final = _BANDS * SAMPLE_RATE / _WIDTH
_PASSED: Final = (300.0, 3200.0)
"""Frequencies in hertz between which the reference gain is taken."""

_REACH: Final = 96
"""Taps of a response before and after its middle: 12 ms, enough for the phase of low voices."""
_REGULAR: Final = 1e-4
"""Regularisation of the least squares, relative to the sound's energy."""
_PART: Final = 4000
_PARTS: Final = 60
_FEWEST_PARTS: Final = 3

_LONGEST: Final = 1_440_000
"""Most samples of speech in which an echo is searched: three minutes, evenly along the call."""
_PIECE: Final = 48_000
_ECHO_LAGS: Final = (200, 4400)
"""Lags in samples of a channel's own echo: 25 to 550 ms. An earlier one is part of the filter."""


@dataclass(frozen=True, slots=True)
class Band:
    """The frequencies that a channel passes, in hertz."""

    low: float
    high: float
    gain: float
    """Linear gain within the band."""


def band(channel: Samples, ideal: Ideal, hops: Hops, ignore: Spans) -> Band | None:
    """Measure the band of a channel; None if too little is said.

    For each frequency the level in the channel, less its noise, is divided by the expected level,
    in the moments that are loudest there. The band ends where that is 15 dB below the median.
    """
    ratio = _passing(channel, ideal, hops, ignore)
    if ratio is None:
        return None
    hertz = (np.arange(len(ratio)) + 0.5) * _STEP_HZ
    inside = ~np.isnan(ratio) & (hertz > _PASSED[0]) & (hertz < _PASSED[1])
    if not inside.any():
        return None
    middle = float(np.median(np.sort(ratio[inside])[np.count_nonzero(inside) // 3 :]))
    # Written with ~(<) so that an unknown (NaN) frequency counts as passed.
    through = ~(ratio < middle * 10 ** (-_GONE_DB / 10))
    low = high = int(np.argmax(np.where(inside, ratio, -1.0)))
    while low > 0 and through[low - 1]:
        low -= 1
    while high + 1 < len(through) and through[high + 1]:
        high += 1
    return Band(low * _STEP_HZ, (high + 1) * _STEP_HZ, float(np.sqrt(middle)))


def _passing(channel: Samples, ideal: Ideal, hops: Hops, ignore: Spans) -> Floats | None:
    """Return the power gain of each group of frequencies; NaN where it is unknown."""
    width = -(-_WIDTH // HOP)
    sound = hops.said > 0
    hops.unmark(sound, ignore)
    sounding = np.flatnonzero(sound)
    sounding = _some(sounding[sounding + width < len(hops.said)])
    if len(sounding) < _FEWEST:
        return None
    quiet = hops.silent & (hops.heard <= 4 * max(hops.noise, 1.0))
    pauses = _some(np.flatnonzero(quiet)) if hops.pauses else sounding[:0]
    noise = _power(channel, pauses).mean(axis=0) if len(pauses) else 0.0
    said = _power(ideal, sounding) * hops.gain**2
    heard = np.maximum(_power(channel, sounding) - noise, 0.0)
    loudest = said.max()
    ratio = np.full(said.shape[1], np.nan)
    for group in range(said.shape[1]):
        order = np.argsort(said[:, group])[-_FEWEST:]
        if said[order[0], group] > max(loudest * 10 ** (-_AUDIBLE_DB / 10), 4 * _at(noise, group)):
            ratio[group] = np.median(heard[order, group] / said[order, group])
    return ratio


def _some(hops: NDArray[np.int64]) -> NDArray[np.int64]:
    return hops[:: max(1, len(hops) // _FRAMES)][:_FRAMES]


def _at(noise: Floats | float, group: int) -> float:
    return float(noise) if isinstance(noise, float) else float(noise[group])


def _power(source: Samples | Ideal, hops: NDArray[np.int64]) -> Floats:
    """Return the power (hops, groups) by group of frequencies of 256 samples from each hop on."""
    window = np.hanning(_WIDTH)
    power = np.zeros((len(hops), _WIDTH // 2 // _BANDS))
    for first in range(0, len(hops), _TOGETHER):
        some = hops[first : first + _TOGETHER].tolist()
        frames = np.zeros((len(some), _WIDTH))
        for frame, hop in zip(frames, some, strict=True):
            low, high = hop * HOP, hop * HOP + _WIDTH
            samples = source(low, high) if isinstance(source, Ideal) else source[low:high]
            if len(samples) == _WIDTH:  # the last one of a channel may be cut short
                frame[:] = samples
        frames -= frames.mean(axis=1, keepdims=True)
        spectra = np.fft.rfft(frames * window)[:, : _WIDTH // 2]
        squares = spectra.real**2 + spectra.imag**2
        power[first : first + _TOGETHER] = squares.reshape(len(some), -1, _BANDS).sum(axis=2)
    return power


def response(channel: Samples, ideal: Ideal, hops: Hops, ignore: Spans) -> Floats | None:
    """Fit the filter that turns the expected sound into the channel, by least squares.

    Returns the taps at the truth's level, or None if too little is said. They include the fraction
    of a sample by which a file is offset, and what codecs and filters do to all sounds alike.
    """
    sound = hops.said > 0
    hops.unmark(sound, ignore)
    pieces = [hops.span(*each) for each in runs(sound)]
    parts = [
        (first, min(first + _PART, end))
        for start, end in pieces
        for first in range(start, end - _PART // 4, _PART)
    ]
    if len(parts) < _FEWEST_PARTS:
        return None
    own, common = np.zeros(4 * _REACH + 1), np.zeros(4 * _REACH + 1)
    for low, high in parts[:: max(1, len(parts) // _PARTS)]:
        said = ideal(low - 2 * _REACH, high + 2 * _REACH).astype(np.float64)
        size = 1 << (2 * len(said)).bit_length()
        spectrum = np.fft.rfft(said, size)
        inner = np.fft.rfft(said[2 * _REACH : -2 * _REACH], size)
        heard = np.fft.rfft(channel[low:high] - hops.dc, size)
        # Auto- and cross-correlation, the right-hand and left-hand side of the normal
        # equations, by FFT; the outer ``said`` is wider, so no lag lacks samples.
        own += np.fft.irfft(spectrum * np.conj(inner), size)[: 4 * _REACH + 1]
        common += np.fft.irfft(spectrum * np.conj(heard), size)[: 4 * _REACH + 1][::-1]
    own = (own + own[::-1]) / 2
    at = np.arange(2 * _REACH + 1)
    matrix = own[2 * _REACH + np.subtract.outer(at, at)]
    matrix += np.eye(len(at)) * own[2 * _REACH] * _REGULAR
    taps: Floats = np.linalg.solve(matrix, common[_REACH : 3 * _REACH + 1]) / hops.gain
    return taps


# -- echo --------------------------------------------------------------------------------------


def echo(channel: Samples, ideal: Ideal, hops: Hops, ignore: Spans) -> Leak | None:
    """Find a channel's own speech in it again 25 to 550 ms later; None if there is no echo.

    The spans to ``ignore`` are left out.
    """
    spoilt = [(start, end) for start, end in ignore if start < end]

    def rest(low: int, high: int) -> Floats:
        out = np.zeros(high - low)
        first, last = max(low, 0), min(high, len(channel))
        if first < last:
            said = ideal(first, last) * hops.gain
            out[first - low : last - low] = (channel[first:last] - said) / 32768.0
            for start, end in spoilt:
                out[max(start - low, 0) : max(end - low, 0)] = 0.0
        return out

    def said(low: int, high: int) -> Floats:
        return ideal(low, high).astype(np.float64) * (hops.gain / 32768.0)

    return leak(rest, said, some_of(_sounding(hops)), _ECHO_LAGS)


def _sounding(hops: Hops) -> list[tuple[int, int]]:
    """Return the spans of samples that should not be silent."""
    return [hops.span(start, end) for start, end in runs(~hops.silent)]


def some_of(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return parts of the spans, evenly chosen, of at most three minutes."""
    pieces = [
        (first, min(first + _PIECE, end))
        for start, end in spans
        for first in range(start, end, _PIECE)
    ]
    whole = sum(end - start for start, end in pieces)
    return pieces[:: max(1, -(-whole // _LONGEST))]
