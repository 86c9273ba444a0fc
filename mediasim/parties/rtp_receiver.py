"""A simulated party's RTP receiver: the packets sent to it, through its link and its playout.

A receiver is a leg's packet sink. It plays what arrives frame by frame, as a telephone would, and
passes it to its listeners.

In real time each receiver gets one packet per frame, and a playout costs about the same for one
stream as for hundreds. So all receivers of a media plane that ticks share one playout: a frame's
packets are gathered, and played when the plane has processed the frame. What each receiver hears,
and of which frame, is the same as by itself.

In virtual time a receiver hears nothing for as long as its party has no use for it: packets are
gathered then, and played as one block when somebody asks. What is heard does not depend on when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.media.leg import Leg
from mediasim.media.plane import MediaPlane
from mediasim.net.link import Link
from mediasim.parties.in_flight import PacketFate, PacketsInFlight
from mediasim.rtp.foresight import Foreseen
from mediasim.rtp.packets import PacketBlock, as_rows, joined
from mediasim.rtp.playout import AHEAD_FRAMES, Playout
from mediasim.rtp.reception import Reception
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import MEDIA_BASE, ReceivedStream, StreamFormat

__all__ = ["RtpReceiver", "SharedPlayout", "shared_playout_of"]

_HALF: Final = 1 << 31
"""Half the range of RTP timestamps, which wrap."""
_MOST_GATHERED: Final = 1000
"""Frames of packets that are gathered at most before they are played."""
_REMOVE_EVERY: Final = 50
"""Frames between two removals of the receivers of ended legs."""

Listener = Callable[[int, NDArray[np.int16]], None]
"""Called with a first frame and the samples heard from it on, int16 (frames * 160,)."""


class RtpReceiver:
    """The receiver of one party on one leg."""

    def __init__(self, stream_format: StreamFormat, link: Link, max_block: int) -> None:
        """Create a receiver that plays up to ``max_block`` frames in memory kept for them."""
        self.link = link
        self.listeners: list[Listener] = []
        """Listeners to what is played; :meth:`settle` before one is added or removed."""
        self.needs_none_before: Callable[[int], bool] = lambda end: False
        """Returns whether no listener needs what is played before a frame yet."""
        self.sent = 0
        """Number of packets sent to the party."""
        self._max_block = max_block
        self._playout = Playout(max_block + 1 + AHEAD_FRAMES)
        self._stream = self._playout.open(stream_format)
        self._flight = PacketsInFlight(link)
        self._gathered: list[NDArray[np.uint8]] = []
        """Packets that were not played yet, one a frame."""
        self._gathered_from = self._gathered_to = 0
        """The frames (from, to) of the packets gathered."""
        self._sent_from = 0
        """The frame since which there was a packet each frame."""
        self._defer: Callable[[RtpReceiver, int], None] | None = None
        self._final: Reception | None = None

    @property
    def stream(self) -> ReceivedStream:
        """The received stream."""
        self.settle()
        return self._stream

    @property
    def remembers(self) -> bool:
        """Whether the codec of what is heard has a memory."""
        return self._stream.decoder is not None

    @property
    def path_frames(self) -> int:
        """Frames from a frame's being sent to its having been heard."""
        delay = -(-self.link.delay_ns // FRAME_NS)
        return delay + 3 + self._stream.format.depth

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """Send the party one packet a frame from ``first_frame`` on, each at its frame's end."""
        if first_frame != self._gathered_to:
            self.settle()
            self._sent_from = first_frame
        if not self._gathered:
            self._gathered_from = self._gathered_to = first_frame
        self._gathered += packets
        count = sum(map(len, packets))
        self._gathered_to += count
        self.sent += count
        most = self._gathered_to - self._gathered_from >= _MOST_GATHERED
        if self._defer is not None or most or not self.needs_none_before(self._gathered_to):
            self.settle()

    def settle(self) -> None:
        """Play what was gathered."""
        if not self._gathered:
            return
        data, length = as_rows(self._gathered)
        self._gathered = []
        first_frame, at = self._gathered_from, self._gathered_to
        frames = np.arange(first_frame, at)
        self._flight.send(data, (frames + 1) * FRAME_NS, frames * FRAME_SAMPLES, length)
        if self._defer is None:
            self._hear(first_frame, at)
        elif self._final is None:
            for frame in range(first_frame, at):
                self._defer(self, frame)

    def outlook(
        self, sender: RtpSender, back: int, to_frame: int
    ) -> tuple[int, NDArray[np.int64], Foreseen] | None:
        """Return the first of the last ``back`` frames sent, the samples (n,) at which the party
        hears the frames from there to ``to_frame``, and what becomes of their packets.

        None while that is not known. A packet is sent each frame by ``sender``.
        """
        self.settle()
        place = self._playout.foresight.place_of(self._stream, sender.first_timestamp)
        if place is None or self._defer is not None:
            return None
        end = self._gathered_to
        first = max(self._sent_from, end - back)
        frames = np.arange(first, to_frame)
        fates = self.link.foresee(self._flight.sent - (end - first), (frames + 1) * FRAME_NS)
        if fates is None or not len(frames):
            return None
        output = place + frames * FRAME_SAMPLES
        found = self._playout.foresight.foresee(
            self._stream, output, fates.arrival, fates.lost, (end - 1) * FRAME_NS
        )
        return first, output, found

    def heard_at(self, sent: int, sender: RtpSender) -> int | None:
        """Return the sample at which a sample that ``sender`` has sent is heard.

        Returns None while no packet has arrived.
        """
        stream = self.stream
        if not stream.shifts:
            return None
        # The shorter way round: timestamps start at random and wrap (RFC 3550 section 5.1).
        ticks = (sender.first_timestamp - stream.first_timestamp + _HALF) % (2 * _HALF) - _HALF
        media = MEDIA_BASE + ticks // sender.ticks_per_sample + sent
        shift = next((each for each in reversed(stream.shifts) if each.media <= media), None)
        return media + (shift or stream.shifts[0]).offset

    def share(self, playout: Playout, defer: Callable[[RtpReceiver, int], None]) -> None:
        """Use a shared playout, from the beginning on.

        ``defer`` is called with each frame that is to be played later, from :meth:`take_arrived`.
        """
        self._playout, self._defer = playout, defer
        self._stream = playout.open(self._stream.format)

    def take_arrived(self, before_ns: int) -> PacketBlock | None:
        """Return the packets that arrived before a loop time and were not yet taken."""
        return self._flight.take_arrived(before_ns)

    def close(self) -> None:
        """Close the stream, whose row of the shared playout another stream may then have."""
        self._final = self.reception
        self._playout.close(self._stream)

    def _hear(self, first_frame: int, end: int) -> None:
        own, count = np.array([self._stream.row]), end - first_frame
        if count > self._max_block:
            pcm = self._playout.stretch(own, first_frame, count)
        else:
            pcm = np.empty((1, count * FRAME_SAMPLES), np.int16)
        # A frame is played from what had arrived when the frame began.
        block = self._flight.take_arrived((end - 1) * FRAME_NS)
        if block is not None and not self._playout.steady.receive(self._stream, block):
            self._playout.receive(np.full(len(block), self._stream.row, np.int64), block, end)
        self._playout.read(own, first_frame, count, pcm)
        for listener in tuple(self.listeners):
            listener(first_frame, pcm[0])

    @property
    def fates(self) -> list[PacketFate]:
        """The fates of packets that the link has impaired."""
        self.settle()
        return self._flight.fates

    @property
    def reception(self) -> Reception:
        """The reception figures of the stream, also after it was closed."""
        self.settle()
        return self._final or self._playout.reception.of(self._stream.row)


# -- the shared playout of a plane ---------------------------------------------------------


class SharedPlayout:
    """The shared playout of one media plane; :func:`shared_playout_of` returns it."""

    def __init__(self) -> None:
        self._playout = Playout(2 + AHEAD_FRAMES)
        self._receivers: dict[RtpReceiver, Leg] = {}
        self._waiting: dict[int, list[RtpReceiver]] = {}
        """The receivers with packets to be played, by frame."""
        self._checked_frame = 0

    def __len__(self) -> int:
        return len(self._receivers)

    def join(self, receiver: RtpReceiver, leg: Leg) -> None:
        """Add a receiver, until its leg has ended."""
        receiver.share(self._playout, self._defer)
        self._receivers[receiver] = leg

    def _defer(self, receiver: RtpReceiver, frame: int) -> None:
        self._waiting.setdefault(frame, []).append(receiver)

    def hear(self) -> None:
        """Play the frames that were deferred."""
        waiting, self._waiting = self._waiting, {}
        for frame in sorted(waiting):
            self._hear(waiting[frame], frame)
            if frame >= self._checked_frame + _REMOVE_EVERY:
                self._checked_frame = frame
                self._remove_ended()

    def _hear(self, receivers: list[RtpReceiver], frame: int) -> None:
        rows, blocks, own = [], [], []
        for receiver in receivers:
            own.append(receiver.stream.row)
            block = receiver.take_arrived(frame * FRAME_NS)
            if block is not None:
                blocks.append(block)
                rows.append(receiver.stream.row)
        if blocks:
            row_of_packet = np.repeat(np.array(rows, np.int64), [len(block) for block in blocks])
            self._playout.receive(row_of_packet, joined(blocks), frame + 1)
        pcm = np.empty((len(receivers), FRAME_SAMPLES), np.int16)
        self._playout.read(np.array(own, np.int64), frame, 1, pcm)
        for receiver, samples in zip(receivers, pcm, strict=True):
            for listener in tuple(receiver.listeners):
                listener(frame, samples)

    def _remove_ended(self) -> None:
        for receiver, leg in list(self._receivers.items()):
            if leg.ended_frame is not None:
                receiver.close()
                del self._receivers[receiver]


_OF_PLANE: WeakKeyDictionary[MediaPlane, SharedPlayout] = WeakKeyDictionary()


def shared_playout_of(plane: MediaPlane) -> SharedPlayout:
    """Return the plane's shared playout, created at the first call."""
    shared_playout = _OF_PLANE.get(plane)
    if shared_playout is None:
        shared_playout = _OF_PLANE[plane] = SharedPlayout()
        plane.afterwards.append(shared_playout.hear)
    return shared_playout
