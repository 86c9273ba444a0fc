"""A tune for callers on hold: plucked notes of a pentatonic melody over four broken chords."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["tune"]

_BEAT: Final = 3200
"""Samples of a beat as near as the length allows: 150 beats a minute."""
_RING: Final = 12000
"""Samples for which a note rings."""
_BEATS_OF_A_CHORD: Final = 4
_CHORDS: Final = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""Semitones above the key note: I, vi, IV, V."""
_MELODY: Final = (12, 14, 16, 19, 21, 24, 26, 28)
"""Semitones above the key note: a pentatonic scale, consonant with any of the chords."""
_HARMONICS: Final = (1.0, 0.4, 0.15)


def tune(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """A tune (samples,), of no level in particular, that can be played round and round."""
    beats = max(1, round(samples / _BEAT))
    key_note = 196.0 * 2 ** (generator.integers(5) / 12)
    signal = np.zeros(samples)
    step = int(generator.integers(len(_MELODY)))
    for beat in range(beats):
        start = beat * samples // beats
        chord = _CHORDS[beat // _BEATS_OF_A_CHORD % len(_CHORDS)]
        _add_note(signal, start, key_note, chord[beat % len(chord)], 0.5)
        if beat % _BEATS_OF_A_CHORD == 0 or generator.uniform() < 0.7:
            step = int(np.clip(step + generator.integers(-2, 3), 0, len(_MELODY) - 1))
            _add_note(signal, start, key_note, _MELODY[step], 1.0)
    return signal


def _add_note(
    signal: NDArray[np.float64], start: int, key_note: float, semitones: int, strength: float
) -> None:
    """Add one note; what rings beyond the end is heard at the beginning."""
    length = min(_RING, len(signal))
    at = np.arange(length) / SAMPLE_RATE
    turns = 2 * np.pi * key_note * 2 ** (semitones / 12) * at
    note = np.zeros(length)
    for number, share in enumerate(_HARMONICS, start=1):
        note += share * np.exp(-3 * number * at) * np.sin(number * turns)
    note *= strength * np.minimum(1, at / 0.005) * np.linspace(1, 0, length)
    first = min(length, len(signal) - start)
    signal[start : start + first] += note[:first]
    signal[: length - first] += note[first:]
