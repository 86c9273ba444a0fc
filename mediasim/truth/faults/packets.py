"""Faults of packets, on the grid of a recorder that began at any sample."""

from __future__ import annotations

from typing import Final

import numpy as np

from mediasim.audio.levels import rms_dbfs
from mediasim.truth.faults.material import FaultError, Material

__all__ = ["lost", "repeated", "swapped_packets"]

_LOUD_DBFS: Final = -38.0
"""Only packets as loud as this are struck: the others nobody would miss."""
_APART: Final = 4
"""Packets from one that is struck to the next."""


def lost(it: Material) -> None:
    """Packets that never came, silent in their places."""
    width = it.samples_of_ms(20)
    samples = it.pcm[it.channel].copy()
    for at in _struck(it, width):
        samples[at : at + width] = 0
        it.at(at, at + width)
    it.replace_channel(samples)


def repeated(it: Material) -> None:
    """Packets in whose place the one before them stands once more."""
    width = it.samples_of_ms(20)
    samples = it.pcm[it.channel].copy()
    for at in _struck(it, width):
        samples[at : at + width] = samples[at - width : at].copy()
        it.at(at, at + width)
    it.replace_channel(samples)


def swapped_packets(it: Material) -> None:
    """Packets that have changed places with the next."""
    width = it.samples_of_ms(20)
    samples = it.pcm[it.channel].copy()
    for at in _struck(it, width):
        samples[at : at + 2 * width] = np.roll(samples[at : at + 2 * width], width)
        it.at(at, at + 2 * width)
    it.replace_channel(samples)


def _struck(it: Material, width: int) -> list[int]:
    """The first samples of the packets that are drawn: so many per cent of the loud ones."""
    assert it.value is not None
    phase = int(it.generator.integers(width))
    channel = it.pcm[it.channel]
    loud = [
        at
        for at in range(phase + width, it.samples - 2 * width, width)
        if rms_dbfs(channel[at : at + width]) > _LOUD_DBFS
    ]
    if not loud:
        raise FaultError(f"nothing loud is heard in channel {it.channel + 1}: choose another")
    count = max(1, round(len(loud) * it.value / 100))
    chosen: list[int] = []
    for at in it.generator.permutation(loud).tolist():
        if len(chosen) < count and all(abs(at - other) >= _APART * width for other in chosen):
            chosen.append(at)
    return sorted(chosen)
