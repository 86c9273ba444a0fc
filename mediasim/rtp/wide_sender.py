"""The next packet of many streams at once: one array for thousands of legs, rows ready to send.

The wide form of :class:`mediasim.rtp.sender.RtpSender`, for the codecs that code each sample by
itself (RFC 3551: PCMU and PCMA). Both make the same packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import alaw_encode, ulaw_encode
from mediasim.rtp.packets import HEADER_SIZE, build
from mediasim.rtp.sender import RtpSender

__all__ = ["WideSender"]

_SEQUENCE: Final = 2
_TIMESTAMP: Final = 4
_PACKET: Final = HEADER_SIZE + FRAME_SAMPLES


class WideSender:
    """Sends for ``senders``, row by row; make a new one when they change."""

    def __init__(self, senders: Sequence[RtpSender]) -> None:
        """Raises ValueError for a codec that needs a coder per stream."""
        others = {sender.codec for sender in senders} - {"PCMU", "PCMA"}
        if others:
            raise ValueError(f"{sorted(others)[0]} frames are coded one by one: PCMU or PCMA")
        self._senders = tuple(senders)
        count = len(senders)
        self._sequence = np.array([s.next_sequence & 0xFFFF for s in senders], np.uint16)
        self._first_timestamp = np.array([s.first_timestamp for s in senders], np.int64)
        self._alaw = np.array([index for index, s in enumerate(senders) if s.codec == "PCMA"], int)
        self._data = build(
            np.zeros((count, FRAME_SAMPLES), np.uint8),
            payload_type=0,
            sequence=np.zeros(count, np.int64),
            timestamp=np.zeros(count, np.int64),
            ssrc=np.array([s.ssrc for s in senders], np.int64),
        )
        self._data[:, 1] = [s.payload_type for s in senders]
        shape, strides = (count,), (_PACKET,)
        self._sequences = np.ndarray(shape, ">u2", self._data, _SEQUENCE, strides)
        self._timestamps = np.ndarray(shape, ">u4", self._data, _TIMESTAMP, strides)
        self.rows: list[memoryview] = [row.data for row in self._data]
        """The packets made last, ready to send."""

    def make(self, pcm: NDArray[np.int16], frame: int) -> None:
        """Make the next packet of each row of ``pcm`` (n, 160), over the last one."""
        self._data[:, HEADER_SIZE:] = ulaw_encode(pcm)
        if len(self._alaw):
            self._data[self._alaw, HEADER_SIZE:] = alaw_encode(pcm[self._alaw])
        self._sequences[:] = self._sequence
        self._timestamps[:] = self._first_timestamp + frame * FRAME_SAMPLES & 0xFFFFFFFF
        self._sequence += 1
        for sender in self._senders:
            sender.sent += 1
            sender.octets += FRAME_SAMPLES
