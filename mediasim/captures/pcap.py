"""Capture files: pcap and pcapng as captured frames, the UDP datagrams in them, and pcap written.

pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. What is cut off at the end of a file
is left out and reported; anything else that is wrong raises CaptureError and nothing else.
Datagrams are found in Ethernet, Linux cooked, loopback and raw IP frames, in IPv4 and IPv6.
Fragments of IP packets, and what is cut short by a snapshot length, are no datagrams.

Datagrams are written with nanoseconds, as raw IP (link type 101). The same datagrams give the same
bytes: IP identifications count up, and UDP checksums are left out of IPv4 as RFC 768 allows.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = [
    "Capture",
    "CaptureError",
    "CapturedFrame",
    "Datagram",
    "capture_bytes",
    "capture_pieces",
    "datagram_in",
    "read_capture",
]

_IP4, _IP6, _UDP = 0x0800, 0x86DD, 17
_VLANS: Final = (0x8100, 0x88A8, 0x9100)
_EXTENSIONS: Final = (0, 43, 60, 135)
"""IPv6 headers that may stand before UDP: hop by hop, routing, destination, mobility."""
_HEADER: Final = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)
_PCAP: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}
"""Byte order and nanoseconds in a unit of time, by the file's first bytes."""
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_LONGEST: Final = 1 << 24
"""Bytes of a block or frame beyond which the file is taken to be damaged."""


# -- frames -------------------------------------------------------------------------------------


class CaptureError(ValueError):
    """Raised for a file that is no capture that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One frame as it was captured."""

    at_ns: int
    """Unix time of the capture in nanoseconds."""
    link_type: int
    """Link type of the interface, as tcpdump.org numbers them."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """The contents of a capture file."""

    frames: tuple[CapturedFrame, ...]
    truncated: bool
    """Whether the file ends in the middle of a frame."""


def read_capture(data: bytes) -> Capture:
    """Parse the frames of a capture file's bytes, in the file's order. Raises CaptureError."""
    if data[:4] in _PCAP:
        return _read_pcap(data, *_PCAP[data[:4]])
    if data[:4] == _SECTION:
        return _read_pcapng(data)
    raise CaptureError("expected a pcap or pcapng capture: the file begins like neither")


def _read_pcap(data: bytes, order: str, unit_ns: int) -> Capture:
    if len(data) < 24:
        raise CaptureError("the capture ends within its header")
    link_type = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    record = struct.Struct(order + "IIII")
    frames = []
    at = 24
    while at + record.size <= len(data):
        seconds, fraction, size, _ = record.unpack_from(data, at)
        if size > _LONGEST:
            raise CaptureError(f"the capture is damaged at byte {at}: a frame of {size} bytes")
        start = at + record.size
        if start + size > len(data):
            break
        at = start + size
        time_ns = seconds * 1_000_000_000 + fraction * unit_ns
        frames.append(CapturedFrame(time_ns, link_type, data[start:at]))
    return Capture(tuple(frames), truncated=at != len(data))


def _read_pcapng(data: bytes) -> Capture:
    frames: list[CapturedFrame] = []
    interfaces: list[tuple[int, int, int]] = []  # link type, units in a second, offset in seconds
    order = "<"
    at = 0
    while at + 12 <= len(data):
        if data[at : at + 4] == _SECTION:
            order = ">" if data[at + 8 : at + 12] == b"\x1a\x2b\x3c\x4d" else "<"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or size % 4 or size > _LONGEST:
            raise CaptureError(f"the capture is damaged at byte {at}: a block of {size} bytes")
        if at + size > len(data):
            break
        body = data[at + 8 : at + size - 4]
        if kind == _INTERFACE and len(body) >= 8:
            interfaces.append(_interface(body, order))
        elif kind == _ENHANCED and len(body) >= 20:
            frames.append(_enhanced(body, order, interfaces, at))
        elif kind == _SIMPLE:
            raise CaptureError("the capture holds frames without times (simple packet blocks)")
        at += size
    return Capture(tuple(frames), truncated=at != len(data))


def _interface(body: bytes, order: str) -> tuple[int, int, int]:
    (link_type,) = struct.unpack_from(order + "H", body)
    units, offset = 1_000_000, 0
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and len(value) == 1:  # if_tsresol: a power of ten, or of two
            power = value[0]
            units = 2 ** (power & 0x7F) if power & 0x80 else 10**power
        elif code == 14 and len(value) == 8:  # if_tsoffset
            (offset,) = struct.unpack(order + "q", value)
        at += 4 + (size + 3) // 4 * 4
    return link_type, units, offset


def _enhanced(
    body: bytes, order: str, interfaces: list[tuple[int, int, int]], at: int
) -> CapturedFrame:
    number, high, low, size = struct.unpack_from(order + "IIII", body)
    if number >= len(interfaces) or 20 + size > len(body):
        raise CaptureError(f"the capture is damaged at byte {at}: a frame that does not fit")
    link_type, units, offset = interfaces[number]
    time_ns = offset * 1_000_000_000 + (high << 32 | low) * 1_000_000_000 // units
    return CapturedFrame(time_ns, link_type, body[20 : 20 + size])


# -- datagrams ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram."""

    at_ns: int
    """Unix time of the capture in nanoseconds."""
    source: tuple[str, int]
    """Address and port of the sender."""
    destination: tuple[str, int]
    """Address and port of the receiver."""
    payload: bytes


