"""The sending side of one RTP stream: frames of audio become packets.

Sequence number and timestamp start anywhere (RFC 3550 section 5.1 wants them random) and the
timestamp follows the frame clock, so a pause in sending is a jump in timestamps, not in
sequence numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, FrameCoder, SampleCoder, encode_frames
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.rtp.packets import HEADER_SIZE, PLAIN, build, equal_rows, header_fields

__all__ = ["RtpSender", "WideSender"]

_Frames = NDArray[np.int16]


_PACKET: Final = HEADER_SIZE + FRAME_SAMPLES
_FEWEST: Final = 16


def _coding(coder: SampleCoder | FrameCoder) -> Callable[[_Frames], list[NDArray[np.uint8]]]:
    """Return a function that encodes frames (n, 160) of one stream as arrays of equal payloads."""
    if isinstance(coder, SampleCoder):
        encode_all = coder.encode
        return lambda pcm: [encode_all(pcm)]
    encoder = coder.encoder()
    return lambda pcm: equal_rows(encode_frames(encoder, pcm))


class RtpSender:
    """The sender of one RTP stream, of the server or of a simulated party."""

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
        self.ticks_per_sample = known.ticks_per_sample
        self.first_timestamp = first_timestamp
        self._sent = 0
        self._octets = 0
        self._wide: WideSender | None = None
        """The wide sender that makes this one's packets; None if it makes its own."""
        self._wide_from = 0
        """Frames that the wide sender had counted when this one joined."""
        self._first_sequence = first_sequence
        self._payloads = _coding(known.coder)

    def changed_to(self, codec: str, payload_type: int, *, ssrc: int) -> RtpSender:
        """Return the sender that continues this one's sequence numbers in another codec.

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

    def join(self, count: WideSender | None) -> None:
        """Let a wide sender make and count the frames from now on; None: no longer."""
        made = self._frames_elsewhere()
        self._sent += made
        self._octets += made * FRAME_SAMPLES
        self._wide, self._wide_from = count, 0 if count is None else count.frames

    def _frames_elsewhere(self) -> int:
        return 0 if self._wide is None else self._wide.frames - self._wide_from

    @property
    def next_sequence(self) -> int:
        """Sequence number of the next packet, not yet cut to 16 bits."""
        return self._first_sequence + self.sent

    def packets(self, pcm: NDArray[np.int16], first_frame: int) -> list[NDArray[np.uint8]]:
        """Encode frames (n, 160) from ``first_frame`` on as packets, arrays of equal rows."""
        packets = []
        at = first_frame
        for payload in self._payloads(pcm):
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


class WideSender:
    """A sender of the next packet of many RtpSenders at once, in the order they were added.

    For codecs of which an octet is a sample by itself: one array for thousands of legs, rows ready
    to send. Makes the same packets as the senders by themselves.
    """

    def __init__(self) -> None:
        self.frames = 0
        """Packets made of each sender so far."""
        self.senders: list[RtpSender] = []
        self._data = np.zeros((0, _PACKET), np.uint8)
        self._first_timestamp = np.zeros(0, np.int64)
        self._coders: list[SampleCoder] = []
        self._coder = np.zeros(0, np.int64)
        self._hold(_FEWEST)

    def _hold(self, room: int) -> None:
        """Grow the memory to so many senders."""
        more = room - len(self._data)
        self._data = np.concatenate((self._data, np.zeros((more, _PACKET), np.uint8)))
        self._first_timestamp = np.append(self._first_timestamp, np.zeros(more, np.int64))
        self._coder = np.append(self._coder, np.zeros(more, np.int64))
        self._heads = header_fields(self._data)
        self._rows = [row.data for row in self._data]

    def __len__(self) -> int:
        return len(self.senders)

    @property
    def packets(self) -> NDArray[np.uint8]:
        """The packets made last, (n, 172), in one contiguous array."""
        return self._data[: len(self.senders)]

    @property
    def rows(self) -> list[memoryview]:
        """The packets made last, each as a memoryview."""
        return self._rows[: len(self.senders)]

    def add(self, sender: RtpSender) -> None:
        """Add a sender. Raises ValueError for a codec that needs a coder per stream."""
        coder = CODECS[sender.codec].coder
        if not isinstance(coder, SampleCoder) or coder.octets != 1:
            known = ", ".join(name for name, codec in CODECS.items() if codec.is_bytewise)
            raise ValueError(f"{sender.codec} frames are coded one by one; expected one of {known}")
        at = len(self.senders)
        if at == len(self._data):
            self._hold(2 * at)
        self.senders.append(sender)
        head = self._heads[at]
        head["b0"], head["b1"], head["ssrc"] = PLAIN, sender.payload_type, sender.ssrc
        head["sequence"] = (sender.next_sequence - 1) & 0xFFFF
        self._first_timestamp[at] = sender.first_timestamp
        if coder not in self._coders:
            self._coders.append(coder)
        self._coder[at] = self._coders.index(coder)
        sender.join(self)

    def remove(self, at: int) -> None:
        """Remove the sender at an index; the last one takes its place."""
        self.senders[at].join(None)
        last = self.senders.pop()
        if at < len(self.senders):
            self.senders[at] = last
        for column in (self._data, self._first_timestamp, self._coder):
            column[at] = column[len(self.senders)]

    def make(self, pcm: NDArray[np.int16], frame: int) -> None:
        """Make the next packet of each sender from rows of ``pcm`` (n, 160), over the last one."""
        count = len(self.senders)
        payload = self._data[:count, HEADER_SIZE:]
        users = np.bincount(self._coder[:count], minlength=1)
        usual = int(users.argmax())
        if users[usual]:
            payload[:] = self._coders[usual].encode(pcm)  # as a rule, there is no other
        for index in np.flatnonzero(users).tolist():
            if index != usual:
                own = np.flatnonzero(self._coder[:count] == index)
                payload[own] = self._coders[index].encode(pcm[own])
        heads = self._heads[:count]
        # The field has 16 bits and wraps by itself.
        heads["sequence"] += 1
        heads["timestamp"] = self._first_timestamp[:count] + frame * FRAME_SAMPLES & 0xFFFFFFFF
        self.frames += 1
