"""Secret keys: tones taken out of a leg's inbound track before anyone hears or records them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import DtmfClamp
from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["KeyClamp"]


class KeyClamp:
    """Takes the tones of keys out of one leg's inbound track, from one frame to another."""

    def __init__(self, first_frame: int, listener: object) -> None:
        self.listener = listener
        """The listener that hears the keys still."""
        self.first_frame = first_frame
        """The frame from which on keys are taken out."""
        self.end_frame: int | None = None
        """The frame from which on they are left in again; None before."""
        self.silenced: list[tuple[int, int]] = []
        """Spans (start, end) of output samples that were silenced, in order."""
        self.received = np.zeros(0, np.int16)
        """The samples (n,) of the last block as they were received."""
        self._clamp = DtmfClamp()

    def clamp(self, first_frame: int, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the next frames (frames * 160,) of the track without keys."""
        self.received = pcm.copy()
        clamped, silenced = self._clamp.clamp(self.received)
        for frame in (first_frame + np.flatnonzero(silenced)).tolist():
            start = frame * FRAME_SAMPLES
            if self.silenced and self.silenced[-1][1] == start:
                self.silenced[-1] = (self.silenced[-1][0], start + FRAME_SAMPLES)
            else:
                self.silenced.append((start, start + FRAME_SAMPLES))
        return clamped

    def covers(self, start: int, end: int) -> bool:
        """Tell whether keys are taken out of any of these output samples."""
        last = self.end_frame
        began = self.first_frame * FRAME_SAMPLES < end
        return began and (last is None or last * FRAME_SAMPLES > start)
