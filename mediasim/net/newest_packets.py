"""The newest packet of each leg's far side, kept in arrays for all legs at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.net.batch_reader import ReadBatch
from mediasim.rtp.packets import HEADER_SIZE

__all__ = ["NewestPackets"]


class NewestPackets:
    """The newest packet of each leg's far side, and where it came from, by the leg's row."""

    def __init__(self) -> None:
        self._sources = np.zeros((0, 7), np.uint32)
        """Raw addresses; zeros for a leg whose next packet is to be examined."""
        self._at_ns = np.zeros(0, np.int64)
        self._heads = np.zeros((0, HEADER_SIZE), np.uint8)
        self._there = np.zeros(0, np.bool_)
        """Whether there is one that the port has not been given."""

    def forget(self, row: int) -> None:
        """Know nothing of a row, which may be new."""
        more = row + 1 - len(self._at_ns)
        if more > 0:
            more += row
            self._sources = np.pad(self._sources, ((0, more), (0, 0)))
            self._at_ns = np.pad(self._at_ns, (0, more))
            self._heads = np.pad(self._heads, ((0, more), (0, 0)))
            self._there = np.pad(self._there, (0, more))
        self._sources[row] = 0
        self._there[row] = False

    def from_known(self, rows: NDArray[np.int64], raw: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return which datagrams came from the known addresses of their rows."""
        same: NDArray[np.bool_] = (raw == self._sources[rows]).all(axis=1)
        return same

    def known(self, row: int, raw: NDArray[np.uint32]) -> None:
        """Know where a row's packets come from."""
        self._sources[row] = raw

    def note(self, batch: ReadBatch) -> None:
        """Note the newest packet of each row in a batch."""
        rows = batch.slots  # of several of a row the last one stays
        self._at_ns[rows] = batch.block.arrival
        self._heads[rows] = batch.block.data[:, :HEADER_SIZE]
        self._there[rows] = True

    def last(self, row: int) -> tuple[int, bytes] | None:
        """Return when a row's newest packet came, and its header; None if its port has it."""
        return (int(self._at_ns[row]), self._heads[row].tobytes()) if self._there[row] else None

    def taken(self, row: int) -> None:
        """Note that a row's port has its newest packet."""
        self._there[row] = False
