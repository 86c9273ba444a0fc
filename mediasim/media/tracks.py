"""One side of every leg: frames of its tracks, a row per leg.

Blocks come in two shapes. Several frames, of a few legs, are copied as slices of samples; one frame
of thousands of legs is gathered and scattered a whole frame at a time. Of a long block, which a
room goes through at once in virtual time, nothing is needed once it is over, so arrays are kept
without a copy: a track that repeats another costs nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES

__all__ = ["BlockTracks", "Side", "Tracks"]


_FRAME: Final = np.dtype(f"V{2 * FRAME_SAMPLES}")


class Side(Protocol):
    """The inbound or the outbound tracks of legs."""

    def take(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Return copies of frames ``first .. first + count`` of the rows, (rows, count * 160)."""

    def row(self, row: int, first: int, count: int) -> NDArray[np.int16]:
        """Return the memory itself of a block of one row, (count * 160,)."""


class Tracks:
    """Tracks with a ring of ``history`` frames per row; a block may not cross the ring's end."""

    def __init__(self, history: int) -> None:
        self.history = history
        self._hold(np.zeros((0, history * FRAME_SAMPLES), np.int16))

    def _hold(self, samples: NDArray[np.int16]) -> None:
        self._samples = samples
        self._frames = samples.view(_FRAME).reshape(-1)

    def ensure(self, rows: int) -> None:
        """Grow to at least this many rows."""
        have = len(self._samples)
        if rows > have:
            # Filled, so that the memory is there before the first frame wants it.
            samples = np.full((rows, self._samples.shape[1]), 0, np.int16)
            samples[:have] = self._samples
            self._hold(samples)

    def _span(self, first: int, count: int) -> slice:
        start = first % self.history * FRAME_SAMPLES
        return slice(start, start + count * FRAME_SAMPLES)

    def write(
        self, rows: NDArray[np.int64], first: int, count: int, pcm: NDArray[np.int16]
    ) -> None:
        """Write ``pcm`` (rows, count * 160), C-contiguous, at frames ``first .. first + count``."""
        if count == 1:
            self._frames[rows * self.history + first % self.history] = pcm.view(_FRAME)[:, 0]
        else:
            self._samples[rows, self._span(first, count)] = pcm

    def take(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Return copies of frames ``first .. first + count`` of the rows, (rows, count * 160)."""
        if count == 1:
            found = self._frames.take(rows * self.history + first % self.history)
            return found.view(np.int16).reshape(-1, FRAME_SAMPLES)
        return self._samples[rows, self._span(first, count)]

    def put(self, row: int, first: int, pcm: NDArray[np.int16]) -> None:
        """Write the samples of one row at frames ``first`` and following."""
        self.row(row, first, len(pcm) // FRAME_SAMPLES)[:] = pcm

    def repeat(
        self, rows: NDArray[np.int64], side: Side, source: NDArray[np.int64], first: int, count: int
    ) -> None:
        """Copy the rows ``source`` of another side to these rows."""
        self.write(rows, first, count, side.take(source, first, count))

    def silence(self, rows: NDArray[np.int64], first: int, count: int) -> None:
        """Silence the rows."""
        self._samples[rows, self._span(first, count)] = 0

    def row(self, row: int, first: int, count: int) -> NDArray[np.int16]:
        """Return the memory itself of a block of one row, (count * 160,)."""
        return self._samples[row, self._span(first, count)]

    def read(self, row: int, first: int, count: int) -> NDArray[np.int16]:
        """Return frames of one row still in memory, (count * 160,), across the ring's end too."""
        head = self.history - first % self.history
        if count <= head:
            return self.row(row, first, count)
        return np.concatenate(
            (self.row(row, first, head), self.row(row, first + head, count - head))
        )


class BlockTracks:
    """Tracks of one long block, frames ``first .. first + count``; no others can be read."""

    def __init__(self, first: int, count: int) -> None:
        self._first = first
        self._count = count
        self._samples: dict[int, NDArray[np.int16]] = {}

    def write(
        self, rows: NDArray[np.int64], first: int, count: int, pcm: NDArray[np.int16]
    ) -> None:
        """Set the block of these rows to ``pcm`` (rows, count * 160)."""
        self._check(first, count)
        self._samples.update(zip(rows.tolist(), pcm, strict=True))

    def take(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Return copies of the rows' block, (rows, count * 160)."""
        return np.stack([self.row(row, first, count) for row in rows.tolist()])

    def put(self, row: int, first: int, pcm: NDArray[np.int16]) -> None:
        """Set the block of one row to ``pcm`` (samples,)."""
        self._check(first, len(pcm) // FRAME_SAMPLES)
        self._samples[row] = pcm

    def repeat(
        self, rows: NDArray[np.int64], side: Side, source: NDArray[np.int64], first: int, count: int
    ) -> None:
        """Set these rows to the rows ``source`` of another side."""
        for row, other in zip(rows.tolist(), source.tolist(), strict=True):
            self._samples[row] = side.row(other, first, count)

    def silence(self, rows: NDArray[np.int64], first: int, count: int) -> None:
        """Silence the rows."""
        self.write(rows, first, count, np.zeros((len(rows), count * FRAME_SAMPLES), np.int16))

    def row(self, row: int, first: int, count: int) -> NDArray[np.int16]:
        """Return the samples themselves of one row's block. Raises LookupError for other frames."""
        self._check(first, count)
        return self._samples[row]

    read = row

    def _check(self, first: int, count: int) -> None:
        if (first, count) != (self._first, self._count):
            raise LookupError(
                f"{count} frames from {first} on are not the block of {self._count} from "
                f"{self._first} on"
            )
