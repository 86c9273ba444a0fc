"""UDP sockets on loopback, a port for each slot, read and written in batches.

For simulated parties, at either side of their lines. No packet has to be told apart by who sent it,
and each socket's own buffer survives a stall of seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from mediasim.net.batch_reader import BatchReader, ReadBatch, error_name
from mediasim.net.datagram_socket import Address

__all__ = ["BUFFER_BYTES", "LOOPBACK", "UdpSockets"]

LOOPBACK: Final = "127.0.0.1"
BUFFER_BYTES: Final = 256 * 1024
"""Asked of the kernel per socket: seconds of one stream (it counts about 800 bytes a packet)."""


class UdpSockets:
    """Sockets by slot number; a closed slot's number is used again.

    Nothing here raises once a socket is open: what the kernel refuses is counted in ``errors``
    by its name (ENOBUFS, ECONNREFUSED ...).
    """

    def __init__(self) -> None:
        self.sent = 0
        self._reader = BatchReader()
        self.errors = self._reader.errors
        self.wait = self._reader.wait
        self.read = self._reader.read
        self._sockets: list[socket.socket | None] = []
        self._free: list[int] = []
        self._senders: list[Callable[[Any], int]] = []

    @property
    def received(self) -> int:
        """Datagrams read."""
        return self._reader.received

    def taken(self) -> ReadBatch | None:
        """Everything read since last asked, in the order of reading; None for nothing."""
        return self._reader.taken()

    # -- sockets ----------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many are open."""
        return len(self._sockets) - len(self._free)

    def open(self) -> int:
        """A new socket on a port the kernel chooses; returns its slot.

        Raises OSError when there are no more descriptors or ports.
        """
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        slot = self._free[-1] if self._free else len(self._sockets)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            made.bind((LOOPBACK, 0))
            self._reader.add(made, slot)
        except OSError:
            made.close()
            raise
        if self._free:
            self._free.pop()
            self._sockets[slot] = made
            self._senders[slot] = made.send
        else:
            self._sockets.append(made)
            self._senders.append(made.send)
        return slot

    def address(self, slot: int) -> Address:
        """Where others reach it."""
        host, port = self._socket(slot).getsockname()
        return host, port

    def connect(self, slot: int, remote: Address) -> None:
        """Send there, and receive from nobody else."""
        self._socket(slot).connect(remote)

    def claim(self, slot: int, ssrc: int) -> bool:
        """Whatever comes to a slot's own port is the slot's."""
        return True

    def close(self, slot: int) -> None:
        closing = self._socket(slot)
        self._reader.remove(closing)
        closing.close()
        self._sockets[slot] = None
        self._free.append(slot)

    def close_all(self) -> None:
        for slot, each in enumerate(self._sockets):
            if each is not None:
                self.close(slot)
        self._reader.close()

    def _socket(self, slot: int) -> socket.socket:
        found = self._sockets[slot]
        if found is None:
            raise LookupError(f"slot {slot} is closed")
        return found

    # -- datagrams out ----------------------------------------------------------------------

    def send(self, slot: int, datagram: bytes) -> bool:
        """Send to where the slot is connected to; returns whether the system took it."""
        try:
            self._senders[slot](datagram)
        except OSError as error:
            self.errors[error_name(error)] += 1
            return False
        self.sent += 1
        return True

    def send_many(self, slots: Sequence[int], datagrams: Sequence[bytes]) -> int:
        """Send a datagram from each of ``slots``; returns how many the system took."""
        before = self.sent
        for slot, datagram in zip(slots, datagrams, strict=True):
            self.send(slot, datagram)
        return self.sent - before
