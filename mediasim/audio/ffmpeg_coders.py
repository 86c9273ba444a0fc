"""FFmpeg's coders of G.722 and Opus, with 8 kHz on this side whatever they work at.

A stream's frames are given in order, one at a time or many: the bytes are the same. A call of
FFmpeg costs as much as the coding of a frame, and so does resampling one, so blocks are coded
whole where a stream allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.resampling import Downsampler, Upsampler

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

__all__ = ["FFmpegDecoder", "FFmpegEncoder"]

_Samples = NDArray[np.int16]
_Name = Literal["g722", "libopus"]

_G722_OCTETS: Final = FRAME_SAMPLES
"""Octets of 20 ms of G.722: two samples of 16 kHz in each, whatever it says."""


class FFmpegEncoder:
    """An encoder that works at ``factor`` times 8 kHz."""

    def __init__(
        self, name: _Name, factor: int = 1, bit_rate: int | None = None, **options: str
    ) -> None:
        self._pts = 0
        self._context = _context(name, "w", factor * SAMPLE_RATE)
        if bit_rate is not None:
            self._context.bit_rate = bit_rate
        self._context.options = options
        self._upsampler = Upsampler(factor) if factor > 1 else None

    def encode(self, pcm: _Samples) -> bytes:
        (payload,) = self.encode_frames(pcm)
        return payload

    def encode_frames(self, pcm: _Samples) -> list[bytes]:
        from av import AudioFrame

        samples = pcm.reshape(-1)
        if self._upsampler is not None:
            samples = self._upsampler.feed(samples)
        block = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[np.newaxis]), format="s16", layout="mono"
        )
        block.sample_rate = self._context.sample_rate
        block.pts = self._pts
        self._pts += block.samples
        # What is longer than the codec's frame is cut into frames, a packet each.
        return [bytes(packet) for packet in self._context.encode(block)]


class FFmpegDecoder:
    """A decoder that works at ``factor`` times 8 kHz."""

    def __init__(self, name: _Name, factor: int) -> None:
        self._context = _context(name, "r", factor * SAMPLE_RATE)
        self._factor = factor
        self._downsampler = Downsampler(factor)
        self._together = _G722_OCTETS if name == "g722" else None
        """Octets of payloads that can be decoded as one; None: of no size."""

    def decode(self, payload: bytes | None) -> _Samples:
        return self._downsampler.feed(self._decoded(payload))

    def decode_frames(self, payloads: list[bytes]) -> list[_Samples]:
        if self._together is not None and all(len(each) == self._together for each in payloads):
            whole = self._downsampler.feed(self._decoded(b"".join(payloads)))
            return list(whole.reshape(len(payloads), -1))
        pieces = [self._decoded(payload) for payload in payloads]
        whole = self._downsampler.feed(np.concatenate(pieces))
        ends = np.cumsum([len(piece) // self._factor for piece in pieces])
        return np.split(whole, ends[:-1])

    def _decoded(self, payload: bytes | None) -> _Samples:
        """Return the samples of a payload at the codec's rate; silence for none."""
        from av import Packet
        from av.error import FFmpegError

        frames = []
        if payload:
            try:
                frames = self._context.decode(Packet(payload))
            except FFmpegError:
                frames = []
        if not frames:
            return np.zeros(FRAME_SAMPLES * self._factor, np.int16)
        # to_ndarray() takes as long as the codec.
        pieces = [
            np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples) for frame in frames
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _context(name: _Name, mode: Literal["r", "w"], rate: int) -> AudioCodecContext:
    from av import CodecContext

    context = CodecContext.create(name, mode)
    context.sample_rate = rate
    context.layout = "mono"
    context.format = "s16"
    return context
