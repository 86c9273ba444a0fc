"""Blocks of RTP packets as arrays of bytes (RFC 3550 section 5.1).

A block of n packets is one ``uint8`` array ``(n, stride)`` with the packets' lengths beside it;
headers are built and parsed for all rows at once. Nothing here keeps state.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HEADER_SIZE",
    "PLAIN",
    "RTCP_TYPES",
    "PacketBlock",
    "Parsed",
    "as_rows",
    "block_of",
    "build",
    "equal_rows",
    "equal_runs",
    "header_fields",
    "joined",
    "parse",
]

HEADER_SIZE: Final = 12
RTCP_TYPES: Final = range(192, 224)
"""Second bytes of RTCP packets on the port of RTP (RFC 5761 section 4)."""
_HEADER: Final = np.dtype(
    [("b0", "u1"), ("b1", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
PLAIN: Final = 0x80
"""First byte of a plain header: version 2, no padding, no extension, no CSRC."""


@dataclass(frozen=True, slots=True)
class PacketBlock:
    """n packets with the time each arrived, in order of arrival."""

    data: NDArray[np.uint8]
    """(n, stride) bytes; a row holds one datagram from its start."""
    length: NDArray[np.int64]
    """(n,) bytes used in each row."""
    arrival: NDArray[np.int64]
    """(n,) nanoseconds of loop time."""

    def __len__(self) -> int:
        return len(self.length)

    def select(self, chosen: NDArray[np.intp]) -> PacketBlock:
        """Return the packets with these indices, as copies."""
        # take() copies whole rows, indexing copies byte by byte.
        data = self.data.take(chosen, axis=0)
        return PacketBlock(data, self.length[chosen], self.arrival[chosen])

    def between(self, start: int, end: int) -> PacketBlock:
        """Return packets ``start .. end``, not copied."""
        span = slice(start, end)
        return PacketBlock(self.data[span], self.length[span], self.arrival[span])


def equal_runs(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each run of equal neighbours in values (n,)."""
    edges = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
    return itertools.pairwise([0, *edges, len(values)]) if len(values) else iter(())


def block_of(datagrams: Sequence[tuple[int, bytes | NDArray[np.uint8]]]) -> PacketBlock:
    """Make a block of single datagrams, each given with its arrival in nanoseconds of loop time."""
    length = np.array([len(packet) for _, packet in datagrams], np.int64)
    data = np.zeros((len(datagrams), int(length.max(initial=0))), np.uint8)
    for row, (_, packet) in zip(data, datagrams, strict=True):
        row[: len(packet)] = np.frombuffer(packet, np.uint8)
    return PacketBlock(data, length, np.array([at_ns for at_ns, _ in datagrams], np.int64))


def joined(blocks: Sequence[PacketBlock]) -> PacketBlock:
    """Concatenate blocks, at least one; rows of narrower blocks are padded."""
    if len(blocks) == 1:
        return blocks[0]
    width = max(block.data.shape[1] for block in blocks)
    return PacketBlock(
        np.concatenate([_widened(block.data, width) for block in blocks]),
        np.concatenate([block.length for block in blocks]),
        np.concatenate([block.arrival for block in blocks]),
    )


def equal_rows(payloads: Sequence[bytes]) -> list[NDArray[np.uint8]]:
    """Return payloads in their order as arrays (n, size), as few as their sizes allow."""
    return [
        np.frombuffer(b"".join(same), np.uint8).reshape(-1, size)
        for size, same in itertools.groupby(payloads, len)
    ]


