"""UDP sockets on an event loop: one that survives any datagram, and many that are read in batches.

asyncio's own datagram transport closes itself for good when an address cannot be sent to (a port
beyond 65,535, a host that is no name), and lets a flood hold up everything else.

A port for each slot is for simulated parties, at either side of their lines. No packet has to be
told apart by its sender, and each socket's own buffer survives a stall of seconds.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from mediasim.net.batch_reader import BatchReader, ReadBatch, error_name

__all__ = [
    "BUFFER_BYTES",
    "DROPPED",
    "LOOPBACK",
    "UNSENT",
    "Address",
    "DatagramSocket",
    "UdpSockets",
    "bound_socket",
    "drop",
]

Address = tuple[str, int]
UNSENT: Final = (OSError, OverflowError, TypeError, ValueError)
"""Exceptions raised by sending if the system refuses a packet, or the address is none."""
_LOG: Final = logging.getLogger("mediasim")
_MOST_AT_ONCE: Final = 64
"""Datagrams read before the loop has its turn again."""
DROPPED: Final[Counter[str]] = Counter()
"""Datagrams and messages that this process has dropped, by protocol and reason; shown by health."""
LOOPBACK: Final = "127.0.0.1"
BUFFER_BYTES: Final = 256 * 1024
"""Receive buffer of a socket: seconds of one stream (the kernel counts about 800 bytes a
packet)."""


def bound_socket(host: str, port: int) -> socket.socket:
    """Open a non-blocking UDP socket with a receive buffer of ``BUFFER_BYTES``. Raises OSError."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def drop(protocol: str, error: Exception) -> None:
    """Count a datagram that was dropped because handling it raised ``error``."""
    DROPPED[f"{protocol}: {type(error).__name__}"] += 1
    _LOG.debug("a datagram of %s was dropped: %r", protocol, error, exc_info=error)


class DatagramSocket:
    """A non-blocking socket that is read until it is closed; ``received`` gets each datagram."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bound: socket.socket,
        protocol: str,
        received: Callable[[bytes, Address], None],
        *,
        most_bytes: int = 2048,
    ) -> None:
        """``protocol`` is the name by which drops are counted.

        Of a datagram longer than ``most_bytes`` only these are read.
        """
        self.local: Address = bound.getsockname()[:2]
        self.errors: Counter[str] = Counter()
        """Errors of the kernel in sending or receiving, by name."""
        self._loop = loop
        self._socket = bound
        self._protocol = protocol
        self._received = received
        self._most_bytes = most_bytes
        loop.add_reader(bound, self._read)

    @property
    def open(self) -> bool:
        return self._socket.fileno() >= 0

    def send(self, data: bytes | memoryview, to: Address) -> None:
        """Send a datagram; one that cannot be sent is counted and lost."""
        try:
            self._socket.sendto(data, to)
        except OSError as error:
            self.errors[error.strerror or type(error).__name__] += 1
        except (OverflowError, TypeError, ValueError) as error:  # an address that is none
            drop(self._protocol, error)

    def close(self) -> None:
        """Stop reading and close; does nothing if it is closed already."""
        if self.open:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if not self.open:  # what was received had it closed
                return
            try:
                data, sender = self._socket.recvfrom(self._most_bytes)
            except BlockingIOError:
                return
            except OSError as error:  # an earlier packet was refused: what comes next is read
                self.errors[error.strerror or type(error).__name__] += 1
                continue
            try:
                self._received(data, (sender[0], sender[1]))
            except Exception as error:
                drop(self._protocol, error)


class UdpSockets:
    """Sockets by slot number; a closed slot's number is used again.

    Nothing here raises once a socket is open: errors of the kernel are counted in ``errors`` by
    name (ENOBUFS, ECONNREFUSED ...).
    """

    def __init__(self) -> None:
        self.sent = 0
        """Datagrams sent."""
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
        """Return everything read since the last call, in the order of reading; None for nothing."""
        return self._reader.taken()

    # -- sockets ----------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._sockets) - len(self._free)

    def open(self) -> int:
        """Open a socket on a port the kernel chooses; return its slot.

        Raises OSError if there are no more descriptors or ports.
        """
        made = bound_socket(LOOPBACK, 0)
        slot = self._free[-1] if self._free else len(self._sockets)
        try:
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
        """Return the address of a slot's socket."""
        host, port = self._socket(slot).getsockname()
        return host, port

    def connect(self, slot: int, remote: Address) -> None:
        """Send to a remote address, and receive from there alone."""
        self._socket(slot).connect(remote)

    def claim(self, slot: int, ssrc: int) -> bool:
        """Do nothing: whatever comes to a slot's own port is the slot's. Returns True."""
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
        """Send to the slot's remote address; return whether the system took it."""
        try:
            self._senders[slot](datagram)
        except OSError as error:
            self.errors[error_name(error)] += 1
            return False
        self.sent += 1
        return True

    def send_many(self, slots: Sequence[int], datagrams: Sequence[bytes]) -> int:
        """Send a datagram from each of ``slots``; return how many the system took."""
        before = self.sent
        for slot, datagram in zip(slots, datagrams, strict=True):
            self.send(slot, datagram)
        return self.sent - before
