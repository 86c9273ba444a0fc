"""Players: audio the server puts on a leg's outbound track (announcements, ringing, music)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["Player"]


class Player:
    """A clip that starts at a frame, once or over and over."""

    def __init__(
        self,
        pcm: NDArray[np.int16],
        first_frame: int,
        *,
        loop: bool = False,
        label: str = "",
        speech: bool = True,
    ) -> None:
        if not len(pcm):
            raise ValueError("nothing to play")
        self.pcm = pcm
        self.first_frame = first_frame
        self.loop = loop
        self.label = label
        """What it is, for a person."""
        self.speech = speech
        """Whether a listener takes it for words: ringing and hold music are none."""
        self.stopped_frame: int | None = None

    @property
    def end_frame(self) -> int | None:
        """The frame after the last one it sounds in; None while it loops."""
        if self.stopped_frame is not None:
            return self.stopped_frame
        return None if self.loop else self.first_frame + -(-len(self.pcm) // FRAME_SAMPLES)

    def stop(self, frame: int) -> None:
        """Fall silent from this frame on."""
        self.stopped_frame = frame if self.end_frame is None else min(frame, self.end_frame)

    def add_to(self, out: NDArray[np.int32], first: int, count: int) -> None:
        """Add frames ``first .. first + count`` to ``out`` (count * 160,)."""
        end = self.end_frame
        low = max(first, self.first_frame)
        high = first + count if end is None else min(first + count, end)
        if low >= high:
            return
        start = (low - self.first_frame) * FRAME_SAMPLES
        length = (high - low) * FRAME_SAMPLES
        at = (low - first) * FRAME_SAMPLES
        if self.loop:
            wrapped = np.arange(start, start + length)
            out[at : at + length] += np.take(self.pcm, wrapped, mode="wrap")
        else:
            piece = self.pcm[start : start + length]
            out[at : at + len(piece)] += piece
