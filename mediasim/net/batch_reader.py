"""Datagrams of many UDP sockets, read together into the rows of one array.

Once a frame all sockets that have something are found with one call and read one after the other;
there is no callback and no object per packet. On Linux the kernel says when each datagram came
(``SO_TIMESTAMPNS``, socket(7)), so that reading late, or seldom, changes no arrival time.
"""

from __future__ import annotations

import errno
import select
import selectors
import socket
import struct
import sys
import time  # noqa: TID251 - the kernel's arrival times are of the wall clock
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.net.direct_receive import DirectReceiver
from mediasim.rtp.packets import HEADER_SIZE, PacketBlock

__all__ = ["DATAGRAM_BYTES", "STAMPED", "BatchReader", "ReadBatch", "error_name"]

DATAGRAM_BYTES: Final = 1536
"""Bytes of room for one datagram: more than fits an Ethernet frame."""
STAMPED: Final = sys.platform == "linux" and struct.calcsize("@l") == 8
"""Whether the kernel gives the arrival time of a datagram."""
_DIRECT: Final = STAMPED and sys.byteorder == "little"
"""Whether datagrams are received by the system call into arrays."""
_TIMESTAMP_OPTION: Final = 35  # SO_TIMESTAMPNS; the socket module does not name it
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(16) if STAMPED else 0
_UNSTAMPED: Final = bytes(16)
_NOTHING: Final = -1
"""Length of a datagram that the kernel announced and then refused."""
_MOST_OF_EACH: Final = 64
"""Datagrams read of each socket at once: a flood holds up the frame no longer."""
_FOREVER: Final = np.iinfo(np.int64).max

_Receive = Callable[..., tuple[int, list[tuple[int, int, bytes]], int, Any]]


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Datagrams in the order in which they were read."""

    slots: NDArray[np.int64]
    """Slot of each datagram, (n,)."""
    block: PacketBlock
    sources: Sequence[Any] = ()
    """Address of each datagram's sender, as the socket module has it."""


