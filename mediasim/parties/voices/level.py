"""The loudness of speech and where it begins: what makes clips of all engines alike.

A level here is an active-speech level: the rms of the frames in which somebody speaks, pauses
left out, in the spirit of ITU-T P.56 but with a threshold relative to the clip itself.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.levels import to_samples

__all__ = [
    "DEFAULT_LEVEL_DBFS",
    "LONGEST_PAUSE_SAMPLES",
    "active_dbfs",
    "at_speech_level",
    "kept_samples",
    "sounding",
]

DEFAULT_LEVEL_DBFS: Final = -20.0
"""The active level at which parties speak."""
PAUSE_DB: Final = 30.0
"""A frame this far below the loudest one is a pause."""
SOUND_DB: Final = 35.0
"""Sound begins and ends within this distance of the active level; beyond it nobody hears it."""
HOP_SAMPLES: Final = 40
"""Trimming looks at 5 ms at a time."""
QUIET_DB: Final = 25.0
"""Who listens takes sound this far below the active level for a pause."""
LONGEST_PAUSE_SAMPLES: Final = 80 * HOP_SAMPLES
"""400 ms: what a speaker pauses within an utterance at most."""


def active_dbfs(sound: NDArray[np.floating]) -> float:
    """Active-speech level of samples with full scale 1.0; minus infinity for silence."""
    power = _powers(sound, FRAME_SAMPLES)
    if not power.size or not power.max():
        return -math.inf
    active = power[power > power.max() * 10 ** (-PAUSE_DB / 10)]
    return 10 * math.log10(active.mean())


def kept_samples(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which samples are left of sound without its silent ends and with its pauses cut to 400 ms.

    With longer ones, a listener who waits for the end of an utterance would take the end of its
    first sentence for it. None are left of silence.
    """
    start, end = _heard_span(sound)
    kept = np.zeros(sound.size, np.bool_)
    kept[start:end] = _paced(sound[start:end])
    return kept


def sounding(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which samples are in 5 ms that are loud enough to be no pause."""
    loud = ~_quiet(sound)
    return np.repeat(loud, HOP_SAMPLES)[: sound.size]


def _heard_span(sound: NDArray[np.floating]) -> tuple[int, int]:
    threshold = 10 ** ((active_dbfs(sound) - SOUND_DB) / 10)
    loud = np.flatnonzero(_powers(sound, HOP_SAMPLES) > threshold)
    if not loud.size:
        return 0, 0
    return int(loud[0]) * HOP_SAMPLES, (int(loud[-1]) + 1) * HOP_SAMPLES


def _paced(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    quiet = np.concatenate(([False], _quiet(sound), [False]))
    pauses = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2) * HOP_SAMPLES
    kept = np.ones(sound.size, np.bool_)
    for start, end in pauses.tolist():
        if end - start > LONGEST_PAUSE_SAMPLES:
            kept[start + LONGEST_PAUSE_SAMPLES // 2 : end - LONGEST_PAUSE_SAMPLES // 2] = False
    return kept


def _quiet(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Of each 5 ms, whether a listener takes it for a pause."""
    threshold = 10 ** ((active_dbfs(sound) - QUIET_DB) / 10)
    return np.asarray(_powers(sound, HOP_SAMPLES) <= threshold)


def at_speech_level(sound: NDArray[np.floating], dbfs: float) -> NDArray[np.int16]:
    """Int16 samples at that active-speech level; peaks beyond full scale are clipped."""
    gain = 10 ** ((dbfs - active_dbfs(sound)) / 20)
    return to_samples(sound.astype(np.float64) * (gain * 32768))


def _powers(sound: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Mean square of each block of ``size`` samples, the last one filled up with silence."""
    padded = np.zeros(-(-sound.size // size) * size)
    padded[: sound.size] = sound
    power: NDArray[np.float64] = np.square(padded.reshape(-1, size)).mean(axis=1)
    return power
