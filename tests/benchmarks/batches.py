"""Many datagrams in one system call, for a generator of load: recvmmsg(2) and sendmmsg(2).

Linux only. The messages' headers are arrays that are made once; a call names how many of them.
"""

from __future__ import annotations

import ctypes
import socket
import struct

import numpy as np

_MESSAGE = np.dtype(
    [
        ("name", "u8"),
        ("name_size", "u4"),
        ("_0", "u4"),
        ("vectors", "u8"),
        ("vector_count", "u8"),
        ("control", "u8"),
        ("control_size", "u8"),
        ("flags", "i4"),
        ("_1", "i4"),
        ("length", "u4"),
        ("_2", "u4"),
    ]
)
_VECTOR = np.dtype([("base", "u8"), ("size", "u8")])
_DONTWAIT = 0x40
_libc = ctypes.CDLL(None, use_errno=True)


class Batch:
    """Room for so many datagrams."""

    def __init__(self, count: int, size: int) -> None:
        self.data = np.zeros((count, size), np.uint8)
        self._names = np.zeros((count, 16), np.uint8)
        self._vectors = np.zeros(count, _VECTOR)
        self._vectors["base"] = self.data.ctypes.data + np.arange(count, dtype=np.uint64) * size
        self._vectors["size"] = size
        self._messages = np.zeros(count, _MESSAGE)
        at = np.arange(count, dtype=np.uint64)
        self._messages["vectors"] = self._vectors.ctypes.data + at * 16
        self._messages["vector_count"] = 1
        self._where = ctypes.c_void_p(self._messages.ctypes.data)

    def address(self, ports: list[int]) -> None:
        """Where each is sent to: ports of this machine."""
        for row, port in zip(self._names, ports, strict=True):
            name = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, b"\x7f\0\0\1")
            row[:] = np.frombuffer(name, np.uint8)
        at = np.arange(len(ports), dtype=np.uint64)
        self._messages["name"] = self._names.ctypes.data + at * 16
        self._messages["name_size"] = 16

    def send(self, made: socket.socket, first: int, count: int) -> int:
        """Send rows from ``first`` on; returns how many the kernel took."""
        taken = 0
        while taken < count:
            where = ctypes.c_void_p(
                self._messages.ctypes.data + (first + taken) * _MESSAGE.itemsize
            )
            done = _libc.sendmmsg(made.fileno(), where, count - taken, 0)
            if done <= 0:
                break
            taken += done
        return taken

    def receive(self, made: socket.socket) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What has come: rows, their lengths, and the ports that they came from."""
        at = np.arange(len(self.data), dtype=np.uint64)
        self._messages["name"] = self._names.ctypes.data + at * 16
        self._messages["name_size"] = 16
        count = max(0, _libc.recvmmsg(made.fileno(), self._where, len(self.data), _DONTWAIT, None))
        ports = np.ascontiguousarray(self._names[:count, 2:4]).view(">u2")[:, 0]
        return self.data[:count], self._messages["length"][:count], ports.astype(np.int64)
