"""The echo of a party's telephone: what it hears is sent back, later and softer.

What is heard of a frame comes back a fixed time later by the sender's clock. The media plane may
advance by no more than that at once: what is sent of a block must not depend on what is heard in
it. Then every sample of the echo is known when it is sent, whatever the blocks are.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.parties.clock import SenderClock
from mediasim.parties.telephone_line import HALF_SAMPLES, band_limited

__all__ = ["Echo"]


class Echo:
    """What comes back of what a party hears, on its sender's clock."""

    def __init__(self, delay_ms: float, loss_db: float, clock: SenderClock) -> None:
        self._delay_ns = round(delay_ms * 1e6)
        self._gain = 10 ** (-loss_db / 20)
        self._clock = clock
        self.horizon = (self._delay_ns - HALF_SAMPLES * SAMPLE_NS) // FRAME_NS - 1
        """Most frames that may be sent before they are heard."""
        self._before = np.zeros(2 * HALF_SAMPLES, np.int16)
        """The last samples heard, which the filter still reaches."""
        self._pieces: deque[tuple[int, NDArray[np.int16]]] = deque()
        """(first sample of the sender's clock, samples), in order."""

    @property
    def reach(self) -> int:
        """Most frames that may be sent before they are heard."""
        return self.horizon

    def hear(self, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Take the next frames that are heard, int16 (frames * 160,)."""
        around = np.concatenate((self._before, pcm))
        self._before = around[-2 * HALF_SAMPLES :]
        if not around.any():
            return
        back = band_limited(around, self._gain).reshape(-1, FRAME_SAMPLES)
        for number, frame in enumerate(back):
            at = self._clock.sample_at((first_frame + number) * FRAME_NS + self._delay_ns)
            if frame.any():
                self._pieces.append((at - HALF_SAMPLES, frame))

    def between(self, first: int, end: int) -> NDArray[np.int16]:
        """Return samples ``first .. end`` of the sender's clock; spans must be read in order."""
        while self._pieces and self._pieces[0][0] + FRAME_SAMPLES <= first:
            self._pieces.popleft()
        out = np.zeros(end - first, np.int16)
        for start, piece in self._pieces:
            if start >= end:
                break
            low, high = max(start, first), min(start + FRAME_SAMPLES, end)
            out[low - first : high - first] = piece[low - start : high - start]
        return out
