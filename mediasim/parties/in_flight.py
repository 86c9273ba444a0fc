"""Packets in flight on a link: sent at a time, and taken in order of arrival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.net.link import Link
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock, joined

__all__ = ["PacketFate", "PacketsInFlight"]

_COPY_AFTER_NS: Final = 1_000_000
"""Nanoseconds from a duplicated packet's arrival to that of its copy."""
_NEVER: Final = np.iinfo(np.int64).max
_EMPTY: Final = PacketBlock(
    np.empty((0, HEADER_SIZE), np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
)


@dataclass(frozen=True, slots=True)
class PacketFate:
    """Packets that the link has impaired, all in the same way."""

    kind: str
    """lost, reordered, duplicated or stalled."""
    media: NDArray[np.int64]
    """The packets' first samples (n,), by the sender's count."""
    sent: NDArray[np.int64]
    """Loop times of sending (n,), in nanoseconds."""


class PacketsInFlight:
    """The packets in flight on one link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.sent = 0
        """Number of packets sent."""
        self.fates: list[PacketFate] = []
        """The fates of impaired packets, in order of sending."""
        self._packets = _EMPTY

    def send(
        self,
        data: NDArray[np.uint8],
        sent: NDArray[np.int64],
        media: NDArray[np.int64],
        length: NDArray[np.int64] | None = None,
    ) -> None:
        """Send packets, uint8 (n, size), in order, at loop times ``sent`` (n,) in nanoseconds.

        ``media`` (n,) are their first samples, by which fates are reported; ``length`` (n,) are
        their sizes in bytes, None for ``size``.
        """
        fates = self.link.carry(self.sent, sent)
        self.sent += len(sent)
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
            # Lost packets never arrive: that is cheaper than copying all others around them.
            arrival = np.where(fates.lost, _NEVER, arrival)
            copies = np.flatnonzero(fates.copied)
            if len(copies):
                data = np.concatenate((data, data[copies]))
                length = np.concatenate((length, length[copies]))
                arrival = np.concatenate((arrival, arrival[copies] + _COPY_AFTER_NS))
        new = PacketBlock(data, length, arrival)
        self._packets = joined([self._packets, new]) if len(self._packets) else new

    def take_arrived(self, before_ns: int) -> PacketBlock | None:
        """Return the packets that arrived before a loop time and were not yet taken, in order."""
        packets = self._packets
        if not len(packets):
            return None
        arrival = packets.arrival
        if (arrival[1:] >= arrival[:-1]).all():
            # In order, as on a link without jitter: slices need no copy.
            arrived = int(arrival.searchsorted(before_ns))
            self._packets = packets.between(arrived, len(packets))
            return packets.between(0, arrived) if arrived else None
        # Stable: packets that arrive at the same time stay in the order of sending.
        order = arrival.argsort(kind="stable")
        arrived = int(arrival[order].searchsorted(before_ns))
        remaining = order[arrived:]
        self._packets = packets.select(remaining[arrival[remaining] < _NEVER])
        return packets.select(order[:arrived]) if arrived else None

    @property
    def in_flight(self) -> PacketBlock:
        """The packets that were sent and not taken, without the lost."""
        return self._packets.select(np.flatnonzero(self._packets.arrival < _NEVER))
