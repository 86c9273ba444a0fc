"""Faults of what is heard: ends lost or spoilt, levels wrong."""

from __future__ import annotations

import numpy as np

from mediasim.truth.faults.material import FaultError, Material

__all__ = ["click_at_end", "clipped", "lost_tail", "softer"]


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
