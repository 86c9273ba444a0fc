"""From packets to the ring: numbers that do not wrap, and payloads decoded where they belong.

:class:`ExtendedNumbers` reads sequence numbers and timestamps of many streams by the last packet of
each. :class:`Depacketizer` puts packets whose output samples are known into the ring; of those that
overlap, the last to arrive stays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, SampleCoder
from mediasim.rtp.packets import PacketBlock, Parsed, block_of, equal_runs
from mediasim.rtp.playout_offsets import PlayoutOffsets
from mediasim.rtp.probation import KeptPacket
from mediasim.rtp.ring import Columns, FrameRing
from mediasim.rtp.stream import MEDIA_BASE, Placed, ReceivedStream, StreamTable

__all__ = [
    "Chosen",
    "Depacketizer",
    "ExtendedNumbers",
    "KeptBlock",
    "NumberedPackets",
    "kept_block",
    "kept_packet",
    "newer",
    "samples_of",
]


class NumberedPackets(NamedTuple):
    """Packets with extended numbers and their positions: columns (n,)."""

    rows: NDArray[np.int64]
    """Row of each packet's stream."""
    chosen: Chosen
    """Index of each packet in its block."""
    sequence: NDArray[np.int64]
    """Extended sequence numbers."""
    ticks: NDArray[np.int64]
    """Extended RTP timestamps."""
    media: NDArray[np.int64]
    """Media times in 8 kHz samples."""
    arrival: NDArray[np.int64]
    """Loop times of arrival in nanoseconds."""
    usable: NDArray[np.int64]
    """First frame in which each packet can be played."""
    delay: NDArray[np.int64]
    """Samples from media time to arrival."""
    output: NDArray[np.int64]
    """Output sample of the first sample of each payload."""
    ahead: NDArray[np.int64]
    """Frames from arrival to playout; negative for packets that come too late."""

    def of(self, index: NDArray[np.int64]) -> NumberedPackets:
        """Return the packets with these indices."""
        chosen = self.chosen
        if isinstance(chosen, slice):
            chosen = np.arange(chosen.start or 0, (chosen.start or 0) + len(self.rows))
        return NumberedPackets(*(column[index] for column in (self.rows, chosen, *self[2:])))


_SPAN: Final = 1 << 42
"""More than two extended timestamps of one stream differ by."""


