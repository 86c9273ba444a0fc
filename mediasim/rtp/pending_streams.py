"""Streams that are new on their rows, and their packets until it is known where they belong.

What gives a stream its place is :class:`mediasim.rtp.probation.FirstPackets`. Many calls may begin
in one frame, so what can be is done for all of them at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS
from mediasim.audio.frames import FRAME_NS, SAMPLE_NS, SAMPLE_RATE
from mediasim.rtp.depacketizer import ExtendedNumbers
from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.probation import Anchor, KeptPacket, place_of
from mediasim.rtp.scheduler import Scheduler
from mediasim.rtp.skew_compensation import PlayoutOffsets
from mediasim.rtp.stream import ReceivedStream

__all__ = ["PendingStreams", "StreamPackets"]

_KEPT: Final = 16
"""Packets kept at a time while a stream waits for its place."""


@dataclass(frozen=True, slots=True)
class StreamPackets:
    """Packets of one stream in a block."""

    stream: ReceivedStream
    media: NDArray[np.int64]
    sequence: NDArray[np.int64]
    chosen: NDArray[np.int64]
    """Rows of the block."""

    def between(self, start: int, end: int | None) -> StreamPackets:
        """Some of them."""
        span = slice(start, end)
        return StreamPackets(self.stream, self.media[span], self.sequence[span], self.chosen[span])


class PendingStreams:
    """``settled`` is called with a stream that was given its place, before it is played."""

    def __init__(
        self,
        numbers: ExtendedNumbers,
        pace: PlayoutOffsets,
        lines: Scheduler,
        settled: Callable[[ReceivedStream], None],
    ) -> None:
        self._numbers = numbers
        self._pace = pace
        self._lines = lines
        self._settled = settled

    def receive(
        self, pieces: list[StreamPackets], parsed: Parsed, block: PacketBlock, known_before: int
    ) -> None:
        """Keep packets of streams that wait until it is known where they belong.

        A few are enough to know it as a rule, so that few are kept even of a long block.
        """
        while pieces:
            asked: list[tuple[ReceivedStream, int]] = []
            rests: list[StreamPackets] = []
            for piece in pieces:
                _keep(piece.between(0, _KEPT), parsed, block)
                known = known_before
                if len(piece.chosen) > _KEPT:
                    rest = piece.between(_KEPT, None)
                    known = min(known, int(block.arrival[rest.chosen[0]]) // FRAME_NS + 1)
                    rests.append(rest)
                asked.append((piece.stream, known))
            self.settle(asked)
            pieces = []
            for rest in rests:
                if rest.stream.waiting is not None:
                    pieces.append(rest)
                else:
                    rows = np.full(len(rest.chosen), rest.stream.row)
                    self._lines.place(rows, parsed, block, rest.chosen)

    def settle(self, streams: Iterable[tuple[ReceivedStream, int]]) -> None:
        """Give waiting streams their places if nothing to come can change them any more.

        With each stream stands the frame before which all its usable packets have been given.
        """
        begun: list[tuple[ReceivedStream, list[KeptPacket]]] = []
        for stream, known_before in streams:
            if not stream.waiting:
                continue
            found = self._anchor(stream, stream.waiting, known_before)
            if found is None:
                continue
            waiting, stream.waiting = stream.waiting, None
            self._pace.begin(stream, found, waiting[0].arrival)
            self._settled(stream)
            if stream.framed is not None:  # codecs with memory come a row at a time
                self._lines.replay([(stream, waiting)])
            else:
                begun.append((stream, waiting))
        if begun:
            self._lines.replay(begun)

    def _anchor(
        self, stream: ReceivedStream, kept: list[KeptPacket], known_before: int
    ) -> Anchor | None:
        """The place of a stream that keeps packets; None if others may still change it."""
        if len(kept) < 2 or _counts_on(stream, kept[0], kept[1]):  # as a rule
            return stream.first_packets.anchor(known_before)
        anchor, due = _first_alone(stream, kept)
        told = [packet for packet in kept if packet.usable <= due]
        if _clock_of(stream, told[:2]) is None:
            return stream.first_packets.anchor(known_before)
        if known_before <= due:
            return None  # two packets may be off by chance
        rate = _clock_of(stream, told)
        if rate is not None and len(told) > 2:
            stream.count_by(rate)
            self._numbers.open(stream.row, stream.ticks_per_sample)
        return anchor


def _counts_on(stream: ReceivedStream, one: KeptPacket, other: KeptPacket) -> bool:
    """Whether a packet's timestamp is where the one before it ends."""
    step = (other.timestamp - one.timestamp) & 0xFFFFFFFF
    return not stream.decoders and step == len(one.payload) // stream.octets


def _first_alone(stream: ReceivedStream, kept: list[KeptPacket]) -> tuple[Anchor, int]:
    """The place that the first packet has by itself, and the frame in which it is due."""
    first, depth = kept[0], stream.format.depth
    anchor = Anchor(first.media, first.delay, place_of(first.delay, depth))
    return anchor, anchor.begins(stream.lead)


def _clock_of(stream: ReceivedStream, kept: list[KeptPacket]) -> int | None:
    """What a stream's timestamps count in a second, if that is not what its codec's would.

    Packets that follow each other in number and arrival say how long they are.
    """
    if len(kept) < 2:
        return None
    codec = CODECS[stream.codecs[kept[0].payload_type]]
    units = stream.ticks_per_sample
    size = codec.samples(kept[0].payload.tobytes())
    if not size:
        return None
    step = (kept[1].timestamp - kept[0].timestamp) & 0xFFFFFFFF
    if step == size * units or step % size:
        return None
    for before, after in itertools.pairwise(kept):
        same = after.payload_type == before.payload_type and after.sequence - before.sequence == 1
        stamps = (after.timestamp - before.timestamp) & 0xFFFFFFFF
        if not same or stamps != step or codec.samples(after.payload.tobytes()) != size:
            return None
    count = len(kept) - 1
    waited = (kept[-1].arrival - kept[0].arrival) // SAMPLE_NS
    if abs(waited - count * size) >= abs(waited - count * step // units):
        return None
    return step // size * SAMPLE_RATE


def _keep(piece: StreamPackets, parsed: Parsed, block: PacketBlock) -> None:
    columns = (piece.chosen.tolist(), piece.media.tolist(), piece.sequence.tolist())
    for index, media, sequence in zip(*columns, strict=True):
        start = int(parsed.offset[index])
        payload = block.data[index, start : start + int(parsed.size[index])].copy()
        what = int(parsed.timestamp[index]), int(parsed.payload_type[index])
        packet = KeptPacket(media, int(block.arrival[index]), payload, sequence, *what)
        piece.stream.keep(packet)
