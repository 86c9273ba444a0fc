"""The audio codecs of RTP: their numbers (RFC 3551, RFC 7587), and the ones that have a memory.

G.711 is stateless and done with tables (:mod:`mediasim.audio.g711`). G.722 and Opus code a frame
after the other, so an encoder or decoder belongs to one stream and must be given its frames in
order. Audio is 8 kHz on this side of both, whatever the codec works at.

G.722 samples at 16 kHz, yet its RTP clock is 8000 for historical reasons (RFC 3551 section
4.5.2). Opus always has a clock of 48000 (RFC 7587 section 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from mediasim.audio.resampling import RESAMPLING_DELAY, Downsampler, Upsampler

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

__all__ = ["CODECS", "Codec", "FrameDecoder", "FrameEncoder", "payload_samples"]

_OPUS_BIT_RATE: Final = 32_000
_OPUS_APPLICATION: Final = "audio"
"""Our choices. Its mode "voip" keeps the sound of speech but not the waveform, to which a
recording is to be compared."""
_G722_DELAY: Final = 11
"""The codec's filter bank, in 8 kHz samples."""
_OPUS_DELAY: Final = 52
"""The encoder's look-ahead, 6.5 ms in all modes but that of low delay, in 8 kHz samples."""


@dataclass(frozen=True, slots=True)
class Codec:
    """What RTP and the playout need to know of a codec."""

    name: str
    """The encoding name of its rtpmap."""
    payload_type: int
    """Static (RFC 3551), or for Opus the dynamic one we offer."""
    clock_rate: int
    """RTP timestamp units per second."""
    frame_ticks: int
    """RTP timestamp units of 20 ms."""
    delay_samples: int
    """By how many 8 kHz samples audio comes later through encoder and decoder."""
    stateless: bool
    """Any payload can be decoded by itself."""


CODECS: Final[dict[str, Codec]] = {
    codec.name: codec
    for codec in (
        Codec("PCMU", 0, 8000, 160, 0, stateless=True),
        Codec("PCMA", 8, 8000, 160, 0, stateless=True),
        Codec("G722", 9, 8000, 160, _G722_DELAY + 2 * RESAMPLING_DELAY, stateless=False),
        Codec("OPUS", 111, 48000, 960, _OPUS_DELAY + RESAMPLING_DELAY, stateless=False),
    )
}
"""By encoding name, in upper case."""


def payload_samples(name: str, payload: bytes) -> int:
    """How many 8 kHz samples a payload lasts for, as its bytes tell; 0 for one of none."""
    if name != "OPUS":
        return len(payload)  # one byte is one sample's time in all of them
    if not payload:
        return 0
    config, count = payload[0] >> 3, payload[0] & 3
    if config < 12:  # SILK (RFC 6716 section 3.1)
        frame = (80, 160, 320, 480)[config & 3]
    elif config < 16:  # hybrid
        frame = (80, 160)[config & 1]
    else:  # CELT
        frame = (20, 40, 80, 160)[config & 3]
    if count == 3:
        return frame * (payload[1] & 0x3F) if len(payload) > 1 else 0
    return frame * (1, 2, 2)[count]


class FrameEncoder:
    """One stream's encoder of G722 or OPUS."""

    def __init__(self, name: str) -> None:
        """Raises ValueError for any other codec."""
        self._pts = 0
        if _framed(name) == "G722":
            self._context = _context("g722", "w", 2 * SAMPLE_RATE)
            self._upsampler: Upsampler | None = Upsampler(2)
        else:
            # At 8 kHz the encoder makes narrowband packets by itself, for half the work.
            self._context = _context("libopus", "w", SAMPLE_RATE)
            self._context.bit_rate = _OPUS_BIT_RATE
            self._context.options = {"application": _OPUS_APPLICATION}
            self._upsampler = None

    def encode(self, pcm: NDArray[np.int16]) -> bytes:
        """The payload of the stream's next frame, (160,)."""
        from av import AudioFrame

        if self._upsampler is not None:
            pcm = self._upsampler.feed(pcm)
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm[np.newaxis]), format="s16", layout="mono"
        )
        frame.sample_rate = self._context.sample_rate
        frame.pts = self._pts
        self._pts += frame.samples
        (packet,) = self._context.encode(frame)
        return bytes(packet)


class FrameDecoder:
    """One stream's decoder of G722 or OPUS."""

    def __init__(self, name: str) -> None:
        """Raises ValueError for any other codec."""
        if _framed(name) == "G722":
            self._context = _context("g722", "r", 2 * SAMPLE_RATE)
            self._factor = 2
        else:
            self._context = _context("libopus", "r", 6 * SAMPLE_RATE)
            self._factor = 6
        self._downsampler = Downsampler(self._factor)

    def decode(self, payload: bytes | None) -> NDArray[np.int16]:
        """The audio of the stream's next payload: (160,) for one of 20 ms.

        None stands for a lost payload of 20 ms, and gives silence; so does one that cannot be
        decoded.
        """
        from av import Packet
        from av.error import FFmpegError

        frames = []
        if payload:
            try:
                frames = self._context.decode(Packet(payload))
            except FFmpegError:
                frames = []
        if not frames:
            return self._downsampler.feed(np.zeros(FRAME_SAMPLES * self._factor, np.int16))
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return self._downsampler.feed(decoded)


def _framed(name: str) -> Literal["G722", "OPUS"]:
    if name == "G722":
        return "G722"
    if name == "OPUS":
        return "OPUS"
    raise ValueError(f"no codec with a memory is called {name!r}: only G722 and OPUS")


def _context(
    name: Literal["g722", "libopus"], mode: Literal["r", "w"], rate: int
) -> AudioCodecContext:
    from av import CodecContext

    context = CodecContext.create(name, mode)
    context.sample_rate = rate
    context.layout = "mono"
    context.format = "s16"
    return context