def as_rows(
    packets: Sequence[NDArray[np.uint8]],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return arrays of packets (n, size) as one of padded rows, and the packets' sizes (n,)."""
    width = max(data.shape[1] for data in packets)
    rows = (
        packets[0] if len(packets) == 1 else np.concatenate([_widened(p, width) for p in packets])
    )
    length = np.repeat([data.shape[1] for data in packets], [len(data) for data in packets])
    return rows, length


def _widened(data: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    short = width - data.shape[1]
    return np.pad(data, ((0, 0), (0, short))) if short else data


@dataclass(frozen=True, slots=True)
class Parsed:
    """The header fields of a block, a column each; rows that are not RTP have ``ok`` False."""

    ok: NDArray[np.bool_]
    payload_type: NDArray[np.uint8]
    marker: NDArray[np.bool_]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ssrc: NDArray[np.int64]
    offset: NDArray[np.int64]
    """Index of the first byte of the payload."""
    size: NDArray[np.int64]
    """Bytes of payload, without padding."""


def header_fields(data: NDArray[np.uint8]) -> NDArray[np.void]:
    """Return a view of the headers of packets (n, stride), C-contiguous, as fields (n,)."""
    return np.ndarray((len(data),), _HEADER, data, 0, (data.shape[1],))


def build(
    payload: NDArray[np.uint8],
    *,
    payload_type: int,
    sequence: NDArray[np.int64],
    timestamp: NDArray[np.int64],
    ssrc: int | NDArray[np.int64],
    marker: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Put RTP headers before payloads of equal size.

    ``payload`` is (n, size); ``sequence`` and ``timestamp`` are unwrapped and are cut to their
    16 and 32 bits here. Returns (n, 12 + size).
    """
    rows, size = payload.shape
    data = np.empty((rows, HEADER_SIZE + size), np.uint8)
    data[:, HEADER_SIZE:] = payload
    head = header_fields(data)
    head["b0"] = PLAIN
    head["b1"] = payload_type
    if marker is not None:
        data[marker, 1] |= 0x80
    head["sequence"] = sequence & 0xFFFF
    head["timestamp"] = timestamp & 0xFFFFFFFF
    head["ssrc"] = ssrc
    return data


def parse(data: NDArray[np.uint8], length: NDArray[np.int64]) -> Parsed:
    """Read the headers of a block.

    Rows of another version, cut short, with a CSRC list, extension or padding longer than the
    packet, and RTCP on the same port (RFC 5761) come back with ``ok`` False; nothing raises.
    """
    rows, stride = data.shape
    if stride < HEADER_SIZE:
        data = np.pad(data, ((0, 0), (0, HEADER_SIZE - stride)))
        stride = HEADER_SIZE
    if not data.flags.c_contiguous:
        data = np.ascontiguousarray(data)
    head = header_fields(data)
    first = head["b0"]
    second = head["b1"]
    ok = (length >= HEADER_SIZE) & ((second < RTCP_TYPES.start) | (second >= RTCP_TYPES.stop))
    offset = np.full(rows, HEADER_SIZE, np.int64)
    size = length - HEADER_SIZE
    plain = first == PLAIN
    if not plain.all():
        odd = np.flatnonzero(~plain & ok)
        ok &= (first >> 6) == 2
        _measure_odd(data, length, odd, ok, offset, size)
    return Parsed(
        ok=ok,
        payload_type=(second & 0x7F).astype(np.uint8),
        marker=second >= 0x80,
        sequence=head["sequence"].astype(np.uint16),
        timestamp=head["timestamp"].astype(np.uint32),
        ssrc=head["ssrc"].astype(np.int64),
        offset=offset,
        size=size,
    )


def _measure_odd(
    data: NDArray[np.uint8],
    length: NDArray[np.int64],
    odd: NDArray[np.intp],
    ok: NDArray[np.bool_],
    offset: NDArray[np.int64],
    size: NDArray[np.int64],
) -> None:
    """Find where the payload starts and ends in rows with CSRC, extension or padding."""
    for row in odd[ok[odd]].tolist():
        first = int(data[row, 0])
        end = int(length[row])
        start = HEADER_SIZE + 4 * (first & 0x0F)
        if first & 0x10:
            if start + 4 > end:
                ok[row] = False
                continue
            start += 4 + 4 * (int(data[row, start + 2]) << 8 | int(data[row, start + 3]))
        if first & 0x20 and start < end:
            padding = int(data[row, end - 1])
            if padding == 0:
                ok[row] = False
                continue
            end -= padding
        if start > end:
            ok[row] = False
            continue
        offset[row] = start
        size[row] = end - start
