"""RTCP: reports of sender and receiver about a stream (RFC 3550 section 6).

``build`` makes a compound packet of sender and receiver reports, source descriptions (of their
items only the CNAME) and goodbyes; ``parse`` reads one back. Other kinds of packets, other items
and profile extensions are skipped. Nothing here keeps state or knows the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from struct import Struct, error
from typing import Final

__all__ = [
    "Bye",
    "ReceiverReport",
    "ReportBlock",
    "RtcpError",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "build",
    "dlsr_of_ns",
    "fraction_lost",
    "lsr_of_ntp",
    "ntp_of_ns",
    "parse",
    "round_trip_ns",
]

_SENDER_REPORT: Final = 200
_RECEIVER_REPORT: Final = 201
_SOURCE_DESCRIPTION: Final = 202
_GOODBYE: Final = 203
_CNAME: Final = 1

_VERSION: Final = 2
_PADDED: Final = 0x20
_MAX_COUNT: Final = 31
"""Reports or sources in one packet at most: the header counts them in five bits."""
_MAX_TEXT: Final = 255
_MAX_LOST: Final = 0x7FFFFF
_NTP_OF_1970: Final = 2_208_988_800
"""Seconds from NTP's epoch, 1900, to that of Unix."""
_NS: Final = 1_000_000_000
_U32: Final = 0xFFFFFFFF

_HEADER: Final = Struct("!BBH")
_SSRC: Final = Struct("!L")
_SENDER: Final = Struct("!LQLLL")
_BLOCK: Final = Struct("!LLLLLL")


