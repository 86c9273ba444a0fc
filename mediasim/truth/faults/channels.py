"""Faults of which channel holds whom."""

from __future__ import annotations

import numpy as np

from mediasim.audio.mixing import downmix
from mediasim.truth.faults.material import FaultError, Material

__all__ = ["crosstalk", "dead", "mixed", "swapped"]


def swapped(it: Material) -> None:
    """The channels in the opposite order."""
    it.pcm = np.ascontiguousarray(it.pcm[::-1])
    it.at(0, it.samples, all_channels=True)


def mixed(it: Material) -> None:
    """Everybody in every channel."""
    it.pcm = np.repeat(downmix(it.pcm)[np.newaxis], it.channels, axis=0)
    it.at(0, it.samples, all_channels=True)


def dead(it: Material) -> None:
    """Nothing any more in one channel, from a time on; from its middle unless one is given."""
    start = it.samples // 2 if it.value is None else round(it.value * it.rate)
    if start >= it.samples:
        raise FaultError(f"the recording has ended before {it.value:g} s")
    pcm = it.pcm.copy()
    pcm[it.channel, start:] = 0
    it.pcm = pcm
    it.at(start, it.samples)


def crosstalk(it: Material) -> None:
    """The other channel, softer, in this one."""
    assert it.value is not None
    source = it.pcm[(it.channel - 1) % it.channels]
    leaked = it.pcm[it.channel] + source * 10 ** (it.value / 20)
    it.replace_channel(np.rint(np.clip(leaked, -32768, 32767)).astype(np.int16))
    it.at(0, it.samples)
