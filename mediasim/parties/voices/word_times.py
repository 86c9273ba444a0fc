"""When each word of an utterance is said.

There are three methods, of which the first possible is used:

- the speech engine reports where each word begins (espeak): exact;
- alignment: an engine that reports word times says the same text, and dynamic time warping of the
  two sounds' spectra (Sakoe and Chiba, 1978) maps its times. Good to some 40 ms;
- by letters: the parts of the utterance with sound are divided among the words by their length.

A word ends where the next one begins or, before a pause, where its sound ends. Times that the
engine that spoke has not reported are marked as estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.products import rows_times
from mediasim.audio.word_time import WordTime
from mediasim.parties.voices.level import sounding

__all__ = [
    "LONGEST_ALIGNED",
    "WordTime",
    "times_by_alignment",
    "times_by_letters",
    "times_from_events",
    "tokens",
]

LONGEST_ALIGNED: Final = 30 * SAMPLE_RATE
"""Samples of the longest sound that is aligned, as the cost grows with the square of it."""
_HOP: Final = 80
_WINDOW: Final = 256
_BANDS: Final = 20
_CEPSTRA: Final = 13
_LOWEST_HZ: Final = 100.0
_STEEPEST: Final = 3
"""Most frames that the other sound may advance in one frame of this one."""

_Sound = NDArray[np.floating]


def tokens(text: str) -> list[tuple[int, str]]:
    """Return the words of a text, each with the index of its first character.

    A string without a letter or digit is not a word.
    """
    found: list[tuple[int, str]] = []
    end = 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        if any(char.isalnum() for char in word):
            found.append((start, word))
    return found


def times_from_events(
    text: str, events: Sequence[tuple[int, int]], sound: _Sound
) -> tuple[WordTime, ...]:
    """Return word times from an engine's events: (character, sample) of the words' beginnings."""
    words = tokens(text)
    starts: list[int | None] = []
    for number, (at, _) in enumerate(words):
        following = words[number + 1][0] if number + 1 < len(words) else len(text)
        within = [sample for position, sample in events if at <= position < following]
        starts.append(min(within, default=None))
    return _with_ends(words, starts, sound, estimated=False)


def times_by_alignment(
    text: str, sound: _Sound, other: _Sound, words: Sequence[WordTime]
) -> tuple[WordTime, ...]:
    """Return word times by alignment with the same text in ``other``, whose times are known."""
    if not words or max(len(sound), len(other)) > LONGEST_ALIGNED:
        return times_by_letters(text, sound)
    path = _warped(_cepstra(sound), _cepstra(other))
    starts = [int(np.searchsorted(path, word.start // _HOP)) * _HOP for word in words]
    return _with_ends(tokens(text), list(starts), sound, estimated=True)


def times_by_letters(text: str, sound: _Sound) -> tuple[WordTime, ...]:
    """Return word times that divide the samples with sound by the letters of each word."""
    words = tokens(text)
    heard = np.flatnonzero(sounding(sound))
    if not len(heard):
        return ()
    letters = np.cumsum([0] + [len(word) for _, word in words])
    shares = letters[:-1] * len(heard) // max(1, int(letters[-1]))
    return _with_ends(words, heard[shares].tolist(), sound, estimated=True)


def _with_ends(
    words: Sequence[tuple[int, str]],
    starts: list[int | None],
    sound: _Sound,
    *,
    estimated: bool,
) -> tuple[WordTime, ...]:
    """Return the words with their ends; the start of a word is None if unknown."""
    known = [(number, start) for number, start in enumerate(starts) if start is not None]
    if not known:
        return times_by_letters("".join(word for _, word in words), sound) if words else ()
    places = [word[0] for word in words]
    at = [0.0] if starts[0] is None else []
    given = [places[0]] if starts[0] is None else []
    given += [places[number] for number, _ in known] + [places[-1] + len(words[-1][1])]
    at += [float(start) for _, start in known] + [float(len(sound))]
    reckoned = np.maximum.accumulate(np.rint(np.interp(places, given, at)).astype(np.int64))
    loud = np.flatnonzero(sounding(sound))
    found = []
    for number, (_, word) in enumerate(words):
        start = min(int(reckoned[number]), len(sound))
        end = int(reckoned[number + 1]) if number + 1 < len(words) else len(sound)
        before = int(np.searchsorted(loud, end)) - 1  # the last sample that sounds
        if before >= 0 and loud[before] >= start:
            end = int(loud[before]) + 1
        unknown = starts[number] is None
        found.append(WordTime(word, start, max(start, end), estimated or unknown))
    return tuple(found)


def _cepstra(sound: _Sound) -> NDArray[np.float64]:
    """Return cepstra (frames, cepstra), a frame each 10 ms, normalised for speaker and channel."""
    frames = max(1, len(sound) // _HOP)
    padded = np.zeros(frames * _HOP + _WINDOW)
    padded[_WINDOW // 2 : _WINDOW // 2 + len(sound)][: frames * _HOP] = sound[: frames * _HOP]
    at = np.arange(frames)[:, None] * _HOP + np.arange(_WINDOW)
    power = np.abs(np.fft.rfft(padded[at] * np.hanning(_WINDOW), axis=1)) ** 2
    bands = np.log(rows_times(power, _filters().T) + power.max() * 1e-7 + 1e-12)
    turn = np.pi / _BANDS * np.outer(np.arange(_BANDS) + 0.5, np.arange(_CEPSTRA))
    cepstra = rows_times(bands, np.cos(turn))
    spread = cepstra.std(axis=0)
    return np.asarray((cepstra - cepstra.mean(axis=0)) / np.where(spread > 0, spread, 1))


def _filters() -> NDArray[np.float64]:
    """Return triangular filters evenly spaced in mel, (bands, frequencies)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    mel = np.linspace(2595 * np.log10(1 + _LOWEST_HZ / 700), top, _BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    rise = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)))


def _warped(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each frame of one sound the matching frame of the other, never decreasing."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :]
    cost = np.sqrt(np.maximum(squares - 2 * rows_times(one, other.T), 0))
    width = cost.shape[1]
    steps = max(_STEEPEST, -(-width // max(1, len(one))) + 1)
    came = np.zeros(cost.shape, np.int8 if steps < 128 else np.int64)
    total = np.full(width, np.inf)
    total[0] = cost[0, 0]
    for frame in range(1, len(one)):
        best, step = total.copy(), np.zeros(width, came.dtype)
        for skipped in range(1, steps + 1):
            further = np.full(width, np.inf)
            further[skipped:] = total[:-skipped] if skipped < width else np.inf
            better = further < best
            best[better], step[better] = further[better], skipped
        total, came[frame] = best + cost[frame], step
    path = np.zeros(len(one), np.int64)
    at = width - 1 if np.isfinite(total[-1]) else int(np.argmin(total))
    for frame in range(len(one) - 1, -1, -1):
        path[frame] = at
        at -= int(came[frame, at])
    return path
