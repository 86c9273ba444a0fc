"""Writes UDP datagrams as a capture: pcap with nanoseconds, raw IPv4 (link type 101).

The same datagrams give the same bytes: IP identifications count up, and UDP checksums are left
out as RFC 768 allows.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from typing import Final

from mediasim.net.datagrams import Datagram

__all__ = ["capture_bytes"]

_HEADER: Final = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)


def capture_bytes(datagrams: Iterable[Datagram]) -> bytes:
    """The capture file of IPv4 datagrams, in the order given."""
    parts = [_HEADER]
    for number, datagram in enumerate(datagrams):
        data = _packet(datagram, number & 0xFFFF)
        seconds, fraction = divmod(datagram.at_ns, 1_000_000_000)
        parts += [struct.pack("<IIII", seconds, fraction, len(data), len(data)), data]
    return b"".join(parts)


def _packet(datagram: Datagram, number: int) -> bytes:
    (near, source), (far, destination) = datagram.source, datagram.destination
    size = 8 + len(datagram.payload)
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, number, 0, 64, 17, 0)
    head += ipaddress.IPv4Address(near).packed + ipaddress.IPv4Address(far).packed
    total = sum(struct.unpack(">10H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~total & 0xFFFF) + head[12:]
    return head + struct.pack(">HHHH", source, destination, size, 0) + datagram.payload
