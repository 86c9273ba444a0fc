"""Writes UDP datagrams as a capture: pcap with nanoseconds, raw IP (link type 101).

The same datagrams give the same bytes: IP identifications count up, and UDP checksums are left
out of IPv4 as RFC 768 allows.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from mediasim.captures.datagrams import Datagram

__all__ = ["capture_bytes", "capture_pieces"]

_HEADER: Final = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)


def capture_bytes(datagrams: Iterable[Datagram]) -> bytes:
    """The capture file of datagrams, in the order given."""
    return b"".join(capture_pieces(datagrams))


def capture_pieces(datagrams: Iterable[Datagram]) -> Iterator[bytes]:
    """The same piece by piece, for captures that are long."""
    yield _HEADER
    for number, datagram in enumerate(datagrams):
        data = _packet(datagram, number & 0xFFFF)
        seconds, fraction = divmod(datagram.at_ns, 1_000_000_000)
        yield struct.pack("<IIII", seconds, fraction, len(data), len(data))
        yield data


def _packet(datagram: Datagram, number: int) -> bytes:
    (near, source), (far, destination) = datagram.source, datagram.destination
    addresses = _packed(near) + _packed(far)
    size = 8 + len(datagram.payload)
    udp = struct.pack(">HHHH", source, destination, size, 0) + datagram.payload
    if len(addresses) == 32:
        total = _checksum(addresses + struct.pack(">II", size, 17) + udp) or 0xFFFF
        head = struct.pack(">IHBB", 6 << 28, size, 17, 64) + addresses
        return head + udp[:6] + struct.pack(">H", total) + udp[8:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, number, 0, 64, 17, 0) + addresses
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


@lru_cache
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed


def _checksum(data: bytes) -> int:
    """Of RFC 1071."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
