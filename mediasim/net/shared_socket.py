"""One UDP socket for many legs, told apart by the sender's address and the SSRC.

For simulated parties, whose packets all go to and from one address: two sockets carry thousands of
lines. On Linux a run of packets of equal size for one address is sent in one call (UDP_SEGMENT,
"GSO") and received in one call (UDP_GRO): see udp(7). Elsewhere, and where the kernel refuses, each
goes by itself; what is sent and received is the same.

A slot is a remote address, and the SSRCs (RFC 3550 section 5.1) that come from there for it. An
address that one slot alone has needs no SSRC.
"""

from __future__ import annotations

import errno
import itertools
import select
import socket
import struct
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.net.batch_reader import ReadBatch, error_name
from mediasim.net.udp import LOOPBACK, Address, bound_socket
from mediasim.rtp.packets import HEADER_SIZE, RTCP_TYPES, PacketBlock

__all__ = ["SharedSocket"]

_NONE: Final = -1
"""Slot of packets that belong to none."""
_SEVERAL: Final = -2
"""Slot of an address that several slots share."""
_BUFFER_BYTES: Final = 4 << 20
"""Asked of the kernel: it counts about 800 bytes a packet, and all legs' packets wait here. A
stock Linux grants 208 KB (``sysctl net.core.rmem_max``)."""
_LARGEST: Final = 1 << 16
"""Bytes of room for one call."""
_FIRST_ROOM: Final = 1 << 20
"""Bytes of room for reading at first."""
_SEGMENT_OPTION: Final = 103
_GRO_OPTION: Final = 104
_MOST_SEGMENTS: Final = 64
"""Packets in one call at most: what every kernel with UDP_SEGMENT accepts."""
_MOST_AT_ONCE: Final = 60_000
"""Bytes in one call at most: less than a datagram may have."""
_MOST_OF_EACH: Final = 64
"""Datagrams read at once per slot."""


class _Demux:
    """Slots, their remote addresses and the SSRCs they claim, prepared for array operations."""

    def __init__(
        self, remotes: Sequence[Address | None], claims: Mapping[tuple[Address, int], int]
    ) -> None:
        self.sources: dict[Address, int] = {}
        only: list[int] = []
        for slot, remote in enumerate(remotes):
            if remote is None:
                continue
            number = self.sources.setdefault(remote, len(only))
            if number == len(only):
                only.append(slot)
            else:
                only[number] = _SEVERAL
        self._only = np.array([*only, _NONE], np.int64)  # the last is for strangers
        keys = np.array([self.sources[at] << 32 | ssrc for at, ssrc in claims], np.int64)
        order = keys.argsort()
        self._keys = np.append(keys[order], np.iinfo(np.int64).max)
        self._slots = np.append(np.array(list(claims.values()), np.int64)[order], _NONE)

    def slots_of(self, sources: NDArray[np.int64], block: PacketBlock) -> NDArray[np.int64]:
        """Return the slot of each packet; negative for those that belong to none."""
        slots = self._only[sources]
        shared = np.flatnonzero(slots == _SEVERAL)
        if len(shared):
            keys = sources[shared] << 32 | _ssrc_of(block)[shared]
            at = np.searchsorted(self._keys, keys)
            slots[shared] = np.where(self._keys[at] == keys, self._slots[at], _NONE)
        return slots


