"""The next packet of many streams at once: one array for thousands of legs, rows ready to send.

The wide form of :class:`mediasim.rtp.sender.RtpSender`, for the codecs that code each sample by
itself (RFC 3551: PCMU and PCMA). Both make the same packets.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.g711 import alaw_encode, ulaw_encode
from mediasim.rtp.packets import HEADER_SIZE
from mediasim.rtp.sender import RtpSender

__all__ = ["WideSender"]

_PACKET: Final = HEADER_SIZE + FRAME_SAMPLES
_FIELDS: Final = np.dtype(
    {
        "names": ["b0", "b1", "sequence", "timestamp", "ssrc"],
        "formats": ["u1", "u1", ">u2", ">u4", ">u4"],
        "offsets": [0, 1, 2, 4, 8],
        "itemsize": _PACKET,
    }
)
_VERSION: Final = 0x80
_FEWEST: Final = 16


class WideSender:
    """Makes packets for senders, in the order in which they were added."""

    def __init__(self) -> None:
        self.frames = 0
        """How many packets it has made of each sender."""
        self.senders: list[RtpSender] = []
        self._data = np.zeros((0, _PACKET), np.uint8)
        self._first_timestamp = np.zeros(0, np.int64)
        self._alaw = np.zeros(0, np.bool_)
        self._hold(_FEWEST)

    def _hold(self, room: int) -> None:
        """Have memory for so many senders."""
        more = room - len(self._data)
        self._data = np.concatenate((self._data, np.zeros((more, _PACKET), np.uint8)))
        self._first_timestamp = np.append(self._first_timestamp, np.zeros(more, np.int64))
        self._alaw = np.append(self._alaw, np.zeros(more, np.bool_))
        self._heads = self._data.view(_FIELDS)[:, 0]
        self._rows = [row.data for row in self._data]

    def __len__(self) -> int:
        return len(self.senders)

    @property
    def packets(self) -> NDArray[np.uint8]:
        """The packets made last, (n, 172), in one piece of memory."""
        return self._data[: len(self.senders)]

    @property
    def rows(self) -> list[memoryview]:
        """The same, each by itself."""
        return self._rows[: len(self.senders)]

    def add(self, sender: RtpSender) -> None:
        """Send for one more. Raises ValueError for a codec that needs a coder per stream."""
        if sender.codec not in ("PCMU", "PCMA"):
            raise ValueError(f"{sender.codec} frames are coded one by one: PCMU or PCMA")
        at = len(self.senders)
        if at == len(self._data):
            self._hold(2 * at)
        self.senders.append(sender)
        head = self._heads[at]
        head["b0"], head["b1"], head["ssrc"] = _VERSION, sender.payload_type, sender.ssrc
        head["sequence"] = (sender.next_sequence - 1) & 0xFFFF
        self._first_timestamp[at] = sender.first_timestamp
        self._alaw[at] = sender.codec == "PCMA"
        sender.join(self)

    def remove(self, at: int) -> None:
        """Send no more for the sender in this place; the last one takes it."""
        self.senders[at].join(None)
        last = self.senders.pop()
        if at < len(self.senders):
            self.senders[at] = last
        for column in (self._data, self._first_timestamp, self._alaw):
            column[at] = column[len(self.senders)]

    def make(self, pcm: NDArray[np.int16], frame: int) -> None:
        """Make the next packet of each sender from rows of ``pcm`` (n, 160), over the last one."""
        count = len(self.senders)
        self._data[:count, HEADER_SIZE:] = ulaw_encode(pcm)
        alaw = np.flatnonzero(self._alaw[:count])
        if len(alaw):
            self._data[alaw, HEADER_SIZE:] = alaw_encode(pcm[alaw])
        heads = self._heads[:count]
        heads["sequence"] += 1
        heads["timestamp"] = self._first_timestamp[:count] + frame * FRAME_SAMPLES & 0xFFFFFFFF
        self.frames += 1
