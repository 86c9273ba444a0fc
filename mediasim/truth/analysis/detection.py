"""Who speaks when in a channel, by the detector that suits it.

Where a channel's pauses are digitally silent, speech is what stands out of them: the energy
detector is exact to 10 ms there, however soft the voice. Where they hold noise, Silero's model
tells the two apart (all in :mod:`mediasim.audio.activity`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import Engine, fitting_engine, speech_intervals
from mediasim.audio.levels import FLOOR_DBFS
from mediasim.truth.analysis.spans import Span

__all__ = ["PAUSE_MS", "Detected", "Engine", "detect_speech"]

PAUSE_MS: Final = 450
"""Pauses up to this long are part of speech: breaths, and the stops between sentences."""
_FRAME: Final = 80
_QUIETEST: Final = 0.05
"""Of the channel's frames, the share that is quieter than what is called its floor."""


@dataclass(frozen=True, slots=True)
class Detected:
    """The speech of one channel."""

    speech: list[Span]
    engine: Engine
    floor_dbfs: float
    """Level of the channel's pauses."""


def detect_speech(pcm: NDArray[np.int16], engine: Engine | None = None) -> Detected:
    """The speech in samples (samples,) at 8 kHz; the engine is chosen unless it is named."""
    engine = engine or fitting_engine(pcm)
    speech = speech_intervals(pcm, engine, hangover_ms=PAUSE_MS)
    return Detected(speech, engine, _floor_dbfs(pcm))


def _floor_dbfs(pcm: NDArray[np.int16]) -> float:
    whole = len(pcm) // _FRAME * _FRAME
    if not whole:
        return FLOOR_DBFS
    frames = pcm[:whole].reshape(-1, _FRAME)
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / _FRAME
    quiet = float(np.quantile(power, _QUIETEST))
    return max(FLOOR_DBFS, 10 * float(np.log10(max(quiet, 1e-9) / 32768.0**2)))