class RtcpError(ValueError):
    """Raised for bytes that are not RTCP, or numbers that do not fit into it."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """Reception of one stream (section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """Share lost since the last report, in 1/256: see :func:`fraction_lost`."""
    cumulative_lost: int
    """Packets lost so far, negative with more duplicates than losses; held within 24 bits."""
    highest_seq: int
    """Highest sequence number received, count of wraps in the upper 16 bits."""
    jitter: int
    """Interarrival jitter in timestamp units."""
    lsr: int
    """Middle 32 bits of the last sender report's NTP time, 0 if there was none."""
    dlsr: int
    """Time since that report, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """A sender's packets so far, and its reception of others (section 6.4.1)."""

    ssrc: int
    ntp: int
    """NTP time, 64 bits: :func:`ntp_of_ns`."""
    rtp_timestamp: int
    """The same instant on the stream's media clock."""
    packet_count: int
    octet_count: int
    """Bytes of payload sent."""
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """The reception of others by a participant that sends nothing (section 6.4.2)."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """The lasting names of sources (section 6.5)."""

    cnames: tuple[tuple[int, str | None], ...]
    """(SSRC, CNAME) of each; None if the packet names the source in another way only."""


@dataclass(frozen=True, slots=True)
class Bye:
    """Sources that leave (section 6.6)."""

    ssrcs: tuple[int, ...]
    reason: str | None = None


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye


# -- build -----------------------------------------------------------------------------------


def build(packets: Iterable[RtcpPacket]) -> bytes:
    """Build the bytes of a compound packet.

    Raises RtcpError if the first is no report (section 6.1), or if something does not fit.
    """
    listed = list(packets)
    if not listed or not isinstance(listed[0], SenderReport | ReceiverReport):
        raise RtcpError("a compound packet starts with a sender or receiver report")
    try:
        return b"".join(map(_built, listed))
    except error as problem:
        raise RtcpError(f"a field does not fit its bits: {problem}") from None


def _built(packet: RtcpPacket) -> bytes:
    match packet:
        case SenderReport():
            sender = _SENDER.pack(
                packet.ssrc,
                packet.ntp,
                packet.rtp_timestamp,
                packet.packet_count,
                packet.octet_count,
            )
            body = sender + _built_reports(packet.reports)
            return _with_header(_SENDER_REPORT, len(packet.reports), body)
        case ReceiverReport():
            body = _SSRC.pack(packet.ssrc) + _built_reports(packet.reports)
            return _with_header(_RECEIVER_REPORT, len(packet.reports), body)
        case SourceDescription():
            body = b"".join(_built_source(ssrc, cname) for ssrc, cname in packet.cnames)
            return _with_header(_SOURCE_DESCRIPTION, len(packet.cnames), body)
        case Bye():
            body = b"".join(map(_SSRC.pack, packet.ssrcs))
            if packet.reason is not None:
                body += _built_text(packet.reason)
            return _with_header(_GOODBYE, len(packet.ssrcs), body + bytes(-len(body) % 4))


def _with_header(packet_type: int, count: int, body: bytes) -> bytes:
    if count > _MAX_COUNT:
        raise RtcpError(f"{count} entries in one RTCP packet: {_MAX_COUNT} at most")
    return _HEADER.pack(_VERSION << 6 | count, packet_type, len(body) // 4) + body


def _built_reports(reports: Sequence[ReportBlock]) -> bytes:
    return b"".join(map(_built_report, reports))


def _built_report(report: ReportBlock) -> bytes:
    if not 0 <= report.fraction_lost <= 255:
        raise RtcpError(f"a fraction lost of {report.fraction_lost}: expected 0 to 255")
    # RFC 3550 A.3: the 24 signed bits saturate, they do not wrap.
    lost = max(-_MAX_LOST - 1, min(report.cumulative_lost, _MAX_LOST)) & 0xFFFFFF
    return _BLOCK.pack(
        report.ssrc,
        report.fraction_lost << 24 | lost,
        report.highest_seq,
        report.jitter,
        report.lsr,
        report.dlsr,
    )


def _built_source(ssrc: int, cname: str | None) -> bytes:
    chunk = _SSRC.pack(ssrc)
    if cname is not None:
        chunk += bytes((_CNAME,)) + _built_text(cname)
    # At least one zero octet ends the list of items, more fill the last word.
    return chunk + bytes(4 - len(chunk) % 4)


def _built_text(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise RtcpError(f"{text!r} cannot be written in UTF-8") from None
    if len(data) > _MAX_TEXT:
        raise RtcpError(f"a text of {len(data)} bytes: {_MAX_TEXT} at most")
    return bytes((len(data),)) + data


# -- parse -----------------------------------------------------------------------------------


def parse(data: bytes) -> list[RtcpPacket]:
    """Parse the packets of a datagram, in order. Raises RtcpError if it is malformed.

    Packets of reduced size, which start with no report (RFC 5506), are accepted too.
    """
    packets: list[RtcpPacket] = []
    start = 0
    while start < len(data) or not data:
        _require(data, start + _HEADER.size, "header")
        first, packet_type, words = _HEADER.unpack_from(data, start)
        if first >> 6 != _VERSION:
            raise RtcpError(f"RTP version {first >> 6}: expected {_VERSION}")
        body_at = start + _HEADER.size
        start = body_at + 4 * words
        _require(data, start, "packet")
        parser = _PARSERS.get(packet_type)
        if parser is not None:
            body = _without_padding(data[body_at:start], bool(first & _PADDED))
            packets.append(parser(body, first & _MAX_COUNT))
    return packets


def _without_padding(body: bytes, padded: bool) -> bytes:
    if not padded:
        return body
    padding = body[-1] if body else 0
    if not 0 < padding <= len(body):
        raise RtcpError(f"{padding} bytes of padding in a packet of {len(body)}")
    return body[:-padding]


def _require(body: bytes, size: int, what: str) -> None:
    if len(body) < size:
        raise RtcpError(f"a {what} cut short: {len(body)} bytes of {size}")


def _parsed_sender(body: bytes, count: int) -> SenderReport:
    _require(body, _SENDER.size + _BLOCK.size * count, "sender report")
    ssrc, ntp, rtp_timestamp, packet_count, octet_count = _SENDER.unpack_from(body)
    reports = _parsed_reports(body, _SENDER.size, count)
    return SenderReport(ssrc, ntp, rtp_timestamp, packet_count, octet_count, reports)


def _parsed_receiver(body: bytes, count: int) -> ReceiverReport:
    _require(body, _SSRC.size + _BLOCK.size * count, "receiver report")
    (ssrc,) = _SSRC.unpack_from(body)
    return ReceiverReport(ssrc, _parsed_reports(body, _SSRC.size, count))


def _parsed_reports(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    reports = []
    for index in range(count):
        ssrc, loss, highest_seq, jitter, lsr, dlsr = _BLOCK.unpack_from(
            body, start + _BLOCK.size * index
        )
        lost = loss & 0xFFFFFF
        if lost > _MAX_LOST:
            lost -= 1 << 24
        reports.append(ReportBlock(ssrc, loss >> 24, lost, highest_seq, jitter, lsr, dlsr))
    return tuple(reports)


def _parsed_sources(body: bytes, count: int) -> SourceDescription:
    cnames = []
    start = 0
    for _ in range(count):
        _require(body, start + _SSRC.size, "source description")
        (ssrc,) = _SSRC.unpack_from(body, start)
        cname, start = _parsed_items(body, start + _SSRC.size)
        cnames.append((ssrc, cname))
    return SourceDescription(tuple(cnames))


def _parsed_items(body: bytes, start: int) -> tuple[str | None, int]:
    """Return the CNAME among a source's items, and where the next source starts."""
    cname = None
    while True:
        _require(body, start + 1, "source description")
        if body[start] == 0:
            return cname, start + 4 - start % 4
        text, end = _parsed_text(body, start + 1)
        if body[start] == _CNAME:
            cname = text
        start = end


def _parsed_text(body: bytes, start: int) -> tuple[str, int]:
    """Return a counted text and where it ends."""
    _require(body, start + 1, "text")
    end = start + 1 + body[start]
    _require(body, end, "text")
    return body[start + 1 : end].decode(errors="replace"), end


def _parsed_bye(body: bytes, count: int) -> Bye:
    end = _SSRC.size * count
    _require(body, end, "goodbye")
    ssrcs = tuple(ssrc for (ssrc,) in _SSRC.iter_unpack(body[:end]))
    reason = _parsed_text(body, end)[0] if len(body) > end else None
    return Bye(ssrcs, reason)


_PARSERS: Final[dict[int, Callable[[bytes, int], RtcpPacket]]] = {
    _SENDER_REPORT: _parsed_sender,
    _RECEIVER_REPORT: _parsed_receiver,
    _SOURCE_DESCRIPTION: _parsed_sources,
    _GOODBYE: _parsed_bye,
}


# -- times and shares ------------------------------------------------------------------------


def ntp_of_ns(ns: int) -> int:
    """Convert nanoseconds since 1970 to 64-bit NTP time (section 4)."""
    seconds, rest = divmod(ns, _NS)
    return (seconds + _NTP_OF_1970 & _U32) << 32 | (rest << 32) // _NS


def lsr_of_ntp(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time, by which a report block names a sender report."""
    return ntp >> 16 & _U32


def dlsr_of_ns(ns: int) -> int:
    """Convert a duration to 1/65536 s, limited to 32 bits (18 hours)."""
    return min((ns << 16) // _NS, _U32)


def round_trip_ns(arrival_ntp: int, report: ReportBlock) -> int | None:
    """Return the round trip time that a report block implies for its sender, in nanoseconds.

    ``arrival_ntp`` is when it came, on the clock of the sender's own reports. None if the other
    side had no sender report yet. Clocks of different speed may make a short time come out
    negative: it is 0 then.
    """
    if report.lsr == 0:
        return None
    units = (lsr_of_ntp(arrival_ntp) - report.lsr - report.dlsr) & _U32
    if units > _U32 >> 1:
        return 0
    return units * _NS >> 16


def fraction_lost(expected: int, received: int) -> int:
    """Return the share of packets lost between two reports, in 1/256 (appendix A.3)."""
    lost = expected - received
    if expected <= 0 or lost <= 0:
        return 0
    return min((lost << 8) // expected, 255)
