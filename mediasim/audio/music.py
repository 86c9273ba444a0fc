"""Music for callers who wait, in several styles: composed from a seed and synthesized.

A piece is bars of a chord progression, each played by the instruments of its style: a bass, a
figure of broken or struck chords, a melody drawn from the chord, and drums. What rings beyond the
end continues at the beginning, so that a piece can be repeated without a seam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import at_level
from mediasim.audio.tones import hold_music
from mediasim.seeds import Seeds

__all__ = ["COMPOSER", "STYLES", "cowbell", "default_hold_music", "piece"]

COMPOSER: Final = 2
"""Number of the way in which pieces are made; a change of it makes others of the same names."""
_SEED: Final = 1
_MUSIC_DBFS: Final = -20.0
_DEFAULT: Final = ("classical", 1)
_DEFAULT_SAMPLES: Final = 16 * SAMPLE_RATE
_BARS: Final = 12
_BEATS: Final = 4
_Signal = NDArray[np.float64]
_Voice = Callable[[float, float, np.random.Generator], _Signal]
"""An instrument: (Hz, seconds, generator) to samples of strength 1."""


# -- instruments ------------------------------------------------------------------------------


def _at(seconds: float) -> _Signal:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _harmonics(hertz: float, at: _Signal, shares: tuple[float, ...], decay: float) -> _Signal:
    """Return a note whose higher harmonics die away sooner; none is above the telephone's band."""
    note = np.zeros(len(at))
    for number, share in enumerate(shares, start=1):
        if number * hertz < SAMPLE_RATE / 2 - 200:
            note += share * np.exp(-decay * number * at) * np.sin(2 * np.pi * number * hertz * at)
    return note


def _shaped(note: _Signal, attack: float, release: float) -> _Signal:
    """Let a note set in and die away over some seconds."""
    for seconds, side in ((attack, slice(None)), (release, slice(None, None, -1))):
        rise = min(len(note), max(1, int(seconds * SAMPLE_RATE)))
        note[side][:rise] *= np.sin(np.pi / 2 * np.arange(rise) / rise)
    return note


