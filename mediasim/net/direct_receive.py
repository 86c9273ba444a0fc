"""Datagrams received by the system call itself into arrays: bytes, senders and arrival times.

``socket.recvmsg_into`` makes half a dozen objects for each datagram, which costs as much as the
system call. Here ``recvmsg`` is called with structures that lie in arrays, one for each datagram of
a round, so what the kernel writes is read from arrays as a whole. Linux on 64 bits alone has this
layout (recvmsg(2), cmsg(3)).
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["DirectReceiver", "Senders"]

_NAME_BYTES: Final = 28
"""Bytes of the longest address: struct sockaddr_in6."""
_CONTROL_BYTES: Final = 32
"""Bytes of one control message with a struct timespec."""
_WORDS: Final = 7
"""Words of 8 bytes in a struct msghdr."""
_IPV4 = int(socket.AF_INET)
_IPV6 = int(getattr(socket, "AF_INET6", 10))
Rows = NDArray[Any]


class Senders(Sequence[Any]):
    """The senders of datagrams, each as the socket module has it once it is looked at."""

    def __init__(self, raw: NDArray[np.uint32]) -> None:
        self.raw = raw
        """Addresses as the kernel wrote them, (n, 7) words; zeros beyond an address."""

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, at: Any) -> Any:
        data = self.raw[at].tobytes()
        (family,) = struct.unpack_from("=H", data)
        (port,) = struct.unpack_from("!H", data, 2)
        if family == _IPV4:
            return socket.inet_ntop(socket.AF_INET, data[4:8]), port
        if family == _IPV6:
            (flow,) = struct.unpack_from("!I", data, 4)
            (scope,) = struct.unpack_from("=I", data, 24)
            return socket.inet_ntop(socket.AF_INET6, data[8:24]), port, flow, scope
        return None


class DirectReceiver:
    """Receives one datagram each of many sockets into the next rows of its arrays."""

    def __init__(self, datagram_bytes: int, errors: Counter[str]) -> None:
        """``errors`` counts what the kernel refuses, by the error's name."""
        # The interpreter's lock is kept: no call waits, and to take it again would cost more.
        self._receive = ctypes.PyDLL(None, use_errno=True).recvmsg
        self._receive.restype = ctypes.c_ssize_t
        self._flags = ctypes.c_int(socket.MSG_DONTWAIT)
        self._errors = errors
        self._bytes = datagram_bytes
        self._descriptors: dict[int, ctypes.c_int] = {}
        self.data = np.zeros((0, datagram_bytes), np.uint8)
        """A datagram in each row."""
        self._names = np.zeros((0, _NAME_BYTES // 4), np.uint32)
        self._controls = np.zeros((0, _CONTROL_BYTES // 8), np.int64)
        self._vectors = np.zeros((0, 2), np.uint64)
        self._messages = np.zeros((0, _WORDS), np.uint64)
        self._empty = self._messages
        """The messages before a round."""
        self._places: list[ctypes.c_void_p] = []
        """Where each message is."""

    def add(self, descriptor: int) -> None:
        """Know a socket from now on."""
        self._descriptors[descriptor] = ctypes.c_int(descriptor)

    def receive(
        self, descriptors: Sequence[int], first: int
    ) -> tuple[list[int], NDArray[np.int64]]:
        """Receive a datagram of each socket into the rows from ``first`` on.

        Returns lengths, negative where there was none, and arrival times in nanoseconds since 1970,
        0 where the kernel gave none.
        """
        end = first + len(descriptors)
        self._have_rows(end, first)
        rows = slice(first, end)
        self._names[rows] = 0
        self._controls[rows] = 0
        self._messages[rows] = self._empty[rows]
        receive, flags, known = self._receive, self._flags, self._descriptors
        lengths = [
            receive(known[descriptor], place, flags)
            for descriptor, place in zip(descriptors, self._places[rows], strict=True)
        ]
        if min(lengths) < 0:
            # Which error each had is not known: of several it is the last one's.
            name = errno.errorcode.get(ctypes.get_errno(), "OSError")
            self._errors[name] += sum(1 for length in lengths if length < 0)
        size, _, seconds, rest = self._controls[rows].T
        came = np.where(size == _CONTROL_BYTES, seconds * 1_000_000_000 + rest, 0)
        return lengths, came

    def senders(self, count: int) -> Senders:
        """Return the senders of the first rows, in memory of their own."""
        return Senders(self._names[:count].copy())

    def close_up(self, before: int, kept: Sequence[int]) -> None:
        """Move the kept rows from ``before`` on together."""
        rows = slice(before, before + len(kept))
        self.data[rows] = self.data[list(kept)]
        self._names[rows] = self._names[list(kept)]

    def _have_rows(self, count: int, used: int) -> None:
        """Have room for so many datagrams, and keep those in the rows that are used."""
        have = len(self.data)
        if count <= have:
            return
        size = max(count, 2 * have, 64)
        data = np.zeros((size, self._bytes), np.uint8)
        names = np.zeros((size, _NAME_BYTES // 4), np.uint32)
        data[:used], names[:used] = self.data[:used], self._names[:used]
        self.data, self._names = data, names
        self._controls = np.zeros((size, _CONTROL_BYTES // 8), np.int64)
        self._vectors = np.zeros((size, 2), np.uint64)
        self._vectors[:, 0], self._vectors[:, 1] = _addresses(data), self._bytes
        self._empty = np.zeros((size, _WORDS), np.uint64)
        names_at, vectors_at = _addresses(names), _addresses(self._vectors)
        self._empty[:, 0], self._empty[:, 1] = names_at, _NAME_BYTES
        self._empty[:, 2], self._empty[:, 3] = vectors_at, 1
        self._empty[:, 4], self._empty[:, 5] = _addresses(self._controls), _CONTROL_BYTES
        self._messages = self._empty.copy()
        self._places = [ctypes.c_void_p(int(each)) for each in _addresses(self._messages)]


def _addresses(rows: Rows) -> NDArray[np.uint64]:
    """Return where each row of an array begins."""
    return np.arange(len(rows), dtype=np.uint64) * np.uint64(rows.strides[0]) + np.uint64(
        rows.ctypes.data
    )
