"""The server's RTCP about a leg: its figures are those of what was sent and received."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
from wiring import Heard, Wiring, voice

from mediasim.media.leg import Leg
from mediasim.media.reports import LegReports
from mediasim.rtp.rtcp import Bye, ReceiverReport, SenderReport, SourceDescription, parse
from mediasim.rtp.sender import RtpSender
from mediasim.rtp.stream import StreamFormat

FRAME_NS = 20_000_000
DATE_NS = 1_767_600_000 * 1_000_000_000


class Reported:
    """A leg and its reports."""

    def __init__(self, *, lost: Collection[int] = (), first_sequence: int = 100) -> None:
        self.wiring = Wiring()
        self.leg: Leg = self.wiring.leg(
            "ann", voice("ann", 200), lost=lost, first_sequence=first_sequence
        )
        self.reports = LegReports(self.leg, "ann@here")

    def at(self, frame: int, *, last: bool = False) -> SenderReport:
        """The report for a frame, which must be a sender's."""
        self.wiring.go(frame)
        self.wiring.plane.catch_up(self.wiring.room)
        now_ns = frame * FRAME_NS
        reception = self.wiring.plane.reception(self.leg)
        self.packet = self.reports.make(reception, now_ns, DATE_NS + now_ns, last=last)
        report = parse(self.packet)[0]
        assert isinstance(report, SenderReport)
        return report


def test_it_tells_how_much_was_sent() -> None:
    report = Reported().at(50)
    assert (report.packet_count, report.octet_count) == (50, 50 * 160)


def test_its_two_clocks_are_of_the_same_moment() -> None:
    wiring = Wiring()
    sender = RtpSender("PCMU", ssrc=9, first_timestamp=0xFFFFFF00)
    leg = wiring.room.add_leg("ann", StreamFormat(), sender)
    wiring.room.connect(leg, sink=Heard())
    reports = LegReports(leg, "ann@here")
    wiring.go(100)
    wiring.plane.catch_up(wiring.room)
    now_ns = 100 * FRAME_NS + 1_000_000
    (report, *_) = parse(reports.make(wiring.plane.reception(leg), now_ns, DATE_NS, last=False))
    assert isinstance(report, SenderReport)
    assert report.ntp >> 32 == 1_767_600_000 + 2_208_988_800
    assert report.rtp_timestamp == (0xFFFFFF00 + 100 * 160 + 8) & 0xFFFFFFFF


def test_opus_counts_timestamps_at_48_khz() -> None:
    wiring = Wiring()
    sender = RtpSender("OPUS", ssrc=9, first_timestamp=1000)
    leg = wiring.room.add_leg("ann", StreamFormat("OPUS", 111), sender)
    sender.wrap(np.zeros((1, 20), np.uint8), np.zeros(1, np.int64))
    reports = LegReports(leg, "ann@here")
    (report, *_) = parse(reports.make(wiring.plane.reception(leg), FRAME_NS, DATE_NS))
    assert isinstance(report, SenderReport)
    assert report.rtp_timestamp == 1000 + 960


def test_who_sends_nothing_reports_as_a_receiver() -> None:
    wiring = Wiring()
    leg = wiring.leg("ann", voice("ann", 20))
    wiring.room.send_to(leg, None)
    wiring.go(30)
    wiring.plane.catch_up(wiring.room)
    reports = LegReports(leg, "ann@here")
    (report, *_) = parse(reports.make(wiring.plane.reception(leg), 0, DATE_NS))
    assert isinstance(report, ReceiverReport)
    assert report.reports[0].cumulative_lost == 0


def test_there_is_no_block_about_a_party_that_never_spoke() -> None:
    wiring = Wiring()
    leg = wiring.leg("ann")
    wiring.go(30)
    wiring.plane.catch_up(wiring.room)
    (report, *_) = parse(LegReports(leg, "ann@here").make(wiring.plane.reception(leg), 0, DATE_NS))
    assert isinstance(report, SenderReport)
    assert report.reports == ()


def test_losses_are_counted_from_the_start_and_their_share_since_the_last_report() -> None:
    reported = Reported(lost={*range(10, 20), 130})
    (first,) = reported.at(52).reports
    (second,) = reported.at(102).reports
    (third,) = reported.at(152).reports
    assert [it.cumulative_lost for it in (first, second, third)] == [10, 10, 11]
    assert first.fraction_lost == 10 * 256 // 50
    assert second.fraction_lost == 0
    assert third.fraction_lost == 256 // 50


@pytest.mark.parametrize("first_sequence", [0, 100, 65_500])
def test_the_highest_sequence_number_counts_its_wraps(first_sequence: int) -> None:
    (block,) = Reported(first_sequence=first_sequence).at(152).reports
    assert block.highest_seq == first_sequence + 149
    assert block.ssrc == 77
    assert block.jitter == 0


def test_every_report_names_the_source_and_the_last_says_goodbye() -> None:
    reported = Reported()
    ssrc = reported.at(20).ssrc
    rest = parse(reported.packet)[1:]
    assert rest == [SourceDescription(((ssrc, "ann@here"),))]
    reported.at(30, last=True)
    assert parse(reported.packet)[-1] == Bye((ssrc,))
