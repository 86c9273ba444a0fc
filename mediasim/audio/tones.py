"""Sounds that an exchange or a party makes without a recording: tones, music on hold, noises.

Levels are rms levels in dBFS. What is random takes a generator from the caller, or, like comfort
noise, is a function of the sample's place, so that any split into blocks gives the same samples.
Frequencies and cadences of ringback and busy tone are North America's (ITU-T E.180, supplement 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import at_level, to_samples
from mediasim.audio.music import tune
from mediasim.audio.speech_noise import babble

__all__ = [
    "NoiseKind",
    "beep",
    "busy_tone",
    "chirp",
    "comfort_noise",
    "hold_music",
    "noise",
    "ringback",
    "tone",
]

NoiseKind = Literal["white", "pink", "babble"]

_FADE: Final = 40
"""5 ms: long enough for a tone to set in without a click."""
_TONE_DBFS: Final = -12.0
_RINGBACK_DBFS: Final = -19.0
_BUSY_DBFS: Final = -24.0
_MUSIC_DBFS: Final = -24.0


def tone(
    hz: float | Sequence[float],
    samples: int,
    dbfs: float = _TONE_DBFS,
    phase_start: int = 0,
    *,
    fade: int = 0,
) -> NDArray[np.int16]:
    """A sine, or several of equal strength, whose sum has the level ``dbfs``.

    ``phase_start`` is the sample of the tone to begin with: a tone made in pieces has no seams.
    ``fade`` is the number of samples over which it sets in and dies away.
    """
    frequencies = [hz] if isinstance(hz, int | float) else list(hz)
    at = np.arange(phase_start, phase_start + samples)
    amplitude = 32768 * 10 ** (dbfs / 20) * (2 / len(frequencies)) ** 0.5
    signal = np.zeros(samples)
    for frequency in frequencies:
        signal += amplitude * np.sin(2 * np.pi * frequency / SAMPLE_RATE * at)
    return to_samples(_faded(signal, fade))


def beep() -> NDArray[np.int16]:
    """The beep before a voicemail is recorded: 1000 Hz for half a second."""
    return tone(1000, SAMPLE_RATE // 2, fade=_FADE)


def ringback(samples: int) -> NDArray[np.int16]:
    """What a caller hears while it rings: 440 and 480 Hz, 2 s on, 4 s off."""
    return _cadence((440, 480), samples, 2 * SAMPLE_RATE, 4 * SAMPLE_RATE, _RINGBACK_DBFS)


def busy_tone(samples: int) -> NDArray[np.int16]:
    """What a caller hears when it is busy: 480 and 620 Hz, half a second on, half off."""
    return _cadence((480, 620), samples, SAMPLE_RATE // 2, SAMPLE_RATE // 2, _BUSY_DBFS)


def chirp(
    samples: int, from_hz: float, to_hz: float, dbfs: float = _TONE_DBFS
) -> NDArray[np.int16]:
    """A sine whose frequency moves evenly from one to the other."""
    at = np.arange(samples) / SAMPLE_RATE
    slope = (to_hz - from_hz) * SAMPLE_RATE / max(samples, 1)
    cycles = from_hz * at + slope * at**2 / 2
    return to_samples(32768 * 10 ** (dbfs / 20) * 2**0.5 * np.sin(2 * np.pi * cycles))


def hold_music(samples: int, generator: np.random.Generator) -> NDArray[np.int16]:
    """A quiet little tune to wait by, at -24 dBFS; its end leads into its beginning."""
    return at_level(tune(samples, generator), _MUSIC_DBFS)


def noise(
    kind: NoiseKind, samples: int, dbfs: float, generator: np.random.Generator
) -> NDArray[np.int16]:
    """White or pink (1/f) noise, or babble: noise with the sound and rhythm of speech."""
    if kind == "babble":
        return at_level(babble(samples, generator), dbfs)
    signal = generator.standard_normal(samples)
    if kind == "pink" and samples:
        spectrum = np.fft.rfft(signal)
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        spectrum[0] = 0
        signal = np.fft.irfft(spectrum, samples)
    return at_level(signal, dbfs)


def comfort_noise(position: int, samples: int, dbfs: float, key: int) -> NDArray[np.int16]:
    """White noise of a stream: its samples from ``position`` on.

    Each sample is a hash of its place and the 64-bit key (splitmix64), so blocks of any size
    join up.
    """
    at = np.arange(position, position + samples, dtype=np.int64).view(np.uint64)
    mixed = np.uint64(key) + (at + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    uniform = mixed.view(np.int64) / 2.0**63
    return to_samples(32768 * 10 ** (dbfs / 20) * 3**0.5 * uniform)


def _cadence(
    hz: Sequence[float], samples: int, on: int, off: int, dbfs: float
) -> NDArray[np.int16]:
    period = np.concatenate((tone(hz, on, dbfs, fade=_FADE), np.zeros(off, np.int16)))
    return np.resize(period, samples)


def _faded(signal: NDArray[np.float64], fade: int) -> NDArray[np.float64]:
    if fade:
        fade = min(fade, len(signal) // 2)
        rise = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade) ** 2
        signal[:fade] *= rise
        signal[len(signal) - fade :] *= rise[::-1]
    return signal
