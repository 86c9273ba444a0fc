"""Packets that were read before they are due: one of each slot is, in each frame.

While the clock is behind, the packets of several frames are there at once. Each is then met about
when it came if one of each slot is taken per frame.
"""

from __future__ import annotations

import numpy as np

from mediasim.media.trunk import Round
from mediasim.rtp.packets import PacketBlock, joined

__all__ = ["Backlog"]


class Backlog:
    """What was read and is not yet taken, by turns; a packet is looked at once."""

    def __init__(self) -> None:
        self._read: dict[int, list[Round]] = {}
        """By turn: what was read since last taken,"""
        self._kept: dict[int, list[Round]] = {}
        """and what was left then."""
        self._turn = 0
        """The next to be taken."""
        self._free = np.zeros(0, np.int64)
        """The first turn in which a slot has nothing."""

    def add(self, fresh: Round) -> None:
        """Packets of different slots, behind what these have already."""
        slots = fresh.slots
        most = int(slots.max()) + 1
        if most > len(self._free):
            self._free = np.append(self._free, np.zeros(2 * most - len(self._free), np.int64))
        turns = np.maximum(self._free[slots], self._turn)
        self._free[slots] = turns + 1
        first = int(turns.min())
        if (turns == first).all():
            self._read.setdefault(first, []).append(fresh)
            return
        for turn in np.unique(turns).tolist():
            chosen = np.flatnonzero(turns == turn)
            piece = Round(slots[chosen], fresh.block.select(chosen))
            self._read.setdefault(turn, []).append(piece)

    def take(self, most: int | None, now_ns: int) -> list[Round]:
        """So many turns, or all; what was left before counts as having come now."""
        found: list[Round] = []
        while (self._kept or self._read) and (most is None or len(found) < most):
            pieces = [_come_at(now_ns, piece) for piece in self._kept.pop(self._turn, ())]
            pieces += self._read.pop(self._turn, ())
            self._turn += 1
            if len(pieces) == 1:
                found += pieces
            elif pieces:
                slots = np.concatenate([piece.slots for piece in pieces])
                found.append(Round(slots, joined([piece.block for piece in pieces])))
        for turn, left in self._read.items():
            self._kept.setdefault(turn, []).extend(map(_copied, left))
        self._read.clear()
        return found

    def forget(self, slot: int) -> None:
        """The slot is closed."""
        if slot < len(self._free):
            self._free[slot] = 0


def _come_at(now_ns: int, piece: Round) -> Round:
    block = piece.block
    return Round(
        piece.slots, PacketBlock(block.data, block.length, np.full(len(block), now_ns, np.int64))
    )


def _copied(piece: Round) -> Round:
    """In memory of its own, for that which packets were read into is used again."""
    block = piece.block
    return Round(piece.slots, PacketBlock(block.data.copy(), block.length, block.arrival))
