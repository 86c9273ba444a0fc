"""A trunk: the packets of many legs, taken and sent together.

In real time thousands of legs have one packet each per frame. Their sockets are read in rounds
that go to playout in one piece, and what they are sent is made in one array, so that nothing is
done leg by leg but the system calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.media.leg import Leg
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.wide_sender import WideSender

__all__ = ["Datagrams", "Round", "Trunk"]


@dataclass(frozen=True, slots=True)
class Round:
    """Datagrams of different slots. The arrays are overwritten by the next round."""

    slots: NDArray[np.int64]
    """(n,) whose each is; none twice."""
    data: NDArray[np.uint8]
    """(n, stride); a row holds one datagram from its start."""
    length: NDArray[np.int64]
    """(n,) bytes used in each row."""


class Datagrams(Protocol):
    """Sockets by slot number."""

    def rounds(self) -> Iterator[Round]:
        """Everything that has come, a round at a time."""

    def send_each(self, slots: Sequence[int], data: NDArray[np.uint8]) -> None:
        """Send each row of ``data`` (n, size) from its slot."""


class Trunk:
    """Legs of a media plane that ticks (:meth:`MediaPlane.tick`), and their sockets.

    What is read at the boundary at which frame n begins counts as having arrived in frame n - 1.
    """

    def __init__(self, datagrams: Datagrams) -> None:
        self.unclaimed = 0
        """Datagrams of slots that no leg has."""
        self._datagrams = datagrams
        self._legs: dict[int, Leg] = {}
        self._row_of_slot = np.zeros(0, np.int64)
        self._wide: WideSender | None = None

    def attach(self, leg: Leg, slot: int) -> None:
        """The leg's packets come and go through this slot. It must be PCMU or PCMA."""
        self._legs[slot] = leg
        self._wide = None

    def detach(self, slot: int) -> None:
        """The slot's leg is over."""
        del self._legs[slot]
        self._wide = None

    def receive(self, frame: int) -> Iterator[tuple[NDArray[np.int64], PacketBlock]]:
        """What has come by the boundary at which ``frame`` begins: rows of legs, and packets."""
        self._make_ready()
        for taken in self._datagrams.rounds():
            rows = self._row_of_slot.take(taken.slots, mode="clip")
            data, length = taken.data, taken.length
            claimed = rows >= 0
            if not claimed.all():
                self.unclaimed += int((~claimed).sum())
                rows, data, length = rows[claimed], data[claimed], length[claimed]
            yield rows, PacketBlock(data, length, np.full(len(rows), frame * FRAME_NS - 1))

    def send(self, first: int, outbound: NDArray[np.int16]) -> None:
        """Send frames from ``first`` on; ``outbound`` has the tracks of all rows."""
        wide = self._make_ready()
        for frame, pcm in enumerate(np.split(outbound, outbound.shape[1] // 160, axis=1), first):
            self._datagrams.send_each(self._slots, wide.packets(pcm[self._rows], frame))

    def _make_ready(self) -> WideSender:
        if self._wide is None:
            self._slots = list(self._legs)
            self._rows = np.array([leg.row for leg in self._legs.values()], np.int64)
            # One more than there are slots: whatever lies beyond is nobody's.
            self._row_of_slot = np.full(max(self._slots, default=-1) + 2, -1, np.int64)
            self._row_of_slot[self._slots] = self._rows
            self._wide = WideSender([leg.sender for leg in self._legs.values()])
        return self._wide
