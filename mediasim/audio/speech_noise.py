"""Babble: noise that a voice activity detector takes for speech, and nobody for words.

A buzz of wandering pitch goes through the formants of vowels, one a syllable, with the rhythm of
talk: syllables of a fifth of a second, phrases of a second or two, pauses between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["babble"]

_VOWELS: Final = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (300, 2250, 3000),
    (570, 840, 2410),
    (440, 1020, 2240),
)
"""Formants in Hz (Peterson and Barney, 1952)."""
_BANDWIDTH: Final = 90
_HISS: Final = len(_VOWELS)
"""The sound that is no vowel: a fricative, one syllable in eight."""


@dataclass(frozen=True, slots=True)
class _Syllable:
    start: int
    length: int
    sound: int
    loudness: float


def babble(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Babble (samples,), of no level in particular, that begins with a syllable."""
    if not samples:
        return np.zeros(0)
    voice = _voice(samples, generator)
    hiss = generator.standard_normal(samples)
    envelopes = np.zeros((_HISS + 1, samples))
    for syllable in _syllables(samples, generator):
        span = slice(syllable.start, syllable.start + syllable.length)
        shape = syllable.loudness * np.hanning(syllable.length + 2)[1:-1]
        envelopes[syllable.sound, span] += shape
    signal: NDArray[np.float64] = 0.2 * envelopes[_HISS] * _filtered(hiss, _hiss_response(samples))
    for envelope, formants in zip(envelopes, _VOWELS, strict=False):
        signal += envelope * _filtered(voice, _vowel_response(samples, formants))
    return signal


def _voice(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """A saw-tooth of the speaker's pitch, which rises and falls, with some breath in it."""
    base = generator.uniform(95, 210)
    seconds = np.arange(samples) / SAMPLE_RATE
    drift = np.zeros(samples)
    for hertz in (0.4, 1.1, 2.3):
        drift += np.sin(2 * np.pi * (hertz * seconds + generator.uniform()))
    cycles = np.cumsum(base * (1 + 0.05 * drift)) / SAMPLE_RATE
    return 2 * (cycles % 1) - 1 + 0.1 * generator.standard_normal(samples)


def _syllables(samples: int, generator: np.random.Generator) -> list[_Syllable]:
    """Syllables to fill the time; the last ends with it."""
    syllables: list[_Syllable] = []
    at = 0
    while at < samples:
        for _ in range(int(generator.integers(4, 11))):
            length = min(int(generator.integers(960, 2080)), samples - at)
            if length <= 0:
                break
            sound = int(generator.integers(_HISS)) if generator.uniform() > 0.125 else _HISS
            syllables.append(_Syllable(at, length, sound, generator.uniform(0.6, 1.0)))
            # Each syllable sets in before the last one has died away.
            at += int(0.8 * length) + 1
        at += int(generator.integers(1600, 4000))
    return syllables


def _vowel_response(samples: int, formants: tuple[int, ...]) -> NDArray[np.float64]:
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    response = np.zeros(len(hertz))
    for number, formant in enumerate(formants):
        response += 0.6**number / (1 + ((hertz - formant) / _BANDWIDTH) ** 2)
    return response


def _hiss_response(samples: int) -> NDArray[np.float64]:
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    response: NDArray[np.float64] = 1 / (1 + (2500 / np.maximum(hertz, 1)) ** 4)
    return response


def _filtered(signal: NDArray[np.float64], response: NDArray[np.float64]) -> NDArray[np.float64]:
    """The signal through a filter of that response, at an rms of 1."""
    filtered = np.fft.irfft(np.fft.rfft(signal) * response, len(signal))
    rms = float(np.sqrt(np.mean(filtered**2)))
    return filtered / rms if rms else filtered
