"""Many UDP sockets on loopback, one per leg, read and written in batches.

One socket per leg, as session descriptions have it: no packet has to be told apart by who sent
it, and each socket's own buffer survives a stall of seconds. All of them are read at once into
the rows of one array, with the standard library alone; there is no callback per packet.
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
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock

__all__ = ["DATAGRAM_BYTES", "LOOPBACK", "Address", "UdpSockets", "in_rounds"]

Address = tuple[str, int]

LOOPBACK: Final = "127.0.0.1"
DATAGRAM_BYTES: Final = 1536
"""Room for one datagram: more than fits an Ethernet frame."""
_BUFFER_BYTES: Final = 256 * 1024
"""Asked of the kernel per socket: seconds of one stream (it counts about 800 bytes a packet)."""
_NOTHING: Final = -1
"""The length of a datagram that the kernel announced and then refused."""
_MOST_OF_EACH: Final = 64
"""Datagrams of each socket in one reading: a flood holds up the tick no longer."""


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
        self._receivers: list[Callable[[memoryview], int]] = []
        """By descriptor,"""
        self._slot_of = np.zeros(0, np.int64)
        """as are the slots."""
        self._planned: tuple[Sequence[int], list[Callable[[Any], int]]] | None = None
        """Who sends for the slots that were given last."""
        self._poller = _make_poller()
        self._data = np.zeros((0, DATAGRAM_BYTES), np.uint8)
        self._rows: list[memoryview] = []
        self._forget()

    def _forget(self) -> None:
        """What was read has been taken."""
        self._ready: list[int] = []
        self._lengths: list[int] = []
        """Descriptor and length of each datagram read, in the order of reading."""
        self._readings: list[tuple[int, int]] = []
        """When was read (ns), and how many datagrams."""

    # -- sockets ----------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many are open."""
        return len(self._sockets) - len(self._free)

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
        descriptor = made.fileno()
        if descriptor >= len(self._receivers):
            more = 2 * descriptor - len(self._receivers) + 1
            self._receivers += [_nobody] * more
            self._slot_of = np.append(self._slot_of, np.full(more, -1, np.int64))
        self._receivers[descriptor] = made.recv_into
        self._slot_of[descriptor] = slot
        self._planned = None
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
        self._poller.unregister(closing.fileno())
        self._receivers[closing.fileno()] = _nobody
        closing.close()
        self._planned = None
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

    # -- datagrams in -----------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Wait until something has come, for so long at most; returns whether it has."""
        return bool(self._poller.poll(1, seconds))

    def read(self, now_ns: int, most: int | None = None) -> int:
        """Read what has come, ``most`` of each slot, as having arrived now; returns how many."""
        before = len(self._ready)
        for _ in range(most or _MOST_OF_EACH):
            if not self._read_each():
                break
        count = len(self._ready) - before
        self._readings.append((now_ns, count))
        self.received += count
        return count

    def _read_each(self) -> bool:
        """Read one datagram of each socket that has any; returns whether there was one."""
        ready = self._poller.poll(max(1, len(self)))
        if not ready:
            return False
        before = len(self._ready)
        end = before + len(ready)
        self._have_rows(end)
        receivers, lengths = self._receivers, self._lengths
        whole = True
        for descriptor, row in zip(ready, self._rows[before:end], strict=True):
            try:
                lengths.append(receivers[descriptor](row))
            except OSError as error:
                self._refused(error)
                lengths.append(_NOTHING)
                whole = False
        self._ready += ready
        if not whole:
            self._close_up(before)
        return len(self._ready) > before

    def _close_up(self, before: int) -> None:
        """Take out what was not read after all, of the datagrams from ``before`` on."""
        kept = [at for at in range(before, len(self._lengths)) if self._lengths[at] != _NOTHING]
        self._data[before : before + len(kept)] = self._data[kept]
        self._ready[before:] = [self._ready[at] for at in kept]
        self._lengths[before:] = [self._lengths[at] for at in kept]

    def _have_rows(self, count: int) -> None:
        have = len(self._rows)
        if count > have:
            data = np.zeros((max(count, 2 * have, 64), DATAGRAM_BYTES), np.uint8)
            data[:have] = self._data
            self._data = data
            self._rows = [row.data for row in data]

    def rounds(self) -> Iterator[Round]:
        """Everything read since last asked: the first datagram of each slot, then the second."""
        slots = self._slot_of[np.array(self._ready, np.intp)]
        times, counts = np.array(self._readings, np.int64).reshape(-1, 2).T
        length, arrival = np.array(self._lengths, np.int64), np.repeat(times, counts)
        self._forget()
        if not len(slots):
            return
        # Side by side, and no wider than need be: what comes after looks at them several times.
        width = max(HEADER_SIZE, int(length.max()))
        data = np.ascontiguousarray(self._data[: len(slots), :width])
        block = PacketBlock(data, length, arrival)
        yield from in_rounds(slots, block)

    # -- datagrams out ----------------------------------------------------------------------

    def send(self, slot: int, datagram: bytes) -> bool:
        """Send to where the slot is connected to; returns whether the system took it."""
        try:
            self._senders[slot](datagram)
        except OSError as error:
            self._refused(error)
            return False
        self.sent += 1
        return True

    def send_many(self, slots: Sequence[int], datagrams: Sequence[bytes]) -> int:
        """Send a datagram from each of ``slots``; returns how many the system took."""
        before = self.sent
        for slot, datagram in zip(slots, datagrams, strict=True):
            self.send(slot, datagram)
        return self.sent - before

    def send_each(
        self, slots: Sequence[int], rows: Sequence[memoryview], packets: NDArray[np.uint8]
    ) -> None:
        """Send a datagram from each slot: the rows of ``packets``."""
        if self._planned is None or self._planned[0] is not slots:
            self._planned = slots, [self._senders[slot] for slot in slots]
        for send, datagram in zip(self._planned[1], rows, strict=True):
            try:
                send(datagram)
            except OSError as error:
                self._refused(error)
                self.sent -= 1
        self.sent += len(slots)

    def _refused(self, error: OSError) -> None:
        self.errors[errno.errorcode.get(error.errno or 0, type(error).__name__)] += 1


def _nobody(_: memoryview) -> int:
    """Receives for a descriptor that is no slot's."""
    raise OSError(errno.EBADF, "no slot has this descriptor")


def in_rounds(slots: NDArray[np.int64], block: PacketBlock) -> Iterator[Round]:
    """Packets in order of being read, as rounds: the first of each slot, then the second."""
    if np.bincount(slots).max() == 1:
        yield Round(slots, block)
        return
    order = np.argsort(slots, kind="stable")
    fresh = np.append(True, np.diff(slots[order]) != 0)
    firsts = np.flatnonzero(fresh)
    number = np.empty(len(slots), np.int64)
    number[order] = np.arange(len(slots)) - firsts[np.cumsum(fresh) - 1]
    of_round = np.argsort(number, kind="stable")
    end = 0
    for count in np.bincount(number).tolist():
        start, end = end, end + count
        chosen = of_round[start:end]
        yield Round(slots[chosen], block.select(chosen))


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