def datagram_in(frame: CapturedFrame) -> Datagram | None:
    """Return the frame's datagram; None if it holds no whole one."""
    data = frame.data
    try:
        found = _ip_of(frame.link_type, data)
        return None if found is None else _udp_of(frame.at_ns, found)
    except (IndexError, struct.error):
        return None


def _ip_of(link_type: int, data: bytes) -> bytes | None:
    match link_type:
        case 1:  # Ethernet
            return _tagged(data, 12)
        case 113:  # Linux cooked
            return _tagged(data, 14)
        case 276:  # Linux cooked, version 2: the protocol stands first
            inner = data[20:]
            protocol = struct.unpack_from(">H", data)[0]
            return _tagged(data[:2] + inner, 0) if protocol in (_IP4, _IP6, *_VLANS) else None
        case 0 | 108:  # loopback: four bytes of address family
            return data[4:]
        case 12 | 14 | 101 | 228 | 229:  # raw IP
            return data
    return None


def _tagged(data: bytes, at: int) -> bytes | None:
    """Return the IP packet behind the protocol number at ``at``, without VLAN tags, if any."""
    (protocol,) = struct.unpack_from(">H", data, at)
    while protocol in _VLANS:
        at += 4
        (protocol,) = struct.unpack_from(">H", data, at)
    return data[at + 2 :] if protocol in (_IP4, _IP6) else None


def _udp_of(at_ns: int, ip: bytes) -> Datagram | None:
    version = ip[0] >> 4
    if version == 4:
        start, protocol = 4 * (ip[0] & 15), ip[9]
        fragment = struct.unpack_from(">H", ip, 6)[0] & 0x3FFF
        addresses = ip[12:16], ip[16:20]
        if start < 20 or fragment:
            return None
    elif version == 6:
        start, protocol = 40, ip[6]
        addresses = ip[8:24], ip[24:40]
        while protocol in _EXTENSIONS:
            protocol, start = ip[start], start + 8 * (ip[start + 1] + 1)
    else:
        return None
    if protocol != _UDP:
        return None
    source, destination, size = struct.unpack_from(">HHH", ip, start)
    payload = ip[start + 8 : start + size]
    if size < 8 or len(payload) != size - 8:
        return None
    near, far = addresses
    return Datagram(at_ns, (_host_text(near), source), (_host_text(far), destination), payload)


@lru_cache
def _host_text(address: bytes) -> str:
    return str(ipaddress.ip_address(address))


# -- written ------------------------------------------------------------------------------------


def capture_bytes(datagrams: Iterable[Datagram]) -> bytes:
    """Return the capture file of datagrams, in the order given."""
    return b"".join(capture_pieces(datagrams))


def capture_pieces(datagrams: Iterable[Datagram]) -> Iterator[bytes]:
    """Yield a capture file piece by piece, for long captures."""
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
        # 0 would mean no checksum, which UDP over IPv6 must have (RFC 8200 section 8.1).
        total = _checksum(addresses + struct.pack(">II", size, 17) + udp) or 0xFFFF
        head = struct.pack(">IHBB", 6 << 28, size, 17, 64) + addresses
        return head + udp[:6] + struct.pack(">H", total) + udp[8:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, number, 0, 64, 17, 0) + addresses
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


@lru_cache
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host).packed


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
