"""The audio of a call in the shape that a format wants."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.files import decode_audio
from mediasim.audio.levels import downmix
from mediasim.audio.wav import write_wav_to

__all__ = ["as_wav", "channels_as_wav", "channels_of", "mixed_as_wav"]


def channels_of(flac: bytes) -> tuple[int, NDArray[np.int16]]:
    """Return the rate of a FLAC file and its samples (channels, samples), to the bit."""
    return decode_audio(flac)


def as_wav(pcm: NDArray[np.int16], rate: int) -> bytes:
    """Return samples (channels, samples) as a WAV file."""
    file = BytesIO()
    write_wav_to(file, pcm, rate=rate)
    return file.getvalue()


def channels_as_wav(flac: bytes) -> Iterator[bytes]:
    """Yield each channel of a FLAC file as a WAV file."""
    rate, pcm = channels_of(flac)
    for channel in pcm:
        yield as_wav(channel[np.newaxis], rate)


def mixed_as_wav(flac: bytes) -> bytes:
    """Return all channels of a FLAC file, mixed to one, as a WAV file."""
    rate, pcm = channels_of(flac)
    return as_wav(downmix(pcm)[np.newaxis], rate)
