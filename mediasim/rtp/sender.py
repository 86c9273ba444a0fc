"""The sending side of one RTP stream: frames of audio become packets.

Sequence number and timestamp start anywhere (RFC 3550 section 5.1 wants them random) and the
timestamp follows the frame clock, so a pause in sending is a jump in timestamps, not in
sequence numbers.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, FrameEncoder
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import alaw_encode, ulaw_encode
from mediasim.rtp.packets import build

__all__ = ["FrameCount", "RtpSender", "encode_frames"]


def encode_frames(
    pcm: NDArray[np.int16], codec: str, encoder: FrameEncoder | None
) -> list[NDArray[np.uint8]]:
    """Payloads of frames (n, size), in as few arrays of equal rows as their sizes allow."""
    if encoder is None:
        return [ulaw_encode(pcm) if codec == "PCMU" else alaw_encode(pcm)]
    return [np.frombuffer(encoder.encode(frame), np.uint8)[None] for frame in pcm]


class FrameCount(Protocol):
    """Makes the frames of many senders at once."""

    frames: int
    """How many it has made of each."""


class RtpSender:
    """What the server, or a simulated party, sends as RTP."""

    def __init__(
        self,
        codec: str,
        *,
        ssrc: int,
        payload_type: int | None = None,
        first_sequence: int = 0,
        first_timestamp: int = 0,
    ) -> None:
        known = CODECS[codec]
        self.codec = codec
        self.ssrc = ssrc
        self.payload_type = known.payload_type if payload_type is None else payload_type
        self.ticks_per_sample = known.clock_rate // 8000
        self.first_timestamp = first_timestamp
        self._sent = 0
        self._octets = 0
        self._wide: FrameCount | None = None
        """Counts frames that are sent for it together with those of others,"""
        self._wide_from = 0
        """and what it had counted before."""
        self._first_sequence = first_sequence
        self._encoder = None if known.stateless else FrameEncoder(codec)

    def changed_to(self, codec: str, payload_type: int, *, ssrc: int) -> RtpSender:
        """The sender that goes on in another codec with the sequence numbers of this one.

        A codec of another clock needs another SSRC (RFC 7160).
        """
        made = RtpSender(
            codec,
            ssrc=ssrc,
            payload_type=payload_type,
            first_sequence=self._first_sequence,
            first_timestamp=self.first_timestamp,
        )
        made._sent, made._octets = self.sent, self.octets
        return made

    @property
    def sent(self) -> int:
        """Packets sent."""
        return self._sent + self._frames_elsewhere()

    @property
    def octets(self) -> int:
        """Bytes of payload sent."""
        return self._octets + self._frames_elsewhere() * FRAME_SAMPLES

    def join(self, count: FrameCount | None) -> None:
        """From now on its frames of G.711 are made and counted elsewhere; None: no more."""
        made = self._frames_elsewhere()
        self._sent += made
        self._octets += made * FRAME_SAMPLES
        self._wide, self._wide_from = count, 0 if count is None else count.frames

    def _frames_elsewhere(self) -> int:
        return 0 if self._wide is None else self._wide.frames - self._wide_from

    @property
    def next_sequence(self) -> int:
        """Of the next packet, not yet cut to 16 bits."""
        return self._first_sequence + self.sent

    def packets(self, pcm: NDArray[np.int16], first_frame: int) -> list[NDArray[np.uint8]]:
        """Frames (n, 160) from ``first_frame`` on as packets; rows of one array are of one size."""
        packets = []
        at = first_frame
        for payload in encode_frames(pcm, self.codec, self._encoder):
            packets.append(self.wrap(payload, np.arange(at, at + len(payload)) * FRAME_SAMPLES))
            at += len(payload)
        return packets

    def wrap(
        self,
        payload: NDArray[np.uint8],
        media: NDArray[np.int64],
        *,
        payload_type: int | None = None,
        marker: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.uint8]:
        """Put headers before payloads (n, size) that start at these media times (samples)."""
        count = len(payload)
        data = build(
            payload,
            payload_type=self.payload_type if payload_type is None else payload_type,
            sequence=np.arange(self.next_sequence, self.next_sequence + count),
            timestamp=self.first_timestamp + media * self.ticks_per_sample,
            ssrc=self.ssrc,
            marker=marker,
        )
        self._sent += count
        self._octets += payload.size
        return data
