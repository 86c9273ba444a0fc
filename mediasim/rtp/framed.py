"""Streams of codecs with memory (G.722, Opus): decoded in order of media time, when due.

A decoder must see payloads in order, so they are held until the frame clock needs their audio.
The codec's known delay is taken off, so that a clip stands where its timestamp says, as it does
with G.711; the price is that a payload is due that much earlier.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, FrameDecoder, frame_coder
from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["FramedStream"]

_CONCEALED_FRAMES: Final = 3
"""Missing frames a decoder is asked to bridge before it starts afresh."""


class FramedStream:
    """The payloads and the decoder of one row."""

    def __init__(self, codec: str) -> None:
        """Raises ValueError for a codec that has no memory."""
        self._coder = frame_coder(codec)
        self._delay = CODECS[codec].delay_samples
        self._held: dict[int, tuple[int, bytes]] = {}
        """Payloads, and which of the sender's streams they are of."""
        self._stream = self._decoded = 0
        self._next: int | None = None
        self._decoder: FrameDecoder | None = None

    def restart(self) -> None:
        """The payloads to come are of a new stream, and are decoded afresh."""
        self._stream += 1

    @property
    def lead(self) -> int:
        """Samples before its output sample at which a payload is needed."""
        return self._delay

    def hold(self, output: NDArray[np.int64], payload: NDArray[np.uint8]) -> None:
        """Keep payloads (n, size) for their output samples (n,)."""
        for at, data in zip(output.tolist(), payload, strict=True):
            self._held[at] = self._stream, data.tobytes()

    def decode(self, end_frame: int) -> list[tuple[int, NDArray[np.int16]]]:
        """All audio due before frame ``end_frame``: (output sample, samples) of each payload."""
        due = end_frame * FRAME_SAMPLES + self._delay
        ready = sorted(at for at in self._held if at < due)
        decoded = []
        for at in ready:
            stream, payload = self._held.pop(at)
            if stream != self._decoded:
                self._decoded, self._decoder = stream, None
            self._catch_up(at)
            if self._decoder is None:
                self._decoder = self._coder.decoder()
            samples = self._decoder.decode(payload)
            decoded.append((at - self._delay, samples))
            self._next = at + len(samples)
        return decoded

    def _catch_up(self, at: int) -> None:
        """Bridge a gap before ``at``, or start afresh after a long one."""
        if self._decoder is None or self._next is None or at == self._next:
            return
        missing = (at - self._next) // FRAME_SAMPLES
        if not 0 < missing <= _CONCEALED_FRAMES:
            self._decoder = None
            return
        for _ in range(missing):
            self._decoder.decode(None)
