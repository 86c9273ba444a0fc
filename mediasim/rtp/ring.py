"""Tables with a row per stream: columns of numbers, and the ring of decoded samples.

The ring's rows are addressed by output sample. What has been read is silence again. Presence is
kept per 10 ms beside the samples, so that what never came can be told from what came silent; of
payloads that stand off that grid, as a codec with memory's do, it is kept to the sample.

A row's own memory is short. A block too long for it is written and read in memory of that length
made for it (:meth:`FrameRing.stretch`): per-row memory of that length for many rows would not stay
in the processor's cache.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["UNIT", "UNITS_PER_FRAME", "Columns", "FrameRing"]

UNIT: Final = 80
"""Samples of one unit of presence: 10 ms, which every packet time in use is a multiple of."""
UNITS_PER_FRAME: Final = FRAME_SAMPLES // UNIT
_WIDE: Final = 4
"""Frames up to which a read gathers all rows at once; longer ones go row by row."""
_UNIT_OF_SAMPLES: Final = np.dtype(f"V{2 * UNIT}")
_FRAME_OF_SAMPLES: Final = np.dtype(f"V{2 * FRAME_SAMPLES}")
_BOTH_UNITS: Final = 0x0101
"""Both units of a frame present, viewed as uint16."""
_SILENT_FRAME: Final = np.zeros(FRAME_SAMPLES, np.int16).view(_FRAME_OF_SAMPLES)[0]


class Columns(ABC):
    """A table of columns that grow as rows are opened; each attribute that is an array is one."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns(0)

    @abstractmethod
    def _columns(self, rows: int) -> None:
        """Create all columns with so many empty rows."""

    def ensure(self, rows: int) -> None:
        """Grow to at least this many rows; existing ones keep their values."""
        have = self._rows
        if rows <= have:
            return
        old = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        self._columns(rows)
        for name, column in old.items():
            getattr(self, name)[:have] = column
        self._rows = rows


