"""Capture files: pcap and pcapng as lists of captured frames.

pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. What is cut off at the end of a
file is left out and said; anything else that is wrong raises CaptureError and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["Capture", "CaptureError", "CapturedFrame", "read_capture"]

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
"""Bytes of a block or frame beyond which the file is damaged."""


class CaptureError(ValueError):
    """The file is no capture that can be read; says why in words."""


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One frame as it was captured."""

    at_ns: int
    """Unix time."""
    link_type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """What a capture file holds."""

    frames: tuple[CapturedFrame, ...]
    truncated: bool
    """Whether the file ends in the middle of a frame."""


def read_capture(data: bytes) -> Capture:
    """The frames of a capture file's bytes, in the file's order. Raises CaptureError."""
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
