"""Packets whose output samples are known, put into the ring; of those that overlap, the last to
arrive stays.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.codecs import CODECS, SampleCoder
from mediasim.rtp.columns import Columns
from mediasim.rtp.pace_table import PaceTable
from mediasim.rtp.packets import PacketBlock, Parsed
from mediasim.rtp.ring import FrameRing
from mediasim.rtp.stream import Placed, Stream

__all__ = ["Chosen", "Placing"]

Chosen = slice | NDArray[np.int64]
"""Some packets of a block."""


class Placing(Columns):
    """``streams`` are found by row, as in the tables."""

    def __init__(self, streams: list[Stream | None], pace: PaceTable, ring: FrameRing) -> None:
        self._streams = streams
        self._pace = pace
        self._ring = ring
        self._coders: list[SampleCoder] = []
        super().__init__()

    def _columns(self, rows: int) -> None:
        self._coder = np.zeros(rows, np.int64)
        """Which of the coders each row has."""

    def open(self, stream: Stream) -> None:
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

    def _stream(self, row: int) -> Stream:
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