class FrameRing:
    """A ring of ``slots`` frames for each row."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._samples = np.zeros((0, slots * FRAME_SAMPLES), np.int16)
        self._have = np.zeros((0, slots * UNITS_PER_FRAME), np.bool_)
        self._off_grid: dict[int, list[tuple[int, int]]] = {}
        """Output samples (start, end) written to a row off the grid and not read yet."""
        self.exact: dict[int, NDArray[np.bool_]] = {}
        """Which samples were present, of the rows read last that were written off the grid."""
        self._long: FrameRing | None = None
        """The memory of some rows during a long block; None otherwise."""
        self._last: FrameRing | None = None
        """The memory of the last long block, to be used again."""
        self._long_from = 0
        """First frame of the long block: frame 0 of its memory."""
        self._position = np.zeros(0, np.int64)
        """Row in the long block's memory of each row."""

    def ensure(self, rows: int) -> None:
        """Grow to at least this many rows."""
        if rows <= len(self._samples):
            return
        # Filled, so that the memory is there before the first packet wants it.
        samples = np.full((rows, self.slots * FRAME_SAMPLES), 0, np.int16)
        have = np.zeros((rows, self.slots * UNITS_PER_FRAME), np.bool_)
        samples[: len(self._samples)] = self._samples
        have[: len(self._have)] = self._have
        self._samples, self._have = samples, have

    def clear(self, row: int) -> None:
        """Silence a row."""
        self._samples[row] = 0
        self._have[row] = False
        self._off_grid.pop(row, None)

    def write(
        self, rows: NDArray[np.int64], output: NDArray[np.int64], pcm: NDArray[np.int16]
    ) -> None:
        """Write payloads (n, size) of the rows at their output samples (n,).

        Those of a row stand together; where they overlap, the last one given stays.
        """
        width = pcm.shape[1]
        unit = output // UNIT
        if width % UNIT or (output != unit * UNIT).any():
            for row, start, samples in zip(rows.tolist(), output.tolist(), pcm, strict=True):
                self.write_anywhere(row, start, samples)
            return
        if self._long is not None:
            since = output - self._long_from * FRAME_SAMPLES
            self._long.write(self._position[rows], since, pcm)
            return
        if width == FRAME_SAMPLES and not (unit & 1).any():
            # Whole frames on the frame clock's own grid, as nearly all are: one scatter.
            index = rows * self.slots + (unit >> 1) % self.slots
            frames = np.ascontiguousarray(pcm).view(_FRAME_OF_SAMPLES)
            self._samples.view(_FRAME_OF_SAMPLES).reshape(-1)[index] = frames[:, 0]
            self._have.reshape(-1).view(np.uint16)[index] = _BOTH_UNITS
            return
        units = self.slots * UNITS_PER_FRAME
        ring = self._samples.view(_UNIT_OF_SAMPLES).reshape(-1)
        have = self._have.reshape(-1)
        source = np.ascontiguousarray(pcm).view(_UNIT_OF_SAMPLES)
        base = rows * units
        # Several payloads of one row are assigned in their order, so that of overlapping ones the
        # last stays; one per row needs no index of all units.
        if (rows[1:] == rows[:-1]).any():
            index = base[:, None] + (unit[:, None] + np.arange(width // UNIT)) % units
            ring[index] = source
            have[index] = True
            return
        for part in range(width // UNIT):
            index = base + (unit + part) % units
            ring[index] = source[:, part]
            have[index] = True

    def write_row(self, row: int, output: NDArray[np.int64], pcm: NDArray[np.int16]) -> None:
        """Write payloads (n, size) of one row at output samples (n,) on the grid of units."""
        if self._long is not None:
            since = output - self._long_from * FRAME_SAMPLES
            self._long.write_row(int(self._position[row]), since, pcm)
            return
        width = pcm.shape[1]
        unit = output // UNIT
        if width == FRAME_SAMPLES and not int(unit[0]) & 1:
            index = (unit >> 1) % self.slots
            frames = np.ascontiguousarray(pcm).view(_FRAME_OF_SAMPLES)
            self._samples[row].view(_FRAME_OF_SAMPLES)[index] = frames[:, 0]
            self._have[row].view(np.uint16)[index] = _BOTH_UNITS
            return
        source = np.ascontiguousarray(pcm).view(_UNIT_OF_SAMPLES)
        index = (unit[:, None] + np.arange(width // UNIT)) % (self.slots * UNITS_PER_FRAME)
        self._samples[row].view(_UNIT_OF_SAMPLES)[index] = source
        self._have[row][index] = True

    def write_anywhere(self, row: int, start: int, samples: NDArray[np.int16]) -> None:
        """Write one payload that need not stand on the 10 ms grid."""
        end = start + len(samples)
        if start == end:
            return
        written = self._off_grid.setdefault(row, [])
        if written and written[-1][1] == start:
            written[-1] = (written[-1][0], end)
        else:
            written.append((start, end))
        into, at = self._samples[row], np.arange(start, end)
        if self._long is not None:
            into = self._long._samples[self._position[row]]
            at -= self._long_from * FRAME_SAMPLES
        into[at % len(into)] = samples

    def occupied(self, row: int, start: int, samples: int) -> bool:
        """Return whether any of the output samples from ``start`` on, not read yet, was written."""
        end = start + samples
        if any(low < end and high > start for low, high in self._off_grid.get(row, ())):
            return True
        have, units = self._have[row], np.arange(start // UNIT, -(-end // UNIT))
        if self._long is not None:
            have = self._long._have[self._position[row]]
            units -= self._long_from * UNITS_PER_FRAME
        return bool(have[units % len(have)].any())

    def read(
        self, rows: NDArray[np.int64], first: int, count: int, out: NDArray[np.int16]
    ) -> NDArray[np.bool_]:
        """Move frames ``first .. first + count`` into ``out`` (rows, count * 160).

        Returns which units were present as a whole, (rows, count * 2).
        """
        if self._long is not None:
            have = self._fold(rows, first + count, self._long, out)
        else:
            have = np.empty((len(rows), count * UNITS_PER_FRAME), np.bool_)
            if count <= _WIDE:
                self._read_wide(rows, first, count, out, have)
            else:
                self._read_long(rows, first, count, out, have)
        self.exact = {}
        if self._off_grid:
            self._add_off_grid(rows, first * FRAME_SAMPLES, have)
        return have

    def _add_off_grid(self, rows: NDArray[np.int64], start: int, have: NDArray[np.bool_]) -> None:
        """Mark units complete that were written off the grid, read from sample ``start`` on."""
        end = start + have.shape[1] * UNIT
        for position in np.flatnonzero(np.isin(rows, list(self._off_grid))).tolist():
            row = int(rows[position])
            written = self._off_grid[row]
            there = np.repeat(have[position], UNIT)
            for low, high in written:
                there[max(0, low - start) : max(0, high - start)] = True
            have[position] = there.reshape(-1, UNIT).all(axis=1)
            self.exact[row] = there
            rest = [(max(low, end), high) for low, high in written if high > end]
            if rest:
                self._off_grid[row] = rest
            else:
                del self._off_grid[row]

    def _read_wide(
        self,
        rows: NDArray[np.int64],
        first: int,
        count: int,
        out: NDArray[np.int16],
        have: NDArray[np.bool_],
    ) -> None:
        ring = self._samples.view(_FRAME_OF_SAMPLES).reshape(-1)
        present = self._have.reshape(-1).view(np.uint16)  # two units are a frame
        base = rows * self.slots
        for step in range(count):
            index = base + (first + step) % self.slots
            taken = ring.take(index).view(np.int16).reshape(len(rows), FRAME_SAMPLES)
            out[:, step * FRAME_SAMPLES : (step + 1) * FRAME_SAMPLES] = taken
            units = present.take(index).view(np.bool_).reshape(len(rows), UNITS_PER_FRAME)
            have[:, step * UNITS_PER_FRAME : (step + 1) * UNITS_PER_FRAME] = units
            ring[index] = _SILENT_FRAME
            present[index] = 0

    def _read_long(
        self,
        rows: NDArray[np.int64],
        first: int,
        count: int,
        out: NDArray[np.int16],
        have: NDArray[np.bool_],
    ) -> None:
        columns = ((self._samples, out, FRAME_SAMPLES), (self._have, have, UNITS_PER_FRAME))
        for low, high, to, end in self._pieces(first, count):
            for position, row in enumerate(rows.tolist()):
                for ring, into, width in columns:
                    piece = ring[row, low * width : high * width]
                    into[position, to * width : end * width] = piece
                    piece[:] = 0

    def _pieces(self, first: int, count: int) -> list[tuple[int, int, int, int]]:
        """Return where frames lie: slots (from, to), and the indices of these frames (from, to)."""
        start = first % self.slots
        head = min(count, self.slots - start)
        pieces = [(start, start + head, 0, head)]
        if head < count:
            pieces.append((0, count - head, head, count))
        return pieces

    # -- long blocks ------------------------------------------------------------------------

    @property
    def stretched(self) -> bool:
        """Whether a long block is in progress."""
        return self._long is not None

    def stretch(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Make room for frames ``first .. first + count`` of the rows, and ``slots`` beyond.

        Until these frames of these rows are read, no others may be written or read. Returns the
        array into which they may be read without a copy, (rows, count * 160).
        """
        long = self._blank(len(rows), count + self.slots)
        self._read_long(rows, first, self.slots, long._samples, long._have)
        self._position = np.zeros(len(self._samples), np.int64)
        self._position[rows] = np.arange(len(rows))
        self._long, self._long_from = long, first
        return long._samples[:, : count * FRAME_SAMPLES]

    def _blank(self, rows: int, slots: int) -> FrameRing:
        """Return an empty ring, in the memory of the last one if it was as large."""
        long = self._last
        if long is None or long.slots != slots or len(long._samples) != rows:
            self._last = long = FrameRing(slots)
            long.ensure(rows)
        else:
            long._samples[:] = 0
            long._have[:] = False
        return long

    def _fold(
        self, rows: NDArray[np.int64], end: int, long: FrameRing, out: NDArray[np.int16]
    ) -> NDArray[np.bool_]:
        """Read the long block that ends at this frame; move what lies beyond to the ring."""
        count = end - self._long_from
        columns = (
            (self._samples, long._samples, FRAME_SAMPLES),
            (self._have, long._have, UNITS_PER_FRAME),
        )
        for low, high, to, stop in self._pieces(end, self.slots):
            for ring, source, width in columns:
                beyond = source[:, (count + to) * width : (count + stop) * width]
                ring[rows, low * width : high * width] = beyond
        if out.base is not long._samples:
            out[:] = long._samples[:, : count * FRAME_SAMPLES]
        self._long = None
        return long._have[:, : count * UNITS_PER_FRAME]