def newer(
    rows: NDArray[np.int64], value: NDArray[np.int64], known: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return which packets have a higher value than all before of their row; None: all have.

    Packets of a row stand together; ``known`` (n,) is the highest value of each one's row before.
    """
    found = value > known
    follows = rows[1:] == rows[:-1]
    if found.all() and not (follows & (value[1:] <= value[:-1])).any():
        return None
    spread = value + np.cumsum(np.append(0, ~follows)) * _SPAN
    found[1:] &= spread[1:] > np.maximum.accumulate(spread)[:-1]
    return np.flatnonzero(found)


class ExtendedNumbers(Columns):
    """The newest packet of each row by its timestamp, by which the next ones are read."""

    def _columns(self, rows: int) -> None:
        self.ratio = np.ones(rows, np.int64)
        """RTP timestamp units per 8 kHz sample."""
        self.packet_ticks = np.zeros(rows, np.int64)
        """Timestamp units of each packet where sequence numbers are the clock; 0 elsewhere."""
        self.sequence = np.zeros(rows, np.int64)
        """Extended sequence number of the newest packet."""
        self.timestamp = np.zeros(rows, np.uint32)
        """RTP timestamp of the newest packet, 32 bits."""
        self.ticks = np.zeros(rows, np.int64)
        """Extended RTP timestamp of the newest packet."""
        self.arrival = np.zeros(rows, np.int64)
        """Loop time at which the newest packet arrived, in nanoseconds."""

    def open(self, row: int, ticks_per_sample: int, packet_samples: int | None = None) -> None:
        """Set the timestamp units of a row from the next packet on.

        ``packet_samples`` is how many 8 kHz samples each packet lasts for, of a sender whose
        timestamps are no clock; None for others.
        """
        self.packet_ticks[row] = (packet_samples or 0) * ticks_per_sample
        # The last packet keeps its media time; only the unit changes.
        self.ticks[row] = self.ticks[row] // self.ratio[row] * ticks_per_sample
        self.ratio[row] = ticks_per_sample

    def begin(
        self, rows: NDArray[np.int64], sequence: NDArray[np.uint16], timestamp: NDArray[np.uint32]
    ) -> None:
        """Begin new streams on rows, given the numbers of their first packets."""
        # Counted from high up, so that packets before the first one have positive numbers too.
        self.sequence[rows] = sequence.astype(np.int64) + (1 << 16)
        self.timestamp[rows] = timestamp
        self.ticks[rows] = MEDIA_BASE * self.ratio[rows]

    def unwrap(
        self, rows: NDArray[np.int64], parsed: Parsed, chosen: Chosen
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return extended sequence numbers, and media times in 8 kHz samples."""
        sequence, ticks = self.read(rows, parsed, chosen)
        return sequence, self.media(rows, ticks)

    def read(
        self, rows: NDArray[np.int64], parsed: Parsed, chosen: Chosen
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the extended sequence numbers and timestamps of chosen packets."""
        last = self.sequence[rows]
        # Differences as signed 16 and 32 bits: the shorter way round, for packets behind the last
        # too (RFC 3550 A.1).
        step = (parsed.sequence[chosen] - last.astype(np.uint16)).astype(np.int16)
        since = (parsed.timestamp[chosen] - self.timestamp[rows]).astype(np.int32)
        counted = self.packet_ticks[rows]
        if counted.any():
            since = np.where(counted > 0, step * counted, since)
        return last + step, self.ticks[rows] + since

    def media(self, rows: NDArray[np.int64], ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Convert extended timestamps of rows to media times in 8 kHz samples."""
        ratio = self.ratio[rows]
        return ticks if (ratio == 1).all() else ticks // ratio

    def go_to(self, packets: NumberedPackets, timestamp: NDArray[np.uint32]) -> None:
        """Read the next packets of each row by its newest one among these, if newer than before.

        Copies and packets that were overtaken say nothing of what comes next.
        """
        fresh = newer(packets.rows, packets.ticks, self.ticks[packets.rows])
        if fresh is not None:
            packets, timestamp = packets.of(fresh), timestamp[fresh]
        rows = packets.rows
        self.sequence[rows] = packets.sequence
        self.timestamp[rows] = timestamp
        self.ticks[rows] = packets.ticks
        self.arrival[rows] = packets.arrival

    def go_to_one(
        self, row: int, sequence: int, timestamp: np.uint32, ticks: int, arrival: int
    ) -> None:
        """Read the next packets of a row by its newest one."""
        self.sequence[row], self.timestamp[row] = sequence, timestamp
        self.ticks[row], self.arrival[row] = ticks, arrival

    def go_from(self, row: int, packet: KeptPacket, media: int) -> None:
        """Read the next packets of a row by a kept packet, as if it had this media time."""
        self.sequence[row], self.timestamp[row] = packet.sequence, packet.timestamp
        self.ticks[row] = media * int(self.ratio[row])
        self.arrival[row] = packet.arrival

    def read_one(self, row: int, parsed: Parsed, block: PacketBlock, index: int) -> KeptPacket:
        """Copy a packet out of a block, with its extended numbers."""
        sequence, media = self.unwrap(np.array([row]), parsed, slice(index, index + 1))
        return kept_packet(parsed, block, index, int(sequence[0]), int(media[0]))


def kept_packet(
    parsed: Parsed, block: PacketBlock, index: int, sequence: int, media: int
) -> KeptPacket:
    """Copy a packet out of a block; its extended number and media time are known."""
    start = int(parsed.offset[index])
    payload = block.data[index, start : start + int(parsed.size[index])].copy()
    stamp, kind = int(parsed.timestamp[index]), int(parsed.payload_type[index])
    return KeptPacket(media, int(block.arrival[index]), payload, sequence, stamp, kind)


def samples_of(stream: ReceivedStream, packet: KeptPacket) -> int:
    """Return how many 8 kHz samples a packet lasts for, as its payload tells."""
    codec = CODECS[stream.codecs[packet.payload_type]]
    return codec.samples(packet.payload.tobytes())


KeptBlock = tuple[NDArray[np.int64], Parsed, PacketBlock]
"""Packets that were kept: their rows (n,), headers and block."""


def kept_block(kept: list[tuple[int, KeptPacket]]) -> KeptBlock:
    """Make a block of packets that were kept, given with their rows."""
    packets = [packet for _, packet in kept]
    block = block_of([(packet.arrival, packet.payload) for packet in packets])
    count = len(packets)
    parsed = Parsed(
        ok=np.ones(count, np.bool_),
        payload_type=np.array([packet.payload_type for packet in packets], np.uint8),
        marker=np.zeros(count, np.bool_),
        sequence=np.array([packet.sequence & 0xFFFF for packet in packets], np.uint16),
        timestamp=np.array([packet.timestamp for packet in packets], np.uint32),
        ssrc=np.zeros(count, np.int64),
        offset=np.zeros(count, np.int64),
        size=block.length,
    )
    return np.array([row for row, _ in kept], np.int64), parsed, block


Chosen = slice | NDArray[np.int64]
"""Indices of some packets of a block."""


class Depacketizer(Columns):
    """Decodes payloads into the ring."""

    def __init__(self, streams: StreamTable, offsets: PlayoutOffsets, ring: FrameRing) -> None:
        self._streams = streams
        self._offsets = offsets
        self._ring = ring
        self._coders: list[SampleCoder] = []
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._coder = np.zeros(rows, np.int64)
        """Index in ``_coders`` of each row's coder."""

    def open(self, stream: ReceivedStream) -> None:
        """Decode what comes on the stream's row by the codec it uses now."""
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
        """Decode chosen packets of a block to their output samples.

        Those of a row stand together, in order of arrival; codecs with memory come a row at a time.
        ``usable`` are the first frames in which they can be played.
        """
        contested = self._offsets.contested(rows, output)
        if contested is not None:
            for row in sorted(set(rows[contested].tolist())):
                own = contested[rows[contested] == row]
                self._streams.at(row).note_placed(Placed(usable[own], media[own], output[own]))
        offset, size = parsed.offset[chosen], parsed.size[chosen]
        start, width = int(offset[0]), int(size[0])
        if (size == width).all() and (offset == start).all():
            self._write(rows, output, block.data[:, start : start + width][chosen])
        else:
            self._write_forms(rows, output, block.data[chosen], offset, size)

    def write_steady(self, row: int, output: NDArray[np.int64], payload: NDArray[np.uint8]) -> None:
        """Decode payloads (n, size) of a row to output samples on the grid of units."""
        coder = self._coders[self._coder[row]]
        self._ring.write_row(row, output, _decoded(payload, coder))

    def occupied(self, row: int, output: int, samples: int) -> bool:
        """Return whether there is audio, not played yet, where a payload would stand."""
        decoder = self._streams.at(row).decoder
        if decoder is not None:
            return decoder.holds(output)
        return self._ring.occupied(row, output, samples)

    def refuse(
        self,
        rows: NDArray[np.int64],
        late: NDArray[np.bool_],
        arrival: NDArray[np.int64],
        output: NDArray[np.int64],
    ) -> None:
        """Count packets that came too late, or far too early."""
        for start, end in equal_runs(rows):
            stream, own = self._streams.at(int(rows[start])), late[start:end]
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
        """Decode packets whose payloads have several offsets or sizes."""
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
        """Decode payloads (n, size) of equal size."""
        decoder = self._streams.at(int(rows[0])).decoder
        if decoder is not None:
            decoder.hold(output, payload)
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
