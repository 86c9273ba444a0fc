"""Faults of what is heard: ends lost or spoilt, levels wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.truth.faults.material import FaultError, Material, Samples

__all__ = [
    "band_limited",
    "click_at_end",
    "clipped",
    "crushed",
    "dc_offset",
    "echo",
    "inverted",
    "lost_tail",
    "noisy",
    "softer",
]

_ECHO_DB = -15.0
_TAPS = 201


def lost_tail(it: Material) -> None:
    """The last of the call was never flushed."""
    assert it.value is not None
    kept = it.samples - it.samples_of_ms(it.value)
    if kept <= 0:
        raise FaultError("nothing would be left of the recording")
    it.at(kept, it.samples, all_channels=True)
    it.pcm = np.ascontiguousarray(it.pcm[:, :kept])


def click_at_end(it: Material) -> None:
    """A burst of garbage in the last milliseconds."""
    assert it.value is not None
    width = min(it.samples_of_ms(it.value), it.samples)
    pcm = it.pcm.copy()
    start = it.samples - width
    pcm[:, start:] = it.generator.integers(-30_000, 30_000, (it.channels, width), np.int16)
    it.pcm = pcm
    it.at(start, it.samples, all_channels=True)


def clipped(it: Material) -> None:
    """Amplified beyond what fits: the waves' tops are cut off."""
    assert it.value is not None
    louder = it.pcm[it.channel] * 10 ** (it.value / 20)
    it.at(0, it.samples)
    it.replace_channel(np.rint(np.clip(louder, -32768, 32767)).astype(np.int16))


def softer(it: Material) -> None:
    """One channel at another level."""
    assert it.value is not None
    changed = it.pcm[it.channel] * 10 ** (it.value / 20)
    it.at(0, it.samples)
    it.replace_channel(np.rint(np.clip(changed, -32768, 32767)).astype(np.int16))


def inverted(it: Material) -> None:
    """One channel upside down."""
    it.at(0, it.samples)
    it.replace_channel(-np.maximum(it.pcm[it.channel], -32767))


def echo(it: Material) -> None:
    """One channel's own sound once more, later and 15 dB softer."""
    assert it.value is not None
    moved = it.samples_of_ms(it.value)
    samples = it.pcm[it.channel].astype(np.float64)
    samples[moved:] += it.pcm[it.channel, : it.samples - moved] * 10 ** (_ECHO_DB / 20)
    it.at(0, it.samples, moved)
    it.replace_channel(_rounded(samples))


def band_limited(it: Material) -> None:
    """Nothing above a frequency is left in one channel."""
    assert it.value is not None
    share = 2 * it.value / it.rate
    at = np.arange(_TAPS) - _TAPS // 2
    taps = share * np.sinc(share * at) * np.hamming(_TAPS)
    it.at(0, it.samples)
    it.replace_channel(_rounded(np.convolve(it.pcm[it.channel], taps, "same")))


def noisy(it: Material) -> None:
    """White noise in one channel, all along."""
    assert it.value is not None
    level = 32768 * 10 ** (it.value / 20)
    it.at(0, it.samples)
    noise = level * it.generator.standard_normal(it.samples)
    it.replace_channel(_rounded(it.pcm[it.channel] + noise))


def dc_offset(it: Material) -> None:
    """One channel's mean is not zero."""
    assert it.value is not None
    it.at(0, it.samples)
    it.replace_channel(_rounded(it.pcm[it.channel] + it.value))


def crushed(it: Material) -> None:
    """The waves' tops cut off at a share of the largest, well below full scale."""
    assert it.value is not None
    samples = it.pcm[it.channel].astype(np.float64)
    top = float(np.abs(samples).max(initial=0.0)) * it.value / 100
    it.at(0, it.samples)
    it.replace_channel(_rounded(np.clip(samples, -top, top)))


def _rounded(samples: NDArray[np.float64]) -> Samples:
    return np.rint(np.clip(samples, -32768, 32767)).astype(np.int16)
