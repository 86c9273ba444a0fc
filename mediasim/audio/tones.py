"""Generated sounds of an exchange or a party: tones, music on hold, noises.

Levels are rms levels in dBFS. What is random takes a generator from the caller, or, like comfort
noise, is a function of the sample's position, so that any split into blocks gives the same samples.
Frequencies and cadences of ringback and busy tone are North America's (ITU-T E.180, supplement 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import at_level, to_samples

__all__ = [
    "NoiseKind",
    "babble",
    "beep",
    "busy_tone",
    "chirp",
    "comfort_noise",
    "hold_music",
    "noise",
    "ringback",
    "tone",
    "tune",
]


# -- tones and noises -----------------------------------------------------------------------------


NoiseKind = Literal["white", "pink", "babble", "street"]

_FADE: Final = 40
"""Samples of a fade, 5 ms: long enough for a tone to set in without a click."""
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
    """Generate a sine, or several of equal strength, whose sum has the level ``dbfs``: (samples,).

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
    """Generate the beep before a voicemail is recorded: 1000 Hz for half a second."""
    return tone(1000, SAMPLE_RATE // 2, fade=_FADE)


def ringback(samples: int) -> NDArray[np.int16]:
    """Generate ringback, which a caller hears while it rings: 440 and 480 Hz, 2 s on, 4 s off."""
    return _cadence((440, 480), samples, 2 * SAMPLE_RATE, 4 * SAMPLE_RATE, _RINGBACK_DBFS)


def busy_tone(samples: int) -> NDArray[np.int16]:
    """Generate busy tone: 480 and 620 Hz, half a second on, half off."""
    return _cadence((480, 620), samples, SAMPLE_RATE // 2, SAMPLE_RATE // 2, _BUSY_DBFS)


def chirp(
    samples: int, from_hz: float, to_hz: float, dbfs: float = _TONE_DBFS
) -> NDArray[np.int16]:
    """Generate a sine whose frequency moves evenly from one to the other: (samples,)."""
    at = np.arange(samples) / SAMPLE_RATE
    slope = (to_hz - from_hz) * SAMPLE_RATE / max(samples, 1)
    cycles = from_hz * at + slope * at**2 / 2
    return to_samples(32768 * 10 ** (dbfs / 20) * 2**0.5 * np.sin(2 * np.pi * cycles))


def hold_music(samples: int, generator: np.random.Generator) -> NDArray[np.int16]:
    """Generate a quiet tune to wait by, at -24 dBFS; its end leads into its beginning."""
    return at_level(tune(samples, generator), _MUSIC_DBFS)


def noise(
    kind: NoiseKind, samples: int, dbfs: float, generator: np.random.Generator
) -> NDArray[np.int16]:
    """Generate white or pink (1/f) noise, babble (noise with the sound and rhythm of speech), or a
    street: pink noise that swells as cars go by."""
    if kind == "babble":
        return at_level(babble(samples, generator), dbfs)
    signal = generator.standard_normal(samples)
    if kind in ("pink", "street") and samples:
        spectrum = np.fft.rfft(signal)
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        spectrum[0] = 0
        signal = np.fft.irfft(spectrum, samples)
    if kind == "street" and samples:
        signal *= _traffic(samples, generator)
    return at_level(signal, dbfs)


def _traffic(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """How loud a street is (samples,): about a car in two seconds, each heard for three to six.

    What goes on beyond the end is heard at the beginning.
    """
    loudness = np.ones(samples)
    for _ in range(1 + samples // (2 * SAMPLE_RATE)):
        length = int(generator.integers(3 * SAMPLE_RATE, 6 * SAMPLE_RATE))
        at = (int(generator.integers(samples)) + np.arange(length)) % samples
        np.add.at(loudness, at, generator.uniform(0.2, 0.6) * np.hanning(length))
    return loudness


def comfort_noise(position: int, samples: int, dbfs: float, key: int) -> NDArray[np.int16]:
    """Generate white noise of a stream: its samples from ``position`` on.

    Each sample is a hash of its position and the 64-bit key (splitmix64), so blocks of any size
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


# -- music on hold: plucked notes of a pentatonic melody over four broken chords ------------------


_BEAT: Final = 3200
"""Samples of a beat, approximately: 150 beats a minute."""
_RING: Final = 12000
"""Samples for which a note rings."""
_BEATS_OF_A_CHORD: Final = 4
_CHORDS: Final = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""Semitones above the key note: I, vi, IV, V."""
_MELODY: Final = (12, 14, 16, 19, 21, 24, 26, 28)
"""Semitones above the key note: a pentatonic scale, consonant with any of the chords."""
_HARMONICS: Final = (1.0, 0.4, 0.15)


def tune(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Generate a tune (samples,), of no level in particular, that can be played in a loop."""
    beats = max(1, round(samples / _BEAT))
    key_note = 196.0 * 2 ** (generator.integers(5) / 12)
    signal = np.zeros(samples)
    # Most notes come several times.
    note = cache(partial(_note, min(_RING, samples), key_note))
    step = int(generator.integers(len(_MELODY)))
    for beat in range(beats):
        start = beat * samples // beats
        chord = _CHORDS[beat // _BEATS_OF_A_CHORD % len(_CHORDS)]
        _add_note(signal, start, note(chord[beat % len(chord)], 0.5))
        if beat % _BEATS_OF_A_CHORD == 0 or generator.uniform() < 0.7:
            step = int(np.clip(step + generator.integers(-2, 3), 0, len(_MELODY) - 1))
            _add_note(signal, start, note(_MELODY[step], 1.0))
    return signal


def _note(length: int, key_note: float, semitones: int, strength: float) -> NDArray[np.float64]:
    """Generate one note (length,)."""
    at = np.arange(length) / SAMPLE_RATE
    turns = 2 * np.pi * key_note * 2 ** (semitones / 12) * at
    note = np.zeros(length)
    for number, share in enumerate(_HARMONICS, start=1):
        note += share * np.exp(-3 * number * at) * np.sin(number * turns)
    note *= strength * np.minimum(1, at / 0.005) * np.linspace(1, 0, length)
    return note


def _add_note(signal: NDArray[np.float64], start: int, note: NDArray[np.float64]) -> None:
    """Add one note; what rings beyond the end continues at the beginning."""
    first = min(len(note), len(signal) - start)
    signal[start : start + first] += note[:first]
    signal[: len(note) - first] += note[first:]


# -- babble ---------------------------------------------------------------------------------------


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
"""Index of the sound that is no vowel: a fricative, one syllable in eight."""


@dataclass(frozen=True, slots=True)
class _Syllable:
    start: int
    length: int
    sound: int
    loudness: float


def babble(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Generate babble (samples,), of no level in particular, that begins with a syllable.

    A voice activity detector takes it for speech, and people for no words: a buzz of wandering
    pitch goes through the formants of vowels, one a syllable, with the rhythm of talk: syllables of
    a fifth of a second, phrases of a second or two, pauses between.
    """
    if not samples:
        return np.zeros(0)
    voice = _voice(samples, generator)
    hiss = generator.standard_normal(samples)
    envelopes = np.zeros((_HISS + 1, samples))
    for syllable in _syllables(samples, generator):
        span = slice(syllable.start, syllable.start + syllable.length)
        shape = syllable.loudness * np.hanning(syllable.length + 2)[1:-1]
        envelopes[syllable.sound, span] += shape
    signal: NDArray[np.float64] = (
        0.2 * envelopes[_HISS] * _filtered(np.fft.rfft(hiss), _hiss_response(samples), samples)
    )
    spectrum = np.fft.rfft(voice)
    for envelope, formants in zip(envelopes, _VOWELS, strict=False):
        signal += envelope * _filtered(spectrum, _vowel_response(samples, formants), samples)
    return signal


def _voice(samples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Generate a saw-tooth of the speaker's pitch, which rises and falls, with some breath."""
    base = generator.uniform(95, 210)
    seconds = np.arange(samples) / SAMPLE_RATE
    drift = np.zeros(samples)
    for hertz in (0.4, 1.1, 2.3):
        drift += np.sin(2 * np.pi * (hertz * seconds + generator.uniform()))
    cycles = np.cumsum(base * (1 + 0.05 * drift)) / SAMPLE_RATE
    return 2 * (cycles % 1) - 1 + 0.1 * generator.standard_normal(samples)


def _syllables(samples: int, generator: np.random.Generator) -> list[_Syllable]:
    """Draw syllables to fill the time; the last ends with it."""
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


def _filtered(
    spectrum: NDArray[np.complex128], response: NDArray[np.float64], samples: int
) -> NDArray[np.float64]:
    """Filter a signal of a spectrum by a frequency response, to an rms of 1."""
    filtered = np.fft.irfft(spectrum * response, samples)
    rms = float(np.sqrt(np.mean(filtered**2)))
    return filtered / rms if rms else filtered
