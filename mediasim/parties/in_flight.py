"""Packets on their way through a link: launched with a time, landed in order of arrival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.net.link import Link
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, joined

__all__ = ["PacketFate", "PacketsInFlight"]

_COPY_AFTER_NS: Final = 1_000_000
_NEVER: Final = np.iinfo(np.int64).max
_EMPTY: Final = PacketBlock(
    np.empty((0, HEADER_SIZE), np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
)


@dataclass(frozen=True, slots=True)
class PacketFate:
    """Packets that did not simply arrive, and what became of them."""

    kind: str
    """lost, reordered, duplicated or stalled."""
    media: NDArray[np.int64]
    """Their first samples, of the sender's count."""
    sent: NDArray[np.int64]
    """Loop time, ns."""


class PacketsInFlight:
    """What is in the air on one link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.launched = 0
        self.fates: list[PacketFate] = []
        """Of packets that did not simply arrive."""
        self._flying = _EMPTY

    def launch(
        self,
        data: NDArray[np.uint8],
        sent: NDArray[np.int64],
        media: NDArray[np.int64],
        length: NDArray[np.int64] | None = None,
    ) -> None:
        """Put packets (n, size) on the link at their times of sending (ns), in order.

        ``media`` are their first samples, by which their fates are told.
        """
        fates = self.link.carry(self.launched, sent)
        self.launched += len(sent)
        arrival = fates.arrival
        if length is None:
            length = np.full(len(data), data.shape[1], np.int64)
        if not self.link.clean:
            for kind, chosen in (
                ("lost", fates.lost),
                ("reordered", fates.reordered),
                ("duplicated", fates.copied),
            ):
                if chosen.any():
                    self.fates.append(PacketFate(kind, media[chosen], sent[chosen]))
            # The lost are let fly for ever: cheaper than copying all the others around them.
            arrival = np.where(fates.lost, _NEVER, arrival)
            copies = np.flatnonzero(fates.copied)
            if len(copies):
                data = np.concatenate((data, data[copies]))
                length = np.concatenate((length, length[copies]))
                arrival = np.concatenate((arrival, arrival[copies] + _COPY_AFTER_NS))
        launched = PacketBlock(data, length, arrival)
        self._flying = joined([self._flying, launched]) if len(self._flying) else launched

    def land(self, before_ns: int) -> PacketBlock | None:
        """Packets that arrived before ``before_ns`` and were not yet taken, in order."""
        flying = self._flying
        if not len(flying):
            return None
        arrival = flying.arrival
        if (arrival[1:] >= arrival[:-1]).all():
            # In order, as on a link without jitter: nothing needs to be copied.
            landed = int(arrival.searchsorted(before_ns))
            self._flying = flying.between(landed, len(flying))
            return flying.between(0, landed) if landed else None
        order = arrival.argsort(kind="stable")
        landed = int(arrival[order].searchsorted(before_ns))
        waiting = order[landed:]
        self._flying = flying.select(waiting[arrival[waiting] < _NEVER])
        return flying.select(order[:landed]) if landed else None

    @property
    def flying(self) -> PacketBlock:
        """What has been launched and has not landed, without the lost."""
        return self._flying.select(np.flatnonzero(self._flying.arrival < _NEVER))