def _as_rows(
    used: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    segments: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return datagrams that lie one behind the other as rows, and their lengths."""
    first = int(segments[0])
    if first and (segments == first).all() and (sizes % first == 0).all():
        data = used.reshape(-1, first)
        return data, np.full(len(data), first, np.int64)
    number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    full = np.repeat(segments, counts)
    length = np.minimum(full, np.repeat(sizes, counts) - number * full)
    start = np.cumsum(length) - length
    width = max(HEADER_SIZE, int(length.max()))
    data = np.zeros((len(length), width), np.uint8)
    for size in np.unique(length).tolist():
        rows = np.flatnonzero(length == size)
        data[rows, :size] = used[start[rows][:, None] + np.arange(size)]
    return data, length


def _ssrc_of(block: PacketBlock) -> NDArray[np.int64]:
    """Return the SSRCs of RTP packets, and of RTCP on the same port (RFC 5761) the sender's."""
    rows, stride = block.data.shape
    if stride < HEADER_SIZE:
        return np.full(rows, _NONE, np.int64)
    found = np.ndarray((rows,), ">u4", block.data, 8, (stride,)).astype(np.int64)
    second = block.data[:, 1]
    control = np.flatnonzero((second >= RTCP_TYPES.start) & (second < RTCP_TYPES.stop))
    if len(control):
        found[control] = np.ndarray((rows,), ">u4", block.data, 4, (stride,))[control]
    return found


class SharedSocket:
    """Slots on one socket, with the interface of :class:`mediasim.net.udp.UdpSockets`.

    Nothing here raises once the socket is open: errors of the kernel are counted in ``errors`` by
    name.
    """

    def __init__(self, *, offload: bool = True) -> None:
        """``offload``: use segmentation where the kernel has it. Raises OSError."""
        self.errors: Counter[str] = Counter()
        self.sent = 0
        self.received = 0
        self.strange = 0
        """Datagrams that belong to no slot."""
        self._socket = bound_socket(LOOPBACK, 0)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        self.segments = offload and _has(self._socket, _SEGMENT_OPTION, 0)
        """Whether packets are sent many in one call."""
        self.coalesces = offload and _has(self._socket, _GRO_OPTION, 1)
        """Whether packets are received many in one call."""
        self._remotes: list[Address | None] = []
        self._free: list[int] = []
        self._claims: dict[tuple[Address, int], int] = {}
        self._table: _Demux | None = None
        self._room = bytearray(_FIRST_ROOM)
        self._used = 0
        """Bytes of the room that hold what was read."""
        self._reads: list[tuple[int, int, int, Address]] = []
        """Of each call: time (ns), bytes, bytes of a segment, and sender."""

    # -- slots ------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._remotes) - len(self._free)

    def open(self) -> int:
        """Open a slot."""
        if self._free:
            return self._free.pop()
        self._remotes.append(None)
        return len(self._remotes) - 1

    def address(self, slot: int = 0) -> Address:
        """Return the address of the socket: the same for all slots."""
        host, port = self._socket.getsockname()
        return host, port

    def connect(self, slot: int, remote: Address) -> None:
        """Send to a remote address, and receive from there."""
        self._remotes[slot] = remote
        self._table = None

    def claim(self, slot: int, ssrc: int) -> bool:
        """Give a slot the packets with this SSRC from its remote address, from now on.

        Returns False if another slot has claimed them. Raises LookupError for an unconnected slot.
        """
        remote = self._remotes[slot]
        if remote is None:
            raise LookupError(f"slot {slot} is not connected")
        holder = self._claims.setdefault((remote, ssrc), slot)
        self._table = None
        return holder == slot

    def close(self, slot: int) -> None:
        if self._remotes[slot] is None and slot in self._free:
            raise LookupError(f"slot {slot} is closed")
        self._remotes[slot] = None
        self._claims = {key: held for key, held in self._claims.items() if held != slot}
        self._free.append(slot)
        self._table = None

    def close_all(self) -> None:
        self._remotes.clear()
        self._free.clear()
        self._claims.clear()
        self._table = None
        self._socket.close()

    # -- datagrams in -----------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Wait until a datagram has come, for so long at most; return whether one has."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def read(self, now_ns: int) -> int:
        """Read what has come, as having arrived now; return how many datagrams."""
        count = 0
        # A flood is read up to here, so that it holds up no frame.
        ceiling = max(1, len(self)) * _MOST_OF_EACH
        while count < ceiling:
            found = self._read_one(now_ns)
            if not found:
                break
            count += found
        self.received += count
        return count

    def _read_one(self, now_ns: int) -> int:
        if self._used + _LARGEST > len(self._room):
            self._room = self._room + bytes(len(self._room))  # arrays may still look at the old
        room = memoryview(self._room)[self._used :]
        size = 0
        try:
            if self.coalesces:
                size, ancillary, _, source = self._socket.recvmsg_into([room], 64)
                segment = _segment_of(ancillary) or size
            else:
                size, source = self._socket.recvfrom_into(room)
                segment = size
        except BlockingIOError:
            return 0
        except OSError as error:
            self._refused(error)
            return 0
        finally:
            room.release()
        self._reads.append((now_ns, size, segment, source))
        self._used += size
        return -(-size // segment) if segment else 1

    def taken(self) -> ReadBatch | None:
        """Return everything read since the last call, in the order of reading; None for nothing."""
        if not self._reads:
            return None
        reads, self._reads = self._reads, []
        used, self._used = self._used, 0
        table = self._ready_table()
        times, sizes, segments = (
            np.array(column, np.int64) for column in list(zip(*reads, strict=True))[:3]
        )
        sources = np.array([table.sources.get(each[3], _NONE) for each in reads], np.int64)
        counts = np.maximum(1, -(-sizes // np.maximum(1, segments)))
        data, length = _as_rows(np.frombuffer(self._room, np.uint8, used), sizes, segments, counts)
        block = PacketBlock(data, length, np.repeat(times, counts))
        slots = table.slots_of(np.repeat(sources, counts), block)
        known = slots >= 0
        if not known.all():
            self.strange += int((~known).sum())
            chosen = np.flatnonzero(known)
            slots, block = slots[chosen], block.select(chosen)
        return ReadBatch(slots, block) if len(slots) else None

    def _ready_table(self) -> _Demux:
        if self._table is None:
            self._table = _Demux(self._remotes, self._claims)
        return self._table

    # -- datagrams out ----------------------------------------------------------------------

    def send(self, slot: int, datagram: bytes) -> bool:
        """Send to the slot's remote address; return whether the system took it."""
        remote = self._remotes[slot]
        if remote is None:
            raise LookupError(f"slot {slot} is not connected")
        return self._send_to(datagram, remote)

    def _send_to(self, datagram: Any, remote: Address) -> bool:
        try:
            self._socket.sendto(datagram, remote)
        except OSError as error:
            self._refused(error)
            return False
        self.sent += 1
        return True

    def send_many(self, slots: Sequence[int], datagrams: Sequence[bytes]) -> int:
        """Send a datagram from each of ``slots``; return how many the system took."""
        before = self.sent
        forms = (
            (self._remotes[slot], len(each)) for slot, each in zip(slots, datagrams, strict=True)
        )
        start = 0
        for (remote, size), run in itertools.groupby(forms):
            end = start + sum(1 for _ in run)
            if remote is not None and not size:
                for _ in range(end - start):
                    self._send_to(b"", remote)
            elif remote is not None:
                joined = np.frombuffer(b"".join(datagrams[start:end]), np.uint8)
                self.send_run(joined.reshape(end - start, size), remote)
            start = end
        return self.sent - before

    def send_run(self, packets: NDArray[np.uint8], remote: Address) -> int:
        """Send packets (n, size) to one address, many in a call; return how many were taken."""
        count, size = packets.shape
        step = max(1, min(_MOST_SEGMENTS, _MOST_AT_ONCE // max(1, size))) if self.segments else 1
        before = self.sent
        for start in range(0, count, step):
            piece = packets[start : start + step]
            if len(piece) == 1 or not self._send_segments(piece, size, remote):
                for row in piece:
                    self._send_to(row.data, remote)
        return self.sent - before

    def _send_segments(self, piece: NDArray[np.uint8], size: int, remote: Address) -> bool:
        """Send packets in one call; return False if the kernel cannot. Other errors are counted."""
        how = [(socket.IPPROTO_UDP, _SEGMENT_OPTION, struct.pack("=H", size))]
        try:
            self._socket.sendmsg([piece.data], how, 0, remote)
        except OSError as error:
            if error.errno in (errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.EMSGSIZE):
                # A device without checksum offload, or packets too large for it.
                self.segments = error.errno == errno.EMSGSIZE
                return False
            for _ in range(len(piece)):
                self._refused(error)
            return True
        self.sent += len(piece)
        return True

    def _refused(self, error: OSError) -> None:
        self.errors[error_name(error)] += 1


def _segment_of(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, value in ancillary:
        if level == socket.IPPROTO_UDP and kind == _GRO_OPTION:
            return int.from_bytes(value[:4], sys.byteorder)
    return 0


def _has(made: socket.socket, option: int, value: int) -> bool:
    """Set an option of UDP sockets; return whether the kernel knows it."""
    if sys.platform != "linux":
        return False
    try:
        made.setsockopt(socket.IPPROTO_UDP, option, value)
    except OSError:
        return False
    return True
