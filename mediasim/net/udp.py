"""Many UDP sockets on loopback, one per leg, read and written in batches.

One socket per leg, as session descriptions have it: no packet has to be told apart by who sent
it, and each socket's own buffer survives a stall of seconds. All of them are read on a tick into
the rows of one array, with the standard library alone; there is no callback per packet.

A batch is a *round*: each socket is read at most once in it, so a round of thousands of legs is
what the media plane takes in one piece.
"""

from __future__ import annotations

import errno
import select
import selectors
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.media.trunk import Round

__all__ = ["DATAGRAM_BYTES", "Address", "UdpSockets"]

Address = tuple[str, int]

LOOPBACK: Final = "127.0.0.1"
DATAGRAM_BYTES: Final = 1536
"""Room for one datagram: more than fits an Ethernet frame."""
_BUFFER_BYTES: Final = 256 * 1024
"""Asked of the kernel per socket: seconds of one stream (it counts about 800 bytes a packet)."""
_MOST_ROUNDS: Final = 64
"""Rounds of one drain: a flood may hold up the tick no longer than that."""


class UdpSockets:
    """Sockets by slot number; a closed slot's number is used again.

    Nothing here raises once a socket is open: what the kernel refuses is counted in ``errors``
    by its name (ENOBUFS, ECONNREFUSED ...).
    """

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self.sent = 0
        self.received = 0
        self._sockets: list[socket.socket | None] = []
        self._free: list[int] = []
        self._senders: list[Callable[[Any], int]] = []
        self._receivers: dict[int, tuple[int, Callable[[memoryview], int]]] = {}
        self._poller = _make_poller()
        self._make_rows(64)

    def _make_rows(self, count: int) -> None:
        self._data = np.zeros((count, DATAGRAM_BYTES), np.uint8)
        self._rows = [row.data for row in self._data]

    # -- sockets ----------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many are open."""
        return len(self._receivers)

    def open(self) -> int:
        """A new socket on a port the kernel chooses; returns its slot.

        Raises OSError when there are no more descriptors or ports.
        """
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            made.bind((LOOPBACK, 0))
            self._poller.register(made.fileno())
        except OSError:
            made.close()
            raise
        if self._free:
            slot = self._free.pop()
            self._sockets[slot] = made
            self._senders[slot] = made.send
        else:
            slot = len(self._sockets)
            self._sockets.append(made)
            self._senders.append(made.send)
        self._receivers[made.fileno()] = (slot, made.recv_into)
        if len(self._receivers) > len(self._rows):
            self._make_rows(2 * len(self._rows))
        return slot

    def address(self, slot: int) -> Address:
        """Where others reach it."""
        host, port = self._socket(slot).getsockname()
        return host, port

    def connect(self, slot: int, remote: Address) -> None:
        """Send there, and receive from nobody else."""
        self._socket(slot).connect(remote)

    def close(self, slot: int) -> None:
        closing = self._socket(slot)
        self._poller.unregister(closing.fileno())
        del self._receivers[closing.fileno()]
        closing.close()
        self._sockets[slot] = None
        self._free.append(slot)

    def close_all(self) -> None:
        for slot, each in enumerate(self._sockets):
            if each is not None:
                self.close(slot)
        self._poller.close()

    def _socket(self, slot: int) -> socket.socket:
        found = self._sockets[slot]
        if found is None:
            raise LookupError(f"slot {slot} is closed")
        return found

    # -- datagrams --------------------------------------------------------------------------

    def rounds(self) -> Iterator[Round]:
        """Everything that has come, a round at a time."""
        rows, data, receivers = self._rows, self._data, self._receivers
        for _ in range(_MOST_ROUNDS):
            slots: list[int] = []
            length: list[int] = []
            count = 0
            for descriptor in self._poller.poll(len(rows)):
                slot, receive = receivers[descriptor]
                try:
                    length.append(receive(rows[count]))
                except OSError as error:
                    self._refused(error)
                    continue
                slots.append(slot)
                count += 1
            if not count:
                return
            self.received += count
            yield Round(np.array(slots), data[:count], np.array(length))

    def wait(self, seconds: float) -> bool:
        """Wait until something has come, for so long at most; returns whether it has."""
        return bool(self._poller.poll(1, seconds))

    def send(self, slot: int, datagram: bytes) -> bool:
        """Send to where the slot is connected to; returns whether the system took it."""
        try:
            self._senders[slot](datagram)
        except OSError as error:
            self._refused(error)
            return False
        self.sent += 1
        return True

    def send_each(self, slots: Sequence[int], data: NDArray[np.uint8]) -> None:
        """Send each row of ``data`` (n, size) from its slot."""
        size = data.shape[1]
        flat = np.ascontiguousarray(data).data.cast("B")
        senders = self._senders
        start = 0
        for slot in slots:
            end = start + size
            try:
                senders[slot](flat[start:end])
            except OSError as error:
                self._refused(error)
                self.sent -= 1
            start = end
        self.sent += len(slots)

    def _refused(self, error: OSError) -> None:
        self.errors[errno.errorcode.get(error.errno or 0, type(error).__name__)] += 1


# -- which sockets have something ---------------------------------------------------------------


class _Selector:
    """Any platform's."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def register(self, descriptor: int) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ)

    def unregister(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def poll(self, most: int, seconds: float = 0) -> list[int]:
        return [key.fd for key, _ in self._selector.select(seconds)][:most]


if sys.platform == "linux":

    class _Epoll:
        """Linux's own: with thousands of sockets the standard selector costs a tenth more."""

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self.close = self._epoll.close
            self.unregister = self._epoll.unregister

        def register(self, descriptor: int) -> None:
            self._epoll.register(descriptor, select.EPOLLIN)

        def poll(self, most: int, seconds: float = 0) -> list[int]:
            return [descriptor for descriptor, _ in self._epoll.poll(seconds, most)]

    _make_poller = _Epoll
else:
    _make_poller = _Selector
