"""Sequence numbers and timestamps of many streams, read as numbers that do not wrap.

A table of columns, a row per stream: the last packet that was taken of each, which the next ones
are read by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.placing import Chosen
from mediasim.rtp.ring import Columns
from mediasim.rtp.stream import MEDIA_BASE
from mediasim.rtp.trial import KeptPacket

__all__ = ["KeptBlock", "LineNumbers", "Looked", "block_of"]


@dataclass(frozen=True, slots=True)
class Looked:
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

    def of(self, index: NDArray[np.int64]) -> Looked:
        """Some of them."""
        chosen = self.chosen
        if isinstance(chosen, slice):
            chosen = np.arange(chosen.start or 0, (chosen.start or 0) + len(self.rows))
        columns = (self.sequence, self.ticks, self.media, self.arrival)
        more = (self.usable, self.delay, self.output, self.ahead)
        return Looked(
            self.rows[index],
            chosen[index],
            *(column[index] for column in columns),
            *(column[index] for column in more),
        )


class LineNumbers(Columns):
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

    def go_to(self, looked: Looked, timestamp: NDArray[np.uint32]) -> None:
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
