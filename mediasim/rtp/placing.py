"""Packets whose media times are known, put where they belong in the ring.

The streams have their places (:mod:`mediasim.rtp.pace_table`). What comes too late or far too early
is counted and dropped; of packets that overlap, the last to arrive stays.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.audio.g711 import alaw_decode, ulaw_decode
from mediasim.rtp.pace_table import AHEAD_FRAMES, PaceTable
from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.ring import FrameRing
from mediasim.rtp.stream import KeptPacket, Placed, Stream

__all__ = ["Chosen", "Placing"]

Chosen = slice | NDArray[np.int64]
"""Some packets of a block."""


class Placing:
    """``streams`` are found by row, as in the tables."""

    def __init__(self, streams: list[Stream | None], pace: PaceTable, ring: FrameRing) -> None:
        self._streams = streams
        self._pace = pace
        self._ring = ring
        self._alaw = np.zeros(0, np.bool_)

    def ensure(self, rows: int) -> None:
        """Have at least this many rows."""
        have = len(self._alaw)
        if rows > have:
            self._alaw = np.concatenate((self._alaw, np.zeros(rows - have, np.bool_)))

    def open(self, stream: Stream) -> None:
        """A stream to come on its row."""
        self._alaw[stream.row] = stream.format.codec == "PCMA"

    def place(
        self,
        rows: NDArray[np.int64],
        media: NDArray[np.int64],
        parsed: Parsed,
        block: PacketBlock,
        chosen: Chosen,
    ) -> None:
        """Place chosen packets of a block.

        Those of a row stand together, in order of arrival; codecs with memory come a row at a
        time.
        """
        if not len(rows):
            return
        output, good = self._admit(rows, media, block.arrival[chosen])
        offset, size = parsed.offset[chosen], parsed.size[chosen]
        start, width = int(offset[0]), int(size[0])
        if (size == width).all() and (offset == start).all():
            payload = block.data[:, start : start + width][chosen]
            if not good.all():
                rows, output, payload = rows[good], output[good], payload[good]
            if len(rows):
                self._write(rows, output, payload)
            return
        self._write_forms(rows, output, good, block.data[chosen], offset, size)

    def place_kept(self, rows: NDArray[np.int64], packets: list[KeptPacket]) -> None:
        """Place packets that were kept; as :meth:`place`."""
        media = np.array([packet.media for packet in packets], np.int64)
        arrival = np.array([packet.arrival for packet in packets], np.int64)
        output, good = self._admit(rows, media, arrival)
        size = np.array([len(packet.payload) for packet in packets], np.int64)
        data = np.zeros((len(packets), int(size.max())), np.uint8)
        for index, packet in enumerate(packets):
            data[index, : len(packet.payload)] = packet.payload
        self._write_forms(rows, output, good, data, np.zeros(len(packets), np.int64), size)

    def _admit(
        self, rows: NDArray[np.int64], media: NDArray[np.int64], arrival: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Output samples of packets, and which of them come in time; the others are counted."""
        usable = arrival // FRAME_NS + 1
        output = media + self._pace.follow(self._streams, rows, media, arrival, usable)
        ahead = (output - self._stream(int(rows[0])).lead) // FRAME_SAMPLES - usable
        good = (ahead >= 0) & (ahead < AHEAD_FRAMES)
        if not good.all():
            bad = ~good
            self._refuse(rows[bad], ahead[bad] < 0, arrival[bad], output[bad])
        contested = self._pace.contested(rows, output)
        if contested is not None:
            contested = contested[good[contested]]
            for row in sorted(set(rows[contested].tolist())):
                own = contested[rows[contested] == row]
                self._stream(row).note_placed(Placed(usable[own], media[own], output[own]))
        return output, good

    def _stream(self, row: int) -> Stream:
        stream = self._streams[row]
        assert stream is not None
        return stream

    def _refuse(
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
        good: NDArray[np.bool_],
        data: NDArray[np.uint8],
        offset: NDArray[np.int64],
        size: NDArray[np.int64],
    ) -> None:
        """Put good packets whose payloads have several places or sizes where they belong."""
        chosen = np.flatnonzero(good)
        form = offset[chosen] * data.shape[1] + size[chosen]
        changes = form[1:] != form[:-1]
        if (changes & (rows[chosen[1:]] == rows[chosen[:-1]])).any():
            # Where packets of a row overlap, the last to arrive stays: one after the other.
            groups = np.split(chosen, np.flatnonzero(changes) + 1)
        else:
            groups = [chosen[form == each] for each in sorted(set(form.tolist()))]
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
        alaw = self._alaw[rows]
        if alaw.all():
            pcm = alaw_decode(payload)
        else:
            pcm = ulaw_decode(payload)
            if alaw.any():
                pcm[alaw] = alaw_decode(payload[alaw])
        self._ring.write(rows, output, pcm)
