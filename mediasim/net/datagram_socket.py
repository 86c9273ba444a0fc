"""A UDP socket on an event loop that no datagram ends.

asyncio's own datagram transport closes itself for good when an address cannot be sent to (a port
beyond 65,535, a host that is no name), and lets a flood hold up everything else.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import Final

__all__ = ["DROPPED", "UNSENT", "Address", "DatagramSocket", "drop"]

Address = tuple[str, int]

UNSENT: Final = (OSError, OverflowError, TypeError, ValueError)
"""What sending raises where the system refuses a packet, or the address is none."""

_LOG: Final = logging.getLogger("mediasim")
_MOST_AT_ONCE: Final = 64
"""Datagrams read before the loop has its turn again."""

DROPPED: Final[Counter[str]] = Counter()
"""Datagrams and messages that this process has dropped, by protocol and reason, as health tells."""


def drop(protocol: str, error: Exception) -> None:
    """Count what was dropped because handling it raised ``error``."""
    DROPPED[f"{protocol}: {type(error).__name__}"] += 1
    _LOG.debug("a datagram of %s was dropped: %r", protocol, error, exc_info=error)


class DatagramSocket:
    """Reads a bound, non-blocking socket until it is closed; ``received`` gets each datagram."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bound: socket.socket,
        protocol: str,
        received: Callable[[bytes, Address], None],
        *,
        most_bytes: int = 2048,
    ) -> None:
        """``protocol`` is what goes over it, by which its drops are counted; of a longer datagram
        than ``most_bytes`` only these are read."""
        self.local: Address = bound.getsockname()[:2]
        self.errors: Counter[str] = Counter()
        """What the kernel refused to send or to receive, by name."""
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
        """Read nothing more; does nothing where it has been closed already."""
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
