"""New streams of rows, and their packets until their playout offset is known.

A stream's offset is given by :class:`mediasim.rtp.probation.FirstPackets`. Many calls may begin in
one frame, so the work is done for all of them at once where possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, SAMPLE_NS, SAMPLE_RATE
from mediasim.rtp.depacketizer import ExtendedNumbers, kept_packet, samples_of
from mediasim.rtp.packets import PacketBlock, Parsed, equal_runs
from mediasim.rtp.playout_offsets import PlayoutOffsets
from mediasim.rtp.probation import Anchor, KeptPacket, offset_of
from mediasim.rtp.scheduler import Scheduler
from mediasim.rtp.stream import ReceivedStream, StreamTable

__all__ = ["PendingStreams"]

_KEPT: Final = 16
"""Packets kept at a time while a stream waits for its offset."""


@dataclass(frozen=True, slots=True)
class StreamPackets:
    """Packets of one stream in a block."""

    stream: ReceivedStream
    media: NDArray[np.int64]
    """Media times in 8 kHz samples, (n,)."""
    sequence: NDArray[np.int64]
    """Extended sequence numbers, (n,)."""
    chosen: NDArray[np.int64]
    """Indices of the packets in the block, (n,)."""

    def between(self, start: int, end: int | None) -> StreamPackets:
        """Return packets ``start .. end``."""
        span = slice(start, end)
        return StreamPackets(self.stream, self.media[span], self.sequence[span], self.chosen[span])


class PendingStreams:
    """Streams that wait for their playout offsets."""

    def __init__(
        self,
        streams: StreamTable,
        numbers: ExtendedNumbers,
        offsets: PlayoutOffsets,
        scheduler: Scheduler,
        settled: Callable[[ReceivedStream], None],
    ) -> None:
        """``settled`` is called with a stream that got its offset, before it is played."""
        self._streams = streams
        self._numbers = numbers
        self._offsets = offsets
        self._scheduler = scheduler
        self._settled = settled

    def receive(
        self,
        rows: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: NDArray[np.int64],
        known_before: int,
    ) -> None:
        """Keep chosen packets of pending streams until their offsets are known.

        A few packets are usually enough for that, so that few are kept even of a long block.
        """
        sequence, media = self._numbers.unwrap(rows, parsed, chosen)
        pieces = []
        for start, end in equal_runs(rows):
            stream = self._streams.at(int(rows[start]))
            pieces.append(StreamPackets(stream, media, sequence, chosen).between(start, end))
        while pieces:
            ready: list[tuple[ReceivedStream, int]] = []
            rests: list[StreamPackets] = []
            for piece in pieces:
                _keep(piece.between(0, _KEPT), parsed, block)
                known = known_before
                if len(piece.chosen) > _KEPT:
                    rest = piece.between(_KEPT, None)
                    known = min(known, int(block.arrival[rest.chosen[0]]) // FRAME_NS + 1)
                    rests.append(rest)
                ready.append((piece.stream, known))
            self.settle(ready)
            pieces = []
            for rest in rests:
                if rest.stream.waiting is not None:
                    pieces.append(rest)
                else:
                    rows = np.full(len(rest.chosen), rest.stream.row)
                    self._scheduler.schedule(rows, parsed, block, rest.chosen)

    def settle(self, streams: Iterable[tuple[ReceivedStream, int]]) -> None:
        """Give pending streams their offsets if no packet to come can change them any more.

        Each stream is given with the frame before which all its usable packets have been received.
        """
        begun: list[tuple[ReceivedStream, list[KeptPacket]]] = []
        for stream, known_before in streams:
            if not stream.waiting:
                continue
            found = self._anchor(stream, stream.waiting, known_before)
            if found is None:
                continue
            waiting, stream.waiting = stream.waiting, None
            self._offsets.begin(stream, found, waiting[0].arrival)
            self._settled(stream)
            if stream.decoder is not None:  # codecs with memory come a row at a time
                self._scheduler.replay([(stream, waiting)])
            else:
                begun.append((stream, waiting))
        if begun:
            self._scheduler.replay(begun)

    def _anchor(
        self, stream: ReceivedStream, kept: list[KeptPacket], known_before: int
    ) -> Anchor | None:
        """Return the anchor of a pending stream; None if packets to come may still change it."""
        if len(kept) < 2 or _counts_on(stream, kept[0], kept[1]):  # as a rule
            return stream.first_packets.anchor(known_before)
        anchor, due = _first_alone(stream, kept)
        early = [packet for packet in kept if packet.usable <= due]
        doubted = _clock_of(stream, early[:2])
        if doubted is None:
            return stream.first_packets.anchor(known_before)
        if known_before <= due:
            return None  # two packets may be off by chance
        rate = _clock_of(stream, early)
        if rate is None or len(early) <= 2:
            found = stream.first_packets.anchor(known_before)
            # Where later packets came sooner, the first was needed while it was doubted.
            past = found is not None and found.begins(stream.lead) < due
            return anchor if doubted or past else found
        if rate:
            stream.count_by(rate)
        else:
            stream.count_packets(samples_of(stream, early[0]))
        self._numbers.open(stream.row, stream.ticks_per_sample, stream.packet_samples)
        return anchor


def _counts_on(stream: ReceivedStream, one: KeptPacket, other: KeptPacket) -> bool:
    """Return whether a packet's timestamp is where the one before it ends."""
    step = (other.timestamp - one.timestamp) & 0xFFFFFFFF
    return not stream.decoders and step == len(one.payload) // stream.octets


def _first_alone(stream: ReceivedStream, kept: list[KeptPacket]) -> tuple[Anchor, int]:
    """Return the anchor by the first packet alone, and the frame in which that packet is due."""
    first, depth = kept[0], stream.format.depth
    anchor = Anchor(first.media, first.delay, offset_of(first.delay, depth))
    return anchor, anchor.begins(stream.lead)


def _clock_of(stream: ReceivedStream, kept: list[KeptPacket]) -> int | None:
    """Return a stream's timestamp rate per second, if it is not its codec's; None otherwise.

    The rate follows from packets that follow each other in number and arrival, by their lengths.
    It is 0 where timestamps are no clock: they stand still, go back, or count no audio.
    """
    if len(kept) < 2:
        return None
    units = stream.ticks_per_sample
    size = samples_of(stream, kept[0])
    if not size:
        return None
    steps = set()
    for before, after in itertools.pairwise(kept):
        same = after.payload_type == before.payload_type and after.sequence - before.sequence == 1
        if not same or samples_of(stream, after) != size:
            return None
        steps.add(_forward(before, after))
    if size * units in steps:
        return None
    count = len(kept) - 1
    waited = (kept[-1].arrival - kept[0].arrival) // SAMPLE_NS
    said = _forward(kept[0], kept[-1]) // units
    if abs(waited - count * size) >= abs(waited - said):
        return None
    step = min(steps)
    regular = len(steps) == 1 and step > 0 and step % size == 0
    return step // size * SAMPLE_RATE if regular else 0


def _forward(before: KeptPacket, after: KeptPacket) -> int:
    """Return by how much the timestamp goes forward, or back, modulo 2³²."""
    return (after.timestamp - before.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)


def _keep(piece: StreamPackets, parsed: Parsed, block: PacketBlock) -> None:
    """Keep packets of a pending stream, copied out of their block."""
    columns = (piece.chosen.tolist(), piece.sequence.tolist(), piece.media.tolist())
    for index, sequence, media in zip(*columns, strict=True):
        piece.stream.keep(kept_packet(parsed, block, index, sequence, media))
