"""Automatic gain control: what a party says is made louder or softer, towards a level.

The level is that of the last half second of speech. The gain follows it slowly up and quickly down,
from frame to frame, and stands still in pauses. It goes on from one saying to the next.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.levels import to_samples

__all__ = ["GainControl"]

_SPEECH_DBFS: Final = -55.0
"""Level of a frame below which it is a pause."""
_MEMORY: Final = 24 / 25
"""Weight of the level so far against a frame of speech: half a second."""
_UP_DB: Final = 0.16
"""Most decibels of a frame by which the gain rises: 8 dB a second."""
_DOWN_DB: Final = 0.8
"""Most decibels of a frame by which it falls: 40 dB a second."""


class GainControl:
    """The automatic gain control of one telephone."""

    def __init__(self, level_dbfs: float, range_db: float) -> None:
        """``range_db`` is the most gain either way."""
        self._level = level_dbfs
        self._range = range_db
        self._power = 0.0
        """Mean square of speech so far; 0 before any."""
        self._gain_db = 0.0

    def sent(self, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return samples (n,) with the gain of each moment."""
        count = -(-len(pcm) // FRAME_SAMPLES)
        frames = np.zeros((count, FRAME_SAMPLES))
        frames.reshape(-1)[: len(pcm)] = pcm
        gains = [self._gain_db]
        for energy in np.einsum("ij,ij->i", frames, frames).tolist():  # whole numbers: exact
            gains.append(self._follow(energy / FRAME_SAMPLES))
        factors = np.array([10 ** (gain / 20) for gain in gains])
        rise = np.arange(1, FRAME_SAMPLES + 1) / FRAME_SAMPLES
        shaped = frames * (factors[:-1, np.newaxis] + np.diff(factors)[:, np.newaxis] * rise)
        return to_samples(shaped.reshape(-1)[: len(pcm)])

    def _follow(self, power: float) -> float:
        """Return the gain in dB at the end of a frame of this mean square."""
        if power > 32768.0**2 * 10 ** (_SPEECH_DBFS / 10):
            before = self._power or power
            self._power = before * _MEMORY + power * (1 - _MEMORY)
            level = 10 * math.log10(self._power / 32768.0**2)
            wanted = max(-self._range, min(self._level - level, self._range))
            step = max(-_DOWN_DB, min(wanted - self._gain_db, _UP_DB))
            self._gain_db = round(self._gain_db + step, 2)
        return self._gain_db
