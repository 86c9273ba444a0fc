"""The level and the silent ends of speech, which make the clips of all engines alike.

A level here is an active-speech level: the RMS of the frames with speech, without pauses, in the
spirit of ITU-T P.56 but with a threshold relative to the clip itself.
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
    "heard_span",
    "kept_samples",
    "sounding",
]

DEFAULT_LEVEL_DBFS: Final = -20.0
"""The active level at which parties speak."""
PAUSE_DB: Final = 30.0
"""A frame this many dB below the loudest one is a pause."""
SOUND_DB: Final = 35.0
"""Sound this many dB below the active level is inaudible, and trimmed at both ends."""
HOP_SAMPLES: Final = 40
"""Samples in each of which trimming measures the power: 5 ms."""
QUIET_DB: Final = 25.0
"""A listener takes sound this many dB below the active level for a pause."""
LONGEST_PAUSE_SAMPLES: Final = 80 * HOP_SAMPLES
"""Longest pause within an utterance, in samples: 400 ms."""


def active_dbfs(sound: NDArray[np.floating]) -> float:
    """Return the active-speech level of samples (n,) with full scale 1.0, in dBFS.

    Returns minus infinity for silence.
    """
    power = _powers(sound, FRAME_SAMPLES)
    if not power.size or not power.max():
        return -math.inf
    active = power[power > power.max() * 10 ** (-PAUSE_DB / 10)]
    return 10 * math.log10(active.mean())


def kept_samples(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return, as bool (n,), the samples to keep: silent ends trimmed, pauses cut to 400 ms.

    With longer pauses, a listener that waits for the end of an utterance would take the end of its
    first sentence for it. No sample of silence is kept.
    """
    start, end = heard_span(sound)
    kept = np.zeros(sound.size, np.bool_)
    kept[start:end] = _paced(sound[start:end])
    return kept


def sounding(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return, as bool (n,), the samples in 5 ms that are too loud for a pause."""
    loud = ~_quiet(sound)
    return np.repeat(loud, HOP_SAMPLES)[: sound.size]


def heard_span(sound: NDArray[np.floating]) -> tuple[int, int]:
    """Return the first sample (n,) that is heard and the one after the last, in steps of 5 ms.

    Both are 0 for silence.
    """
    threshold = 10 ** ((active_dbfs(sound) - SOUND_DB) / 10)
    loud = np.flatnonzero(_powers(sound, HOP_SAMPLES) > threshold)
    if not loud.size:
        return 0, 0
    return int(loud[0]) * HOP_SAMPLES, min((int(loud[-1]) + 1) * HOP_SAMPLES, sound.size)


def _paced(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    quiet = np.concatenate(([False], _quiet(sound), [False]))
    pauses = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2) * HOP_SAMPLES
    kept = np.ones(sound.size, np.bool_)
    for start, end in pauses.tolist():
        if end - start > LONGEST_PAUSE_SAMPLES:
            kept[start + LONGEST_PAUSE_SAMPLES // 2 : end - LONGEST_PAUSE_SAMPLES // 2] = False
    return kept


def _quiet(sound: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return, as bool, which of the 5 ms blocks a listener takes for a pause."""
    threshold = 10 ** ((active_dbfs(sound) - QUIET_DB) / 10)
    return np.asarray(_powers(sound, HOP_SAMPLES) <= threshold)


def at_speech_level(sound: NDArray[np.floating], dbfs: float) -> NDArray[np.int16]:
    """Return int16 samples (n,) at an active-speech level; peaks beyond full scale are clipped."""
    gain = 10 ** ((dbfs - active_dbfs(sound)) / 20)
    return to_samples(sound.astype(np.float64) * (gain * 32768))


def _powers(sound: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Return the mean square of each block of ``size`` samples, the last filled up with silence."""
    padded = np.zeros(-(-sound.size // size) * size)
    padded[: sound.size] = sound
    power: NDArray[np.float64] = np.square(padded.reshape(-1, size)).mean(axis=1)
    return power
