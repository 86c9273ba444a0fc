"""The decoder of a received stream's codec with memory (G.722, Opus).

Payloads are decoded in order of media time, when due: a decoder must see them in order, so they are
held until the frame clock needs their audio. The codec's known delay is taken off, so that a clip
stands where its timestamp says, as it does with G.711; the price is that a payload is due that much
earlier.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, FrameDecoder, decode_frames, frame_coder
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.rtp.packets import PacketBlock

__all__ = ["StatefulDecoder"]

_CONCEALED_FRAMES: Final = 3
"""Missing frames that a decoder bridges before it starts afresh."""


class StatefulDecoder:
    """The held payloads and the decoder of one row, for one codec with memory."""

    def __init__(self, codec: str) -> None:
        """Raises ValueError for a codec that has no memory."""
        self._coder = frame_coder(codec)
        self._delay = CODECS[codec].delay_samples
        self._held: dict[int, tuple[int, bytes]] = {}
        """Payloads by output sample, each with the number of the sender's stream it belongs to."""
        self._stream = self._decoded = 0
        """Number of the sender's stream decoded last."""
        """Number of the sender's stream received now."""
        self._next: int | None = None
        """Output sample at which the next payload continues the last; None before the first."""
        self._decoder: FrameDecoder | None = None

    def restart(self) -> None:
        """Begin a new stream: payloads to come are decoded afresh."""
        self._stream += 1

    @property
    def lead(self) -> int:
        """Samples before its output sample at which a payload is needed."""
        return self._delay

    def hold(self, output: NDArray[np.int64], payload: NDArray[np.uint8]) -> None:
        """Hold payloads (n, size) for their output samples (n,)."""
        for at, data in zip(output.tolist(), payload, strict=True):
            self._held[at] = self._stream, data.tobytes()

    def hold_packets(self, output: NDArray[np.int64], block: PacketBlock, start: int) -> None:
        """Hold payloads, which begin with octet ``start`` of their packets, for output samples."""
        rows, whole = block.data.shape[1], block.data.tobytes()
        for number, (at, length) in enumerate(
            zip(output.tolist(), block.length.tolist(), strict=True)
        ):
            begins = number * rows
            self._held[at] = self._stream, whole[begins + start : begins + length]

    def holds(self, output: int) -> bool:
        """Return whether a payload is held for these samples or for a part of them."""
        return any(abs(at - output) < FRAME_SAMPLES for at in self._held)

    def decode(self, end_frame: int) -> list[tuple[int, NDArray[np.int16]]]:
        """Decode all payloads due before frame ``end_frame``.

        Returns (output sample, samples) of payloads that follow each other.
        """
        due = end_frame * FRAME_SAMPLES + self._delay
        ready = sorted(at for at in self._held if at < due)
        decoded = []
        while ready:
            run = self._run(ready)
            payloads = [self._held.pop(at)[1] for at in run]
            assert self._decoder is not None
            pieces = decode_frames(self._decoder, payloads)
            self._next = run[-1] + len(pieces[-1])
            decoded.append((run[0] - self._delay, np.concatenate(pieces)))
            del ready[: len(run)]
        return decoded

    def _run(self, ready: list[int]) -> list[int]:
        """Return the payloads that follow each other at the start of these, and make their
        decoder."""
        stream, payload = self._held[ready[0]]
        # A decoder's memory of one sender's stream is wrong for another's.
        if stream != self._decoded:
            self._decoded, self._decoder = stream, None
        self._catch_up(ready[0])
        if self._decoder is None:
            self._decoder = self._coder.decoder()
        run = ready[:1]
        # Of 20 ms each: they stay so when they cannot be decoded.
        while len(run) < len(ready) and self._coder.samples(payload) == FRAME_SAMPLES:
            later, at = ready[len(run)], run[-1] + FRAME_SAMPLES
            other, payload = self._held[later]
            if later != at or other != stream:
                break
            run.append(later)
        return run

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
