"""The server's RTCP about one leg: what it sent to the party, and how it received it.

RFC 3550 section 6.4: a sender report while the server sends, a receiver report otherwise, each with
a block about the party's stream and the CNAME; a BYE when the leg ends. The interval is the five
seconds of section 6.2, without the random part, which keeps many members from reporting at once: a
leg has two.
"""

from __future__ import annotations

from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.media.leg import Leg
from mediasim.rtp.reception import Reception
from mediasim.rtp.rtcp import (
    Bye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    build,
    fraction_lost,
    ntp_of_ns,
)
from mediasim.rtp.sender import RtpSender

__all__ = ["REPORT_EVERY_NS", "LegReports", "sender_report"]

REPORT_EVERY_NS: Final = 5 * NS_PER_SECOND
"""Nanoseconds from one report to the next."""
_LIMIT: Final = (1 << 23) - 1
"""Largest count of lost packets in a report block."""


def sender_report(
    sender: RtpSender, now_ns: int, unix_ns: int, blocks: tuple[ReportBlock, ...] = ()
) -> SenderReport:
    """Return the report of a stream for loop time ``now_ns``, dated ``unix_ns`` (ns since 1970)."""
    elapsed = now_ns * 8 // 1_000_000
    return SenderReport(
        ssrc=sender.ssrc,
        ntp=ntp_of_ns(unix_ns),
        rtp_timestamp=(sender.first_timestamp + elapsed * sender.ticks_per_sample) & 0xFFFFFFFF,
        packet_count=sender.sent & 0xFFFFFFFF,
        octet_count=sender.octets & 0xFFFFFFFF,
        reports=blocks,
    )


class LegReports:
    """Makes one leg's reports, one after the other."""

    def __init__(self, leg: Leg, cname: str) -> None:
        self._leg = leg
        self._cname = cname
        self._expected = 0
        self._received = 0

    def make(self, reception: Reception, now_ns: int, unix_ns: int, *, last: bool = False) -> bytes:
        """Build the compound packet for loop time ``now_ns``, dated ``unix_ns`` (ns since 1970).

        ``last``: with a BYE.
        """
        sender = self._leg.sender
        blocks = (self._block(reception),) if reception.received else ()
        report: SenderReport | ReceiverReport
        if sender.sent:
            report = sender_report(sender, now_ns, unix_ns, blocks)
        else:
            report = ReceiverReport(sender.ssrc, blocks)
        rest = [SourceDescription(((sender.ssrc, self._cname),))]
        return build([report, *rest, *([Bye((sender.ssrc,))] if last else [])])

    def _block(self, reception: Reception) -> ReportBlock:
        """Build the report block about the party's stream, since the last report."""
        expected = reception.expected - self._expected
        received = reception.received - self._received
        self._expected, self._received = reception.expected, reception.received
        ticks = self._leg.stream.ticks_per_sample
        return ReportBlock(
            ssrc=max(0, self._leg.stream.lock.ssrc),
            fraction_lost=fraction_lost(expected, received),
            cumulative_lost=min(reception.lost, _LIMIT),
            highest_seq=(reception.highest_sequence - (1 << 16)) & 0xFFFFFFFF,
            jitter=round(reception.jitter * ticks),
            lsr=0,  # simulated parties send no sender reports
            dlsr=0,
        )