class BatchReader:
    """Reads many sockets at once, each with a slot number.

    Errors of the kernel are counted, not raised.
    """

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        """Errors by the kernel's name (ECONNREFUSED ...)."""
        self.received = 0
        """Datagrams read."""
        self._poller = _make_poller()
        self._open = 0
        self._receivers: list[_Receive] = []
        """Receive functions by descriptor."""
        self._slot_of = np.zeros(0, np.int64)
        """Slots by descriptor."""
        self._direct = DirectReceiver(DATAGRAM_BYTES, self.errors) if _DIRECT else None
        self._data = np.zeros((0, DATAGRAM_BYTES), np.uint8)
        self._rows: list[list[memoryview]] = []
        """The rows of ``_data`` as buffers."""
        self._read_to_ns = 0
        """Loop time before which everything has been read."""
        self._forget()

    def _forget(self) -> None:
        """Forget what was read, once it has been taken."""
        self._ready: list[int] = []
        """Descriptor of each datagram read, in the order of reading."""
        self._lengths: list[int] = []
        """Length of each datagram read."""
        self._sources: list[Any] = []
        """Sender of each datagram read."""
        self._arrivals: list[NDArray[np.int64]] = []
        """Loop times of arrival (ns), an array per round of reading."""

    # -- sockets ----------------------------------------------------------------------------

    def add(self, made: socket.socket, slot: int, *, stamped: bool = False) -> None:
        """Read a non-blocking socket from now on; ``stamped``: with the kernel's arrival times.

        Raises OSError if the system allows no more sockets to be watched.
        """
        if stamped and STAMPED:
            made.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_OPTION, 1)
        descriptor = made.fileno()
        self._poller.register(descriptor)
        if descriptor >= len(self._receivers):
            more = 2 * descriptor - len(self._receivers) + 1
            self._receivers += [_closed] * more
            self._slot_of = np.append(self._slot_of, np.full(more, -1, np.int64))
        self._receivers[descriptor] = made.recvmsg_into
        if self._direct is not None:
            self._direct.add(descriptor)
        self._slot_of[descriptor] = slot
        self._open += 1

    def remove(self, made: socket.socket) -> None:
        """Stop reading a socket, before it is closed. What was read of it is kept."""
        self._poller.unregister(made.fileno())
        self._receivers[made.fileno()] = _closed
        self._open -= 1

    def close(self) -> None:
        """Close the poller."""
        self._poller.close()

    # -- datagrams --------------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Wait until a datagram has come, for so long at most; return whether one has."""
        return bool(self._poller.poll(1, seconds))

    def read(self, now_ns: int, until_ns: int = _FOREVER) -> int:
        """Read all that came before ``until_ns``, and perhaps a little more; return how many.

        ``now_ns`` is the loop time at this moment. What comes without the kernel's own time counts
        as having come now.
        """
        offset = now_ns - time.time_ns() if STAMPED else 0
        before = len(self._ready)
        for _ in range(_MOST_OF_EACH):
            ready = self._poller.poll(max(1, self._open))
            if not ready:
                break
            stamps = self._read_each(ready) if self._direct is None else self._read_direct(ready)
            if len(stamps):
                came = self._loop_times(stamps, now_ns, offset)
                self._arrivals.append(came)
                if int(came.min()) >= until_ns:
                    break
        self._read_to_ns = max(self._read_to_ns, min(now_ns, until_ns))
        count = len(self._ready) - before
        self.received += count
        return count

    def _read_direct(self, ready: list[int]) -> NDArray[np.int64]:
        """Read one datagram of each of these sockets; return the kernel's time of each."""
        assert self._direct is not None
        before = len(self._ready)
        lengths, stamps = self._direct.receive(ready, before)
        self._ready += ready
        self._lengths += lengths
        if min(lengths) < 0:
            kept = [at for at, length in enumerate(lengths) if length >= 0]
            self._direct.close_up(before, [before + at for at in kept])
            for column, new in ((self._ready, ready), (self._lengths, lengths)):
                column[before:] = [new[at] for at in kept]
            stamps = stamps[kept]
        return stamps

    def _read_each(self, ready: list[int]) -> NDArray[np.int64]:
        """Read one datagram of each of these sockets; return the kernel's time of each, if any."""
        before = len(self._ready)
        end = before + len(ready)
        self._have_rows(end)
        receivers, lengths, sources = self._receivers, self._lengths, self._sources
        stamps: list[bytes] = []
        for descriptor, row in zip(ready, self._rows[before:end], strict=True):
            try:
                size, ancillary, _, source = receivers[descriptor](row, _ANCILLARY_BYTES)
            except OSError as error:
                self.errors[error_name(error)] += 1
                size, ancillary, source = _NOTHING, [], None
            lengths.append(size)
            sources.append(source)
            stamps.append(ancillary[0][2] if ancillary else _UNSTAMPED)
        self._ready += ready
        if _NOTHING in lengths[before:]:
            kept = self._close_up(before)
            stamps = [stamps[at - before] for at in kept]
        seconds, rest = np.frombuffer(b"".join(stamps), np.int64).reshape(-1, 2).T
        return seconds * 1_000_000_000 + rest

    def _close_up(self, before: int) -> list[int]:
        """Remove refused datagrams from ``before`` on; return the indices of the others."""
        kept = [at for at in range(before, len(self._lengths)) if self._lengths[at] != _NOTHING]
        self._data[before : before + len(kept)] = self._data[kept]
        for column in (self._ready, self._lengths, self._sources):
            column[before:] = [column[at] for at in kept]
        return kept

    def _loop_times(self, came: NDArray[np.int64], now_ns: int, offset: int) -> NDArray[np.int64]:
        """Convert the kernel's times, 0 for none, to loop times in nanoseconds."""
        # A wall clock that is set meanwhile moves nothing out of the time since the last reading.
        latest = max(now_ns, offset + time.time_ns()) if offset else now_ns
        within = np.clip(came + offset, min(self._read_to_ns, now_ns), latest)
        return np.where(came == 0, now_ns, within)

    def _have_rows(self, count: int) -> None:
        have = len(self._rows)
        if count > have:
            data = np.zeros((max(count, 2 * have, 64), DATAGRAM_BYTES), np.uint8)
            data[:have] = self._data
            self._data = data
            self._rows = [[row.data] for row in data]

    def taken(self) -> ReadBatch | None:
        """Return everything read since the last call, in memory of its own; None for nothing."""
        if not self._ready:
            self._forget()
            return None
        length = np.array(self._lengths, np.int64)
        # Side by side, and no wider than need be: what comes after looks at them several times.
        width = max(HEADER_SIZE, int(length.max()))
        direct = self._direct
        sources = self._sources if direct is None else direct.senders(len(length))
        room = self._data if direct is None else direct.data
        data = room[: len(length), :width].copy()
        found = ReadBatch(
            self._slot_of[np.array(self._ready, np.intp)],
            PacketBlock(data, length, np.concatenate(self._arrivals)),
            sources,
        )
        self._forget()
        return found


def error_name(error: OSError) -> str:
    """Return the system's name of an error: ``ECONNREFUSED``, ``EMSGSIZE`` ..."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _closed(*_: Any) -> Any:
    """Receive for a descriptor without a slot: raises OSError."""
    raise OSError(errno.EBADF, "no slot has this descriptor")


# -- which sockets have something ---------------------------------------------------------------


class _Selector:
    """A poller for any platform."""

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
