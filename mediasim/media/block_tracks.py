"""One side of some legs for one long block, which a room lives through at once in virtual time.

What :class:`mediasim.media.tracks.Tracks` is for short blocks, but of a long one nothing is needed
once it is over. So samples are taken over as they are: a track that repeats another costs nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.tracks import Side

__all__ = ["BlockTracks"]


class BlockTracks:
    """The block is frames ``first .. first + count``, and all that can be asked for."""

    def __init__(self, first: int, count: int) -> None:
        self._first = first
        self._count = count
        self._samples: dict[int, NDArray[np.int16]] = {}

    def write(
        self, rows: NDArray[np.int64], first: int, count: int, pcm: NDArray[np.int16]
    ) -> None:
        """``pcm`` (rows, count * 160) is the block of these rows from now on."""
        self._check(first, count)
        self._samples.update(zip(rows.tolist(), pcm, strict=True))

    def take(self, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.int16]:
        """Copies of the rows' block, (rows, count * 160)."""
        return np.stack([self.row(row, first, count) for row in rows.tolist()])

    def put(self, row: int, first: int, pcm: NDArray[np.int16]) -> None:
        """``pcm`` (samples,) is the block of one row from now on."""
        self._check(first, len(pcm) // FRAME_SAMPLES)
        self._samples[row] = pcm

    def repeat(
        self, rows: NDArray[np.int64], other: Side, of: NDArray[np.int64], first: int, count: int
    ) -> None:
        """Let these rows be what those ``of`` another side are."""
        for row, source in zip(rows.tolist(), of.tolist(), strict=True):
            self._samples[row] = other.row(source, first, count)

    def silence(self, rows: NDArray[np.int64], first: int, count: int) -> None:
        self.write(rows, first, count, np.zeros((len(rows), count * FRAME_SAMPLES), np.int16))

    def row(self, row: int, first: int, count: int) -> NDArray[np.int16]:
        """The samples themselves of one row's block."""
        self._check(first, count)
        return self._samples[row]

    read = row

    def _check(self, first: int, count: int) -> None:
        if (first, count) != (self._first, self._count):
            raise LookupError(
                f"{count} frames from {first} on are not the block of {self._count} from "
                f"{self._first} on"
            )
