"""Faults of which channel holds whom, and of the file itself.

Those of the file take a whole WAV's bytes, so they come after all others.
"""

from __future__ import annotations

import struct

import numpy as np

from mediasim.audio.levels import downmix
from mediasim.audio.wav import WAV_HEADER_SIZE
from mediasim.truth.faults.material import FaultError, Material

__all__ = [
    "crosstalk",
    "dead",
    "extra",
    "far_echo",
    "header_only",
    "mixed",
    "swapped",
    "wrong_length",
]


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


# -- of the file ----------------------------------------------------------------------------


_RIFF_SIZE = 4
_DATA_SIZE = 40


def header_only(wav: bytes, value: float | None) -> bytes:
    """The header of a file to which nothing was ever written: it announces no samples."""
    return _announcing(wav[:WAV_HEADER_SIZE], 0)


def wrong_length(wav: bytes, value: float | None) -> bytes:
    """A header that was never brought up to date: it announces another share of the samples."""
    assert value is not None
    frame = struct.unpack_from("<H", wav, 32)[0]
    frames = (len(wav) - WAV_HEADER_SIZE) // frame
    return _announcing(wav, min(round(frames * value / 100) * frame, 0xFFFFFFFF - 36))


def _announcing(wav: bytes, data: int) -> bytes:
    changed = bytearray(wav)
    struct.pack_into("<I", changed, _RIFF_SIZE, data + WAV_HEADER_SIZE - 8)
    struct.pack_into("<I", changed, _DATA_SIZE, data)
    return bytes(changed)
