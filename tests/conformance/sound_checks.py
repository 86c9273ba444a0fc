"""Listening to recordings: what tones are in which channel, and where."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

__all__ = ["heard", "level", "mp3_channels", "samples_of"]

RATE = 8000
AUDIBLE = -40.0
"""dBFS of a tone that is there; ours are at -12."""


def samples_of(wav: bytes) -> NDArray[np.int16]:
    """The channels of a WAV file: (channels, samples). It must be what Twilio gives."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getframerate(), file.getsampwidth()) == (RATE, 2)
        interleaved = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return interleaved.reshape(-1, file.getnchannels()).T


def level(
    channel: NDArray[np.int16], hz: float, start: float = 0, end: float | None = None
) -> float:
    """The level of a sine in a stretch given in seconds, in dBFS of its amplitude's rms."""
    part = channel[round(start * RATE) : None if end is None else round(end * RATE)] / 32768
    if not len(part):
        return -np.inf
    turn = np.exp(-2j * np.pi * hz * np.arange(len(part)) / RATE)
    rms = abs(np.dot(part, turn)) / len(part) * np.sqrt(2)
    return float(20 * np.log10(max(rms, 1e-10)))


def heard(
    channel: NDArray[np.int16], *tones: float, start: float = 0, end: float | None = None
) -> set[float]:
    """Which of some tones are in a stretch."""
    return {hz for hz in tones if level(channel, hz, start, end) > AUDIBLE}


def mp3_channels(mp3: bytes) -> int:
    """How many channels an MP3 file has, by a decoder that is not ours."""
    import av

    with av.open(io.BytesIO(mp3), "r", "mp3") as container:
        frame = next(container.decode(audio=0))
        return len(frame.layout.channels)
