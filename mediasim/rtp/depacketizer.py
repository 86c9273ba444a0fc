"""From packets to the ring: numbers that do not wrap, and payloads decoded where they belong.

:class:`ExtendedNumbers` reads sequence numbers and timestamps of many streams by the last packet
that was taken of each. :class:`Depacketizer` puts packets whose output samples are known into the
ring; of those that overlap, the last to arrive stays.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, SampleCoder
from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.probation import KeptPacket
from mediasim.rtp.ring import Columns, FrameRing
from mediasim.rtp.skew_compensation import PlayoutOffsets
from mediasim.rtp.stream import MEDIA_BASE, Placed, ReceivedStream

__all__ = ["Chosen", "Depacketizer", "ExtendedNumbers", "KeptBlock", "NumberedPackets", "block_of"]


@dataclass(frozen=True, slots=True)
class NumberedPackets:
    """Packets and where they would be put: columns."""

    rows: NDArray[np.int64]
    chosen: Chosen
    sequence: NDArray[np.int64]
    ticks: NDArray[np.int64]
    media: NDArray[np.int64]
    arrival: NDArray[np.int64]
    usable: NDArray[np.int64]
    delay: NDArray[np.int64]
    output: NDArray[np.int64]
    ahead: NDArray[np.int64]
    """Frames they wait to be played; negative for those that come too late."""

    def of(self, index: NDArray[np.int64]) -> NumberedPackets:
        """Some of them."""
        chosen = self.chosen
        if isinstance(chosen, slice):
            chosen = np.arange(chosen.start or 0, (chosen.start or 0) + len(self.rows))
        columns = (self.sequence, self.ticks, self.media, self.arrival)
        more = (self.usable, self.delay, self.output, self.ahead)
        return NumberedPackets(
            self.rows[index],
            chosen[index],
            *(column[index] for column in columns),
            *(column[index] for column in more),
        )


class ExtendedNumbers(Columns):
    """Of each row, the last packet that was taken."""

    def _columns(self, rows: int) -> None:
        self.ratio = np.ones(rows, np.int64)
        self.sequence = np.zeros(rows, np.int64)
        self.timestamp = np.zeros(rows, np.uint32)
        self.ticks = np.zeros(rows, np.int64)
        self.arrival = np.zeros(rows, np.int64)

    def open(self, row: int, ticks_per_sample: int) -> None:
        """What comes on the row has timestamps in these units."""
        self.ticks[row] = self.ticks[row] // self.ratio[row] * ticks_per_sample
        self.ratio[row] = ticks_per_sample

    def begin(
        self, rows: NDArray[np.int64], sequence: NDArray[np.uint16], timestamp: NDArray[np.uint32]
    ) -> None:
        """New streams, of which these are the first packets."""
        # Counted from high up, so that packets before the first one have positive numbers too.
        self.sequence[rows] = sequence.astype(np.int64) + (1 << 16)
        self.timestamp[rows] = timestamp
        self.ticks[rows] = MEDIA_BASE * self.ratio[rows]

    def unwrap(
        self, rows: NDArray[np.int64], parsed: Parsed, chosen: Chosen
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Extended sequence numbers and media times in 8 kHz samples."""
        sequence, ticks = self.read(rows, parsed, chosen)
        return sequence, self.media(rows, ticks)

    def read(
        self, rows: NDArray[np.int64], parsed: Parsed, chosen: Chosen
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Extended sequence numbers and timestamps."""
        last = self.sequence[rows]
        step = (parsed.sequence[chosen] - last.astype(np.uint16)).astype(np.int16)
        since = (parsed.timestamp[chosen] - self.timestamp[rows]).astype(np.int32)
        return last + step, self.ticks[rows] + since

    def media(self, rows: NDArray[np.int64], ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Media times in 8 kHz samples of extended timestamps."""
        ratio = self.ratio[rows]
        return ticks if (ratio == 1).all() else ticks // ratio

    def go_to(self, looked: NumberedPackets, timestamp: NDArray[np.uint32]) -> None:
        """The last of these packets of each row is what the next ones are read by."""
        rows = looked.rows
        self.sequence[rows] = looked.sequence
        self.timestamp[rows] = timestamp
        self.ticks[rows] = looked.ticks
        self.arrival[rows] = looked.arrival

    def go_from(self, row: int, packet: KeptPacket, media: int) -> None:
        """The next packets are read by one that has this media time."""
        self.sequence[row], self.timestamp[row] = packet.sequence, packet.timestamp
        self.ticks[row] = media * int(self.ratio[row])
        self.arrival[row] = packet.arrival

    def read_one(self, row: int, parsed: Parsed, block: PacketBlock, at: int) -> KeptPacket:
        """A packet of a block, to be kept aside."""
        sequence, media = self.unwrap(np.array([row]), parsed, slice(at, at + 1))
        start = int(parsed.offset[at])
        payload = block.data[at, start : start + int(parsed.size[at])].copy()
        return KeptPacket(
            int(media[0]),
            int(block.arrival[at]),
            payload,
            int(sequence[0]),
            int(parsed.timestamp[at]),
            int(parsed.payload_type[at]),
        )


KeptBlock = tuple[NDArray[np.int64], Parsed, PacketBlock]
"""Packets with their rows."""


def block_of(kept: list[tuple[int, KeptPacket]]) -> KeptBlock:
    """Packets that were kept, with their rows, as a block again."""
    count = len(kept)
    size = np.array([len(packet.payload) for _, packet in kept], np.int64)
    data = np.zeros((count, int(size.max())), np.uint8)
    for line, (_, packet) in zip(data, kept, strict=True):
        line[: len(packet.payload)] = packet.payload
    parsed = Parsed(
        ok=np.ones(count, np.bool_),
        payload_type=np.array([packet.payload_type for _, packet in kept], np.uint8),
        marker=np.zeros(count, np.bool_),
        sequence=np.array([packet.sequence & 0xFFFF for _, packet in kept], np.uint16),
        timestamp=np.array([packet.timestamp for _, packet in kept], np.uint32),
        ssrc=np.zeros(count, np.int64),
        offset=np.zeros(count, np.int64),
        size=size,
    )
    arrival = np.array([packet.arrival for _, packet in kept], np.int64)
    rows = np.array([row for row, _ in kept], np.int64)
    return rows, parsed, PacketBlock(data, size, arrival)


Chosen = slice | NDArray[np.int64]
"""Some packets of a block."""


class Depacketizer(Columns):
    """``streams`` are found by row, as in the tables."""

    def __init__(
        self, streams: list[ReceivedStream | None], pace: PlayoutOffsets, ring: FrameRing
    ) -> None:
        self._streams = streams
        self._pace = pace
        self._ring = ring
        self._coders: list[SampleCoder] = []
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._coder = np.zeros(rows, np.int64)
        """Which of the coders each row has."""

    def open(self, stream: ReceivedStream) -> None:
        """What comes on the stream's row is in its codec."""
        coder = CODECS[stream.codec].coder
        if isinstance(coder, SampleCoder):
            if coder not in self._coders:
                self._coders.append(coder)
            self._coder[stream.row] = self._coders.index(coder)

    def write(
        self,
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        output: NDArray[np.int64],
        usable: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
    ) -> None:
        """Put chosen packets of a block at their output samples.

        Those of a row stand together, in order of arrival; codecs with memory come a row at a
        time. ``usable`` are the first frames they can be played in.
        """
        contested = self._pace.contested(rows, output)
        if contested is not None:
            for row in sorted(set(rows[contested].tolist())):
                own = contested[rows[contested] == row]
                self._stream(row).note_placed(Placed(usable[own], media[own], output[own]))
        offset, size = parsed.offset[chosen], parsed.size[chosen]
        start, width = int(offset[0]), int(size[0])
        if (size == width).all() and (offset == start).all():
            self._write(rows, output, block.data[:, start : start + width][chosen])
        else:
            self._write_forms(rows, output, block.data[chosen], offset, size)

    def _stream(self, row: int) -> ReceivedStream:
        stream = self._streams[row]
        assert stream is not None
        return stream

    def refuse(
        self,
        rows: NDArray[np.int64],
        late: NDArray[np.bool_],
        arrival: NDArray[np.int64],
        output: NDArray[np.int64],
    ) -> None:
        """Count packets that came too late, or else far too early."""
        edges = (np.flatnonzero(rows[1:] != rows[:-1]) + 1).tolist()
        for start, end in itertools.pairwise([0, *edges, len(rows)]):
            stream, own = self._stream(int(rows[start])), late[start:end]
            stream.refuse_late(arrival[start:end][own], output[start:end][own])
            stream.early += int(np.count_nonzero(~own))

    def _write_forms(
        self,
        rows: NDArray[np.int64],
        output: NDArray[np.int64],
        data: NDArray[np.uint8],
        offset: NDArray[np.int64],
        size: NDArray[np.int64],
    ) -> None:
        """Put packets whose payloads have several places or sizes where they belong."""
        form = offset * data.shape[1] + size
        changes = form[1:] != form[:-1]
        if (changes & (rows[1:] == rows[:-1])).any():
            # Where packets of a row overlap, the last to arrive stays: one after the other.
            groups = np.split(np.arange(len(form)), np.flatnonzero(changes) + 1)
        else:
            groups = [np.flatnonzero(form == each) for each in sorted(set(form.tolist()))]
        for same in groups:
            if len(same):
                at, count = int(offset[same[0]]), int(size[same[0]])
                self._write(rows[same], output[same], data[same, at : at + count])

    def _write(
        self, rows: NDArray[np.int64], output: NDArray[np.int64], payload: NDArray[np.uint8]
    ) -> None:
        """Put payloads (n, size) where they belong."""
        framed = self._stream(int(rows[0])).framed
        if framed is not None:
            framed.hold(output, payload)
            return
        of_row = self._coder[rows]
        for index, coder in enumerate(self._coders):
            own = of_row == index
            if own.all():
                self._ring.write(rows, output, _decoded(payload, coder))
                return
            if own.any():
                self._ring.write(rows[own], output[own], _decoded(payload[own], coder))


def _decoded(payload: NDArray[np.uint8], coder: SampleCoder) -> NDArray[np.int16]:
    whole = payload.shape[1] // coder.octets * coder.octets
    return coder.decode(payload[:, :whole])
