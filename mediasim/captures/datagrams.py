"""UDP datagrams in captured frames: Ethernet, Linux cooked, loopback, raw IP; IPv4 and IPv6.

Fragments of IP packets, and what is cut short by a snapshot length, are no datagrams.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mediasim.captures.reader import CapturedFrame

__all__ = ["Datagram", "datagram_in"]

_IP4, _IP6, _UDP = 0x0800, 0x86DD, 17
_VLANS: Final = (0x8100, 0x88A8, 0x9100)
_EXTENSIONS: Final = (0, 43, 60, 135)
"""IPv6 headers that may stand before UDP: hop by hop, routing, destination, mobility."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram."""

    at_ns: int
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


def datagram_in(frame: CapturedFrame) -> Datagram | None:
    """The frame's datagram; None if it holds no whole one."""
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
    """What follows the protocol number at ``at``, VLAN tags taken off."""
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
    return Datagram(at_ns, (_shown(near), source), (_shown(far), destination), payload)


@lru_cache
def _shown(address: bytes) -> str:
    return str(ipaddress.ip_address(address))
