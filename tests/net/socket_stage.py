"""What sockets that are read in batches have received, and what recorders have kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasim.net.shared_socket import SharedSocket
from mediasim.net.udp import UdpSockets


def taken(sockets: SharedSocket | UdpSockets) -> list[tuple[int, bytes, int]]:
    """(slot, datagram, arrival) of each, by slot and in order of arrival."""
    found = sockets.taken()
    if found is None:
        return []
    rows, sizes = found.block.data, found.block.length
    of_each = zip(found.slots, rows, sizes, found.block.arrival, strict=True)
    made = [(int(slot), row[:size].tobytes(), int(at)) for slot, row, size, at in of_each]
    return sorted(made, key=lambda each: each[0])


class Kept:
    """A recorder's sink."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.int16]] = []

    def write(self, samples: NDArray[np.int16]) -> None:
        self.pieces.append(samples.copy())

    def close(self) -> None:
        pass