def _plucked(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    shares = (1.0, 0.6, 0.45, 0.25, 0.15)
    return _shaped(_harmonics(hertz, _at(seconds + 0.6), shares, 2.2), 0.004, 0.3)


def _strings(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    at = _at(seconds + 0.15)
    bend = 0.4 * np.sin(2 * np.pi * 5 * at) / (2 * np.pi * 5)  # a vibrato of 0.4 Hz
    return _shaped(_harmonics(hertz, at + bend / hertz, (1, 0.5, 0.33, 0.2, 0.1), 0), 0.08, 0.15)


def _pad(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    at = _at(seconds * 1.5)
    both = _harmonics(hertz, at, (1, 0.3, 0.1), 0) + _harmonics(hertz * 1.003, at, (1, 0.3), 0)
    return _shaped(both / 2, 0.4 * seconds, 0.5 * seconds)


def _bell(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    at = _at(2.5)
    partials = ((1.0, 1.0, 1.5), (2.76, 0.4, 3.0), (5.4, 0.15, 6.0))
    note = sum(
        share * np.exp(-decay * at) * np.sin(2 * np.pi * ratio * hertz * at)
        for ratio, share, decay in partials
        if ratio * hertz < SAMPLE_RATE / 2 - 200
    )
    return _shaped(np.asarray(note), 0.002, 0.5)


def _square(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    return _shaped(_harmonics(hertz, _at(seconds), (1, 0, 0.33, 0, 0.2, 0, 0.14), 1), 0.003, 0.02)


def _electric_piano(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    at = _at(seconds + 0.4)
    turns = 2 * np.pi * hertz * at
    return _shaped(np.exp(-1.5 * at) * np.sin(turns + np.exp(-4 * at) * np.sin(turns)), 0.003, 0.3)


def _overdriven(hertz: float, seconds: float, generator: np.random.Generator) -> _Signal:
    both = _harmonics(hertz, _at(seconds), (1, 0.5), 0.4)
    both += _harmonics(hertz * 1.5, _at(seconds), (1, 0.5), 0.4)
    return _shaped(np.tanh(3 * both), 0.003, 0.03)


def _kick(generator: np.random.Generator) -> _Signal:
    at = _at(0.2)
    return np.asarray(np.exp(-18 * at) * np.sin(2 * np.pi * (60 * at + 4 * (1 - np.exp(-30 * at)))))


def _snare(generator: np.random.Generator) -> _Signal:
    at = _at(0.18)
    body = 0.5 * np.sin(2 * np.pi * 190 * at)
    return np.asarray(np.exp(-22 * at) * (generator.standard_normal(len(at)) * 0.5 + body))


def _hat(generator: np.random.Generator) -> _Signal:
    at = _at(0.05)
    hiss = np.diff(generator.standard_normal(len(at) + 1))
    return np.asarray(np.exp(-90 * at) * hiss * 0.3)


# -- styles -------------------------------------------------------------------------------------


_I: Final = (0, 4, 7)
_II: Final = (2, 5, 9)
_III: Final = (4, 7, 11)
_IV: Final = (5, 9, 12)
_V: Final = (7, 11, 14)
_VI: Final = (9, 12, 16)


@dataclass(frozen=True, slots=True)
class _Style:
    """How the music of a style is made."""

    beats_a_minute: int
    chords: tuple[tuple[int, ...], ...]
    """Semitones above the key note, a chord a bar."""
    figure: tuple[int, ...]
    """Steps of the chord that a bar's notes take, evenly spaced; -1 is the whole chord at once."""
    figure_voice: _Voice
    bass_voice: _Voice
    melody_voice: _Voice | None = None
    melody_share: float = 0.6
    """The share of beats on which the melody has a note."""
    drums: str = ""
    """Kick, snare and hat of a bar's eighths, as letters: ``k.s.k.s.``; small h: a hat alone."""


_POP: Final = (_I, _V, _VI, _IV)
_STYLES: Final[dict[str, _Style]] = {
    "classical": _Style(
        96, (_I, _V, _VI, _III, _IV, _I, _IV, _V), (0, 1, 2, 1, 0, 1, 2, 1), _plucked, _strings,
        _strings, 0.5,
    ),
    "guitars": _Style(
        100, (_I, _IV, _I, _V), (0, 2, 1, 2, 0, 1, 2, 1), _plucked, _plucked, _plucked, 0.4
    ),
    "ambient": _Style(60, (_I, _VI, _IV, _II), (-1,), _pad, _pad, _bell, 0.2),
    "electronica": _Style(
        120, (_VI, _IV, _I, _V), (0, 1, 2, 1) * 4, _square, _square, None, drums="khshkhsh"
    ),
    "newage": _Style(72, (_I, _III, _IV, _V), (0, 1, 2, 1), _bell, _pad, _bell, 0.35),
    "rock": _Style(
        128, (_I, _IV, _V, _IV), (0,) * 8, _overdriven, _square, _overdriven, 0.25, "khshkksh"
    ),
    "soft-rock": _Style(
        92, _POP, (-1, 1, 2, -1), _electric_piano, _plucked, _electric_piano, 0.5, "k.sh.ksh"
    ),
}  # fmt: skip
STYLES: Final = tuple(_STYLES)
"""The styles that there are."""


def default_hold_music(seeds: Seeds) -> NDArray[np.int16]:
    """Compose what a run's callers hear who wait or are on hold, int16 (samples,), to be looped."""
    return _default_of(seeds.seed, seeds.prefix)


@lru_cache(maxsize=8)
def _default_of(seed: int, prefix: str) -> NDArray[np.int16]:
    """Compose the default hold music of a seed once for its runs in a process."""
    music = hold_music(_DEFAULT_SAMPLES, Seeds(seed, prefix).generator("hold-music"))
    music.flags.writeable = False
    return music


def piece(style: str, number: int = 1) -> NDArray[np.int16]:
    """Compose a piece of a style, int16 (samples,) at 8 kHz, of 20 to 50 seconds.

    The same name gives the same piece; the first of ``classical`` is the default hold music of seed
    1, twice. Raises KeyError for a style that there is not.
    """
    how = _STYLES[style]
    if (style, number) == _DEFAULT:
        return np.tile(default_hold_music(Seeds(_SEED)), 2)
    generator = Seeds(_SEED).generator(f"music/{style}/{number}")
    key_note = 110.0 * 2 ** (int(generator.integers(7)) / 12)
    beat = 60 / how.beats_a_minute
    score = _Score(_BARS * _BEATS * beat)
    for bar in range(_BARS):
        chord = how.chords[bar % len(how.chords)]
        _play_bar(score, how, chord, bar * _BEATS * beat, key_note, generator)
    return at_level(score.signal, _MUSIC_DBFS)


def cowbell() -> NDArray[np.int16]:
    """Generate a cowbell that keeps time, int16 (samples,) at 8 kHz: twelve strokes."""
    score = _Score(12 * 0.5)
    at = _at(0.35)
    stroke = sum(np.sign(np.sin(2 * np.pi * hertz * at)) for hertz in (540.0, 800.0))
    for number in range(12):
        score.add(number * 0.5, np.asarray(stroke * np.exp(-12 * at)))
    return at_level(score.signal, _MUSIC_DBFS)


class _Score:
    """The samples of a piece, whose end leads into its beginning."""

    def __init__(self, seconds: float) -> None:
        self.signal = np.zeros(int(seconds * SAMPLE_RATE))

    def add(self, at: float, note: _Signal) -> None:
        """Add a note that begins at a time in seconds."""
        places = (int(at * SAMPLE_RATE) + np.arange(len(note))) % len(self.signal)
        np.add.at(self.signal, places, note)


def _play_bar(
    score: _Score,
    how: _Style,
    chord: tuple[int, ...],
    start: float,
    key_note: float,
    generator: np.random.Generator,
) -> None:
    beat = 60 / how.beats_a_minute

    def hertz(semitones: int) -> float:
        return float(key_note * 2 ** (semitones / 12))

    score.add(start, 0.7 * how.bass_voice(hertz(chord[0]), 2 * beat, generator))
    score.add(start + 2 * beat, 0.7 * how.bass_voice(hertz(chord[0]), 2 * beat, generator))
    length = _BEATS * beat / len(how.figure)
    for number, step in enumerate(how.figure):
        for semitones in chord if step < 0 else (chord[step],):
            note = how.figure_voice(hertz(semitones + 12), length, generator)
            score.add(start + number * length, 0.4 * note)
    for number in range(_BEATS if how.melody_voice is not None else 0):
        if generator.uniform() < how.melody_share:
            semitones = 24 + int(generator.choice(chord)) % 17
            assert how.melody_voice is not None
            score.add(start + number * beat, how.melody_voice(hertz(semitones), beat, generator))
    for number, letter in enumerate(how.drums):
        stroke = {"k": _kick, "s": _snare, "h": _hat}.get(letter)
        if stroke is not None:
            score.add(start + number * beat / 2, stroke(generator))
