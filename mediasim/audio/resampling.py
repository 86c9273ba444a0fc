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
        self._taps = taps
        self._step = step
        self._past = np.zeros(len(taps) - 1)

    def feed(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Resample the next samples (samples,)."""
        signal = np.concatenate((self._past, pcm), dtype=np.float64)
        self._past = signal[len(pcm) :]
        length = len(self._taps)
        count = (len(signal) - length) // self._step + 1
        # numpy's sliding_window_view would take longer than the filter.
        strides = (8 * self._step, 8)
        windows = np.ndarray((count, length), np.float64, signal, strides=strides)
        sums = (windows @ self._taps).ravel()
        return np.rint(np.clip(sums / _SCALE, -32768, 32767)).astype(np.int16)


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
