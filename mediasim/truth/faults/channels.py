"""Faults of which channel holds whom."""

from __future__ import annotations

import numpy as np

from mediasim.audio.levels import downmix
from mediasim.truth.faults.material import FaultError, Material

__all__ = ["crosstalk", "dead", "extra", "far_echo", "mixed", "swapped"]


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


def far_echo(it: Material) -> None:
    """The other channel in this one, later and 20 dB softer: a far side that hears itself."""
    assert it.value is not None
    moved = it.samples_of_ms(it.value)
    source = it.pcm[(it.channel - 1) % it.channels]
    samples = it.pcm[it.channel].astype(np.float64)
    samples[moved:] += source[: it.samples - moved] * 0.1
    it.at(0, it.samples, moved)
    it.replace_channel(np.rint(np.clip(samples, -32768, 32767)).astype(np.int16))


def extra(it: Material) -> None:
    """One channel more, with everybody in it."""
    it.at(0, it.samples, all_channels=True)
    it.pcm = np.concatenate((it.pcm, downmix(it.pcm)[np.newaxis]))
