"""A trunk: the packets of many legs, taken and sent together.

In real time thousands of legs have one packet each per frame. Their sockets are read in rounds
that go to playout in one piece, and what they are sent is made in one array, so that nothing is
done leg by leg but the system calls.

Packets are read several times per frame (:meth:`Trunk.sweep`), for a packet counts as having
arrived when it is read, and a stream whose delay seemed to change by a whole frame would be moved
to follow it (:mod:`mediasim.rtp.pacing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.media.leg import Leg
from mediasim.media.tracks import Tracks
from mediasim.rtp.packets import PacketBlock
from mediasim.rtp.wide_sender import WideSender

__all__ = ["SWEEP_NS", "Datagrams", "Round", "Trunk"]

SWEEP_NS: Final = FRAME_NS // 4
"""How often to sweep: less than the step by which a stream is moved."""


@dataclass(frozen=True, slots=True)
class Round:
    """Datagrams of different slots, in order of being read; good until the next are read."""

    slots: NDArray[np.int64]
    """(n,) whose each is; none twice."""
    block: PacketBlock


class Datagrams(Protocol):
    """Sockets by slot number."""

    def read(self, now_ns: int, most: int | None = None) -> int:
        """Read what has come, ``most`` of each slot, as having arrived now; returns how many."""

    def rounds(self) -> Iterator[Round]:
        """Everything read since last asked."""

    def send_each(
        self, slots: Sequence[int], rows: Sequence[memoryview], packets: NDArray[np.uint8]
    ) -> None:
        """Send a datagram from each slot: the rows of ``packets`` (n, size), C-contiguous.

        ``slots`` is another object when others are meant than last time.
        """


class Trunk:
    """Legs of a media plane that ticks (:meth:`MediaPlane.tick`), and their sockets.

    A clock that has fallen behind finds the packets of several frames; then one of each leg is
    taken per frame, so that each is still met about when it came.
    """

    def __init__(self, datagrams: Datagrams, behind: Callable[[], bool] = lambda: False) -> None:
        """``behind`` tells whether the next boundary of frames is already past."""
        self.unclaimed = 0
        """Datagrams of slots that no leg has."""
        self._datagrams = datagrams
        self._behind = behind
        self._legs: list[Leg] = []
        self._slot_of: list[int] = []
        """Of each of these legs."""
        self._place: dict[int, int] = {}
        """Where in these lists a slot is."""
        self._wide = WideSender()
        self._stale = True
        """Whether what is made of these lists has to be made again."""
        self._slots: tuple[int, ...] = ()

    def attach(self, leg: Leg, slot: int) -> None:
        """The leg's packets come and go through this slot. It must be PCMU or PCMA."""
        self._wide.add(leg.sender)
        self._place[slot] = len(self._legs)
        self._legs.append(leg)
        self._slot_of.append(slot)
        self._stale = True

    def detach(self, slot: int) -> None:
        """The slot's leg is over; the last one takes its place."""
        at = self._place.pop(slot)
        self._wide.remove(at)
        leg, last = self._legs.pop(), self._slot_of.pop()
        if last != slot:
            self._legs[at], self._slot_of[at], self._place[last] = leg, last, at
        self._stale = True

    def sweep(self, now_ns: int) -> None:
        """Read what has come by now, between boundaries."""
        if not self._behind():
            self._datagrams.read(now_ns)

    def receive(self, frame: int) -> Iterator[tuple[NDArray[np.int64], PacketBlock]]:
        """What has come by the boundary at which ``frame`` begins: rows of legs, and packets."""
        self._make_ready()
        # Before the boundary, if only just: what came in a frame can be used in the next.
        self._datagrams.read(frame * FRAME_NS - 1, 1 if self._behind() else None)
        for taken in self._datagrams.rounds():
            rows, block = self._row_of_slot.take(taken.slots, mode="clip"), taken.block
            claimed = rows >= 0
            if not claimed.all():
                self.unclaimed += int((~claimed).sum())
                rows, block = rows[claimed], block.select(np.flatnonzero(claimed))
            yield rows, block

    def send(self, frame: int, outbound: Tracks) -> None:
        """Send one frame of the legs' outbound tracks."""
        self._make_ready()
        if self._slots:
            self._wide.make(outbound.take(self._rows, frame, 1), frame)
            self._datagrams.send_each(self._slots, self._wide.rows, self._wide.packets)

    def _make_ready(self) -> None:
        if not self._stale:
            return
        self._stale = False
        self._slots = tuple(self._slot_of)
        self._rows = np.array([leg.row for leg in self._legs], np.int64)
        # One more than there are slots: whatever lies beyond is nobody's.
        self._row_of_slot = np.full(max(self._slots, default=-1) + 2, -1, np.int64)
        self._row_of_slot[self._slot_of] = self._rows
