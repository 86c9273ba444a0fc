"""Whole-number changes of rate between 8 kHz and a codec's own, frame by frame.

A linear-phase low-pass (windowed sinc, 4 kHz) as a polyphase filter with memory. Its delay is known
to the sample, :data:`RESAMPLING_DELAY`, and each call returns exactly as many samples as it was
given. soxr's stream, which is for files here, holds back 60 to 170 ms at these rates.

The taps are whole numbers, so every sum is exact in float64 in whatever order a machine's matrix
product adds: the samples are the same on all machines and in blocks of any size.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["RESAMPLING_DELAY", "Downsampler", "Upsampler"]

RESAMPLING_DELAY: Final = 16
"""Delay of either direction in 8 kHz samples: half the filter's length."""

_KAISER_BETA: Final = 7.0
"""Shape of the window: images and aliases 70 dB down, flat up to 3.4 kHz."""
_TOGETHER: Final = 16
"""Outputs that are made of one window of the signal."""
_AT_ONCE: Final = 48 * 160
"""Samples that are resampled at once at most: whole frames at any rate."""
_SCALE: Final = 2.0**24
"""Gain of 1 in the taps' units. 15 bits of sample, 25 of tap and 8 of length: exact in 53."""


def _low_pass(factor: int, gain: int = 1) -> NDArray[np.float64]:
    """Return 2 * delay * factor + 1 whole-number taps whose sum is about ``gain * _SCALE``."""
    taps = 2 * RESAMPLING_DELAY * factor + 1
    at = np.arange(taps) / factor - RESAMPLING_DELAY
    response = np.sinc(at) * np.kaiser(taps, _KAISER_BETA)
    return np.asarray(np.rint(response * (gain * _SCALE / response.sum())))


class _Resampler:
    """A filter with memory: each output column is a product of windows of the signal and taps."""

    def __init__(self, taps: NDArray[np.float64], step: int) -> None:
        """``taps`` (n,) or (n, phases) make one output, or so many, of every ``step`` samples."""
        taps = taps.reshape(len(taps), -1)
        self._step = step
        self._past = np.zeros(len(taps) - 1)
        # Several outputs are made of one window, so that windows overlap less: the taps of each
        # stand further down.
        phases = taps.shape[1]
        self._group = np.zeros((len(taps) + (_TOGETHER - 1) * step, _TOGETHER * phases))
        for at in range(_TOGETHER):
            rows = slice(at * step, at * step + len(taps))
            self._group[rows, at * phases : (at + 1) * phases] = taps

    def feed(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Resample the next samples (samples,)."""
        if len(pcm) > _AT_ONCE:  # what does not fit into the processor's cache takes far longer
            pieces = [self.feed(pcm[at : at + _AT_ONCE]) for at in range(0, len(pcm), _AT_ONCE)]
            return np.concatenate(pieces)
        signal = np.concatenate((self._past, pcm), dtype=np.float64)
        self._past = signal[len(pcm) :]
        outputs = -(-len(pcm) // self._step)
        length, width = self._group.shape
        windows = -(-outputs // _TOGETHER)
        stride = _TOGETHER * self._step
        short = (windows - 1) * stride + length - len(signal)
        if short > 0:
            signal = np.concatenate((signal, np.zeros(short)))
        # numpy's sliding_window_view would take longer than the filter.
        each = np.ndarray((windows, length), np.float64, signal, strides=(8 * stride, 8))
        sums = (each @ self._group).ravel()[: outputs * (width // _TOGETHER)]
        sums /= _SCALE
        np.rint(sums, out=sums)
        return np.clip(sums, -32768, 32767, out=sums).astype(np.int16)


class Upsampler(_Resampler):
    """A resampler of one stream from 8 kHz to ``factor`` times 8 kHz."""

    def __init__(self, factor: int) -> None:
        taps = np.zeros((2 * RESAMPLING_DELAY + 1) * factor)
        low_pass = _low_pass(factor, gain=factor)
        taps[: len(low_pass)] = low_pass
        # Column p makes the p-th of the ``factor`` samples after each input sample.
        super().__init__(np.ascontiguousarray(taps.reshape(-1, factor)[::-1]), 1)


class Downsampler(_Resampler):
    """A resampler of one stream from ``factor`` times 8 kHz to 8 kHz."""

    def __init__(self, factor: int) -> None:
        super().__init__(_low_pass(factor), factor)
