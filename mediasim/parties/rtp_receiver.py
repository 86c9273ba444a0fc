"""A simulated party's ear: the packets sent to it, through its link and its own playout.

An ear is a leg's packet sink. It plays what arrives frame by frame, as a telephone would, and
hands it to whoever listens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.net.link import Link
from mediasim.parties.in_flight import PacketFate, PacketsInFlight
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.playout import AHEAD_FRAMES, Playout
from mediasim.rtp.reception import Reception
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import MEDIA_BASE, StreamFormat

__all__ = ["RtpReceiver"]

_HALF: Final = 1 << 31
"""Of the range of RTP timestamps, which wrap."""

Listener = Callable[[int, NDArray[np.int16]], None]


class RtpReceiver:
    """One party's hearing on one leg."""

    def __init__(self, stream_format: StreamFormat, link: Link, max_block: int) -> None:
        """Blocks of more frames than ``max_block`` are heard in memory made for each."""
        self.link = link
        self.listeners: list[Listener] = []
        self.sent = 0
        self._max_block = max_block
        self._playout = Playout(max_block + 1 + AHEAD_FRAMES)
        self.stream = self._playout.open(stream_format)
        self._flight = PacketsInFlight(link)
        self._wait: Callable[[RtpReceiver, int], None] | None = None
        self._final: Reception | None = None

    @property
    def path_frames(self) -> int:
        """Frames from a frame's being sent to its having been heard."""
        delay = -(-self.link.delay_ns // FRAME_NS)
        return delay + 3 + self.stream.format.depth

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        """One packet per frame from ``first_frame`` on, each sent at the frame's end."""
        at = first_frame
        for data in packets:
            count = len(data)
            frames = np.arange(at, at + count)
            self._flight.launch(data, (frames + 1) * FRAME_NS, frames * FRAME_SAMPLES)
            self.sent += count
            at += count
        if self._wait is None:
            self._hear(first_frame, at)
        elif self._final is None:
            for frame in range(first_frame, at):
                self._wait(self, frame)

    def heard_at(self, sent: int, sender: RtpSender) -> int | None:
        """The sample at which a sample that ``sender`` has sent is heard.

        None while nothing has come.
        """
        stream = self.stream
        if not stream.shifts:
            return None
        ticks = (sender.first_timestamp - stream.first_timestamp + _HALF) % (2 * _HALF) - _HALF
        media = MEDIA_BASE + ticks // sender.ticks_per_sample + sent
        shift = next((each for each in reversed(stream.shifts) if each.media <= media), None)
        return media + (shift or stream.shifts[0]).offset

    def share(self, playout: Playout, wait: Callable[[RtpReceiver, int], None]) -> None:
        """Be played out together with others from the beginning on.

        ``wait`` is called for each frame that is to be heard; who hears it asks :meth:`land`.
        """
        self._playout, self._wait = playout, wait
        self.stream = playout.open(self.stream.format)

    def land(self, before_ns: int) -> PacketBlock | None:
        """What has arrived before this time."""
        return self._flight.land(before_ns)

    def close(self) -> None:
        """Nothing more is to be heard; its row of the shared playout is another's."""
        self._final = self.reception
        self._playout.close(self.stream)

    def _hear(self, first_frame: int, end: int) -> None:
        own, count = np.array([self.stream.row]), end - first_frame
        if count > self._max_block:
            pcm = self._playout.stretch(own, first_frame, count)
        else:
            pcm = np.empty((1, count * FRAME_SAMPLES), np.int16)
        block = self._flight.land((end - 1) * FRAME_NS)
        if block is not None:
            self._playout.receive(np.full(len(block), self.stream.row, np.int64), block, end)
        self._playout.read(own, first_frame, count, pcm)
        for listener in tuple(self.listeners):
            listener(first_frame, pcm[0])

    @property
    def fates(self) -> list[PacketFate]:
        """Packets that did not simply arrive."""
        return self._flight.fates

    @property
    def reception(self) -> Reception:
        return self._final or self._playout.reception.of(self.stream.row)
