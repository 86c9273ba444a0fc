"""The waveform of a recording's WAV, for a page to draw and to play, as mu-law octets.

Peaks are the lowest and the highest sample of each bucket of 20 ms or more. They are kept as mu-law
too: the logarithmic steps keep quiet speech visible when a page magnifies it, and one table in the
page decodes peaks and sound alike. A file is read a minute at a time, so that an hour of call costs
no more memory than what is kept of it.
"""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.g711 import ulaw_encode

__all__ = ["Waveform", "read_waveform"]

MOST_BUCKETS: Final = 60_000
"""Buckets of a channel at most: twenty minutes in buckets of 20 ms, an hour in those of 60 ms."""
_BLOCK_SECONDS: Final = 60
"""Seconds of the file that are read at a time."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """A recording as a page draws and plays it."""

    channels: int
    samples: int
    """Samples of each channel."""
    bucket: int
    """Samples that each pair of peaks stands for."""
    peaks: tuple[bytes, ...]
    """Per channel: lowest, highest, lowest, highest ... as mu-law octets."""
    loudest: tuple[float, ...]
    """Per channel: the greatest magnitude, of full scale 1.0."""
    ulaw: tuple[bytes, ...] | None
    """Per channel: each sample as a mu-law octet; None if the sound is left out."""

    def peak_dbfs(self, channel: int) -> float | None:
        """Return the channel's peak level in dBFS; None for digital silence."""
        loudest = self.loudest[channel]
        return 20 * math.log10(loudest) if loudest else None


def read_waveform(path: Path, *, sound_bytes: int) -> Waveform:
    """Return the peaks of a WAV file, with its sound if that takes no more than ``sound_bytes``
    octets.

    Raises ``ValueError`` for anything but 16-bit PCM at 8 kHz, ``OSError`` if there is no file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            return _read(file, path, sound_bytes)
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{path} is not a readable WAV file: {error or 'it is cut short'}"
        ) from error


def _read(file: wave.Wave_read, path: Path, sound_bytes: int) -> Waveform:
    channels, samples = file.getnchannels(), file.getnframes()
    if file.getsampwidth() != 2 or file.getframerate() != SAMPLE_RATE:
        raise ValueError(
            f"{path} has {8 * file.getsampwidth()} bits at {file.getframerate()} Hz; "
            f"a recording has 16 bits at {SAMPLE_RATE} Hz"
        )
    bucket = FRAME_SAMPLES * max(1, -(-samples // (FRAME_SAMPLES * MOST_BUCKETS)))
    # Whole buckets, so that none lies in two blocks.
    block = _BLOCK_SECONDS * SAMPLE_RATE // bucket * bucket
    keeps_sound = channels * samples <= sound_bytes
    lows: list[NDArray[np.int16]] = []
    highs: list[NDArray[np.int16]] = []
    sound: list[NDArray[np.uint8]] = []
    while raw := file.readframes(block):
        pcm = np.ascontiguousarray(np.frombuffer(raw, dtype="<i2").reshape(-1, channels).T)
        low, high = _extremes(pcm, bucket)
        lows.append(low)
        highs.append(high)
        if keeps_sound:
            sound.append(ulaw_encode(pcm))
    if not lows:
        nothing = (b"",) * channels
        return Waveform(channels, 0, bucket, nothing, (0.0,) * channels, nothing)
    low, high = np.concatenate(lows, axis=1), np.concatenate(highs, axis=1)
    pairs = ulaw_encode(np.stack((low, high), axis=2))
    # In 32 bits: the magnitude of -32768 does not fit in 16.
    loudest = np.maximum(high.max(axis=1).astype(np.int32), -low.min(axis=1).astype(np.int32))
    return Waveform(
        channels=channels,
        samples=samples,
        bucket=bucket,
        peaks=tuple(pairs[channel].tobytes() for channel in range(channels)),
        loudest=tuple(float(value) / 32768 for value in loudest),
        ulaw=tuple(
            b"".join(part[channel].tobytes() for part in sound) for channel in range(channels)
        )
        if keeps_sound
        else None,
    )


def _extremes(pcm: NDArray[np.int16], bucket: int) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return the lowest and highest sample of each bucket of ``pcm (channels, samples)``."""
    if spare := -pcm.shape[1] % bucket:
        pcm = np.pad(pcm, ((0, 0), (0, spare)), mode="edge")
    buckets = pcm.reshape(pcm.shape[0], -1, bucket)
    return buckets.min(axis=2), buckets.max(axis=2)
