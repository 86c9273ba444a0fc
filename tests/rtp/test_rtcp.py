"""RTCP: our own round trips, aiortc as the outside judge, and bytes that are no RTCP."""

from __future__ import annotations

from contextlib import suppress

import pytest
from aiortc import rtp as judge
from hypothesis import given
from hypothesis import strategies as st

from mediasim.rtp.rtcp import (
    Bye,
    ReceiverReport,
    ReportBlock,
    RtcpError,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    build,
    dlsr_of_ns,
    fraction_lost,
    lsr_of_ntp,
    ntp_of_ns,
    parse,
    round_trip_ns,
)

SECOND = 1_000_000_000
U32 = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.builds(
    ReportBlock,
    ssrc=U32,
    fraction_lost=st.integers(0, 255),
    cumulative_lost=st.integers(-(1 << 23), (1 << 23) - 1),
    highest_seq=U32,
    jitter=U32,
    lsr=U32,
    dlsr=U32,
)
REPORTS = st.lists(BLOCKS, max_size=31).map(tuple)
SENDER_REPORTS = st.builds(SenderReport, U32, st.integers(0, (1 << 64) - 1), U32, U32, U32, REPORTS)
RECEIVER_REPORTS = st.builds(ReceiverReport, U32, REPORTS)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
DESCRIPTIONS = st.lists(st.tuples(U32, st.none() | TEXTS), max_size=31).map(
    lambda cnames: SourceDescription(tuple(cnames))
)
BYES = st.builds(Bye, st.lists(U32, max_size=31).map(tuple), st.none() | TEXTS)
COMPOUNDS = st.tuples(
    SENDER_REPORTS | RECEIVER_REPORTS,
    st.lists(RECEIVER_REPORTS | DESCRIPTIONS | BYES, max_size=4),
).map(lambda parts: [parts[0], *parts[1]])

BLOCK = ReportBlock(0x11223344, 64, 5, 0x0001_0203, 17, 0xAABBCCDD, 0x8000)
REPORT = SenderReport(0xCAFE, 1 << 63, 160, 1, 160, (BLOCK,))


# -- both ways ---------------------------------------------------------------------------------


@given(COMPOUNDS)
def test_what_is_built_is_parsed(packets: list[RtcpPacket]) -> None:
    data = build(packets)
    assert len(data) % 4 == 0
    assert parse(data) == packets


def test_a_receiver_report_byte_by_byte() -> None:
    data = build([ReceiverReport(1, (ReportBlock(2, 3, -1, 4, 5, 6, 7),))])
    assert data.hex(" ", 4) == (
        "81c90007 00000001 00000002 03ffffff 00000004 00000005 00000006 00000007"
    )


def test_names_and_goodbyes_byte_by_byte() -> None:
    names = SourceDescription(((2, "ab"), (3, "abc")))
    assert build([ReceiverReport(1), names, Bye((4,), "over")]).hex(" ", 4) == (
        "80c90001 00000001 "
        "82ca0006 00000002 01026162 00000000 00000003 01036162 63000000 "
        "81cb0003 00000004 046f7665 72000000"
    )


# -- aiortc ------------------------------------------------------------------------------------


@given(st.builds(SenderReport, U32, st.integers(0, (1 << 64) - 1), U32, U32, U32, REPORTS), TEXTS)
def test_aiortc_reads_what_we_build(report: SenderReport, cname: str) -> None:
    data = build([report, SourceDescription(((report.ssrc, cname),)), Bye((report.ssrc,))])
    sender, description, bye = judge.RtcpPacket.parse(data)
    assert isinstance(sender, judge.RtcpSrPacket)
    assert sender.ssrc == report.ssrc
    assert sender.sender_info == judge.RtcpSenderInfo(
        report.ntp, report.rtp_timestamp, report.packet_count, report.octet_count
    )
    assert sender.reports == [as_theirs(block) for block in report.reports]
    assert isinstance(description, judge.RtcpSdesPacket)
    assert [(chunk.ssrc, chunk.items) for chunk in description.chunks] == [
        (report.ssrc, [(1, cname.encode())])
    ]
    assert isinstance(bye, judge.RtcpByePacket)
    assert bye.sources == [report.ssrc]


@given(RECEIVER_REPORTS, TEXTS)
def test_we_read_what_aiortc_builds(report: ReceiverReport, cname: str) -> None:
    theirs: list[judge.AnyRtcpPacket] = [
        judge.RtcpRrPacket(report.ssrc, [as_theirs(block) for block in report.reports]),
        judge.RtcpSdesPacket([judge.RtcpSourceInfo(report.ssrc, [(1, cname.encode())])]),
        judge.RtcpPsfbPacket(1, report.ssrc, 7),
        judge.RtcpByePacket([report.ssrc]),
    ]
    assert parse(b"".join(bytes(packet) for packet in theirs)) == [
        report,
        SourceDescription(((report.ssrc, cname),)),
        Bye((report.ssrc,)),
    ]


def as_theirs(block: ReportBlock) -> judge.RtcpReceiverInfo:
    return judge.RtcpReceiverInfo(
        block.ssrc,
        block.fraction_lost,
        block.cumulative_lost,
        block.highest_seq,
        block.jitter,
        block.lsr,
        block.dlsr,
    )


# -- what is stepped over ----------------------------------------------------------------------


def test_other_packets_and_reduced_size_are_taken() -> None:
    feedback = bytes.fromhex("81ce0002 00000001 00000002")
    assert parse(feedback) == []
    assert parse(feedback + build([REPORT])) == [REPORT]


def test_profile_extensions_other_items_and_padding_are_stepped_over() -> None:
    extended = bytes.fromhex("80c90003 00000001 0badcafe 0badcafe")
    items = bytes.fromhex("81ca0004 00000002 02014e 01024142 0301 50 0000")
    padded = bytes.fromhex("a1cb0002 00000004 00000004")
    assert parse(extended + items + padded) == [
        ReceiverReport(1),
        SourceDescription(((2, "AB"),)),
        Bye((4,)),
    ]


def test_a_name_that_is_no_utf8_is_read_as_well_as_can_be() -> None:
    assert parse(bytes.fromhex("81ca0002 00000002 0101ff00")) == [
        SourceDescription(((2, "\ufffd"),))
    ]


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "header cut short: 0 bytes of 4"),
        ("80c900", "header cut short"),
        ("40c90001 00000001", "RTP version 1"),
        ("80c90002 00000001", "packet cut short: 8 bytes of 12"),
        ("81c90001 00000001", "receiver report cut short: 4 bytes of 28"),
        ("80c80001 00000001", "sender report cut short"),
        ("a0c90001 00000000", "0 bytes of padding"),
        ("a0c90001 00000009", "9 bytes of padding"),
        ("82cb0001 00000001", "goodbye cut short"),
        ("81cb0002 00000001 05616263", "text cut short"),
        ("81ca0001 00000002", "source description cut short"),
        ("81ca0002 00000002 01036162", "text cut short"),
    ],
)
def test_malformed(data: str, problem: str) -> None:
    with pytest.raises(RtcpError, match=problem):
        parse(bytes.fromhex(data))


@given(st.binary(max_size=120))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    refused_or_parsed(data)


@given(COMPOUNDS, st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 10_000))
def test_damaged_packets_are_parsed_or_refused(
    packets: list[RtcpPacket], place: int, value: int, end: int
) -> None:
    data = bytearray(build(packets))
    data[place % len(data)] = value
    refused_or_parsed(bytes(data))
    refused_or_parsed(bytes(data[: end % len(data)]))


def refused_or_parsed(data: bytes) -> None:
    with suppress(RtcpError):
        parse(data)


@pytest.mark.parametrize(
    ("packets", "problem"),
    [
        ([], "starts with a sender or receiver report"),
        ([Bye((1,))], "starts with a sender or receiver report"),
        ([ReceiverReport(1, (BLOCK,) * 32)], "32 entries"),
        ([ReceiverReport(1 << 32)], "does not fit"),
        ([ReceiverReport(1, (ReportBlock(1, 256, 0, 0, 0, 0, 0),))], "fraction lost of 256"),
        ([ReceiverReport(1), SourceDescription(((1, "x" * 256),))], "256 bytes: 255 at most"),
        ([ReceiverReport(1), SourceDescription(((1, "\ud800"),))], "UTF-8"),
    ],
)
def test_what_cannot_be_built(packets: list[RtcpPacket], problem: str) -> None:
    with pytest.raises(RtcpError, match=problem):
        build(packets)


@pytest.mark.parametrize(("lost", "sent"), [(1 << 30, 0x7FFFFF), (-(1 << 30), -0x800000)])
def test_cumulative_loss_is_held_within_its_bits(lost: int, sent: int) -> None:
    (report,) = parse(build([ReceiverReport(1, (ReportBlock(2, 0, lost, 0, 0, 0, 0),))]))
    assert isinstance(report, ReceiverReport)
    assert report.reports[0].cumulative_lost == sent


# -- times and shares --------------------------------------------------------------------------


def test_ntp_times() -> None:
    assert ntp_of_ns(0) == 2_208_988_800 << 32
    assert ntp_of_ns(SECOND // 2) == (2_208_988_800 << 32) + (1 << 31)
    # The seconds wrap in 2036.
    assert ntp_of_ns(((1 << 32) - 2_208_988_800) * SECOND) == 0


def test_the_round_trip_of_rfc_3550_figure_2() -> None:
    report = ReportBlock(1, 0, 0, 0, 0, lsr=0xB705_2000, dlsr=0x0005_4000)
    assert round_trip_ns(0xB710_8000 << 16, report) == 6.125 * SECOND


@given(
    sent=st.integers(0, 1 << 62),
    there=st.integers(0, 10 * SECOND),
    held=st.integers(0, 3600 * SECOND),
    back=st.integers(0, 10 * SECOND),
)
def test_the_round_trip_is_what_was_not_held(sent: int, there: int, held: int, back: int) -> None:
    lsr = lsr_of_ntp(ntp_of_ns(sent))
    report = ReportBlock(1, 0, 0, 0, 0, lsr=lsr, dlsr=dlsr_of_ns(held))
    trip = round_trip_ns(ntp_of_ns(sent + there + held + back), report)
    if lsr == 0:
        assert trip is None
    else:
        assert trip is not None
        assert abs(trip - (there + back)) <= 2 * SECOND / 65536


def test_no_sender_report_no_round_trip_and_a_fast_clock_none_below_zero() -> None:
    assert round_trip_ns(1 << 40, ReportBlock(1, 0, 0, 0, 0, lsr=0, dlsr=0)) is None
    ntp = ntp_of_ns(SECOND)
    early = ReportBlock(1, 0, 0, 0, 0, lsr=lsr_of_ntp(ntp), dlsr=3)
    assert round_trip_ns(ntp, early) == 0


@pytest.mark.parametrize(
    ("expected", "received", "share"),
    [(100, 75, 64), (100, 100, 0), (100, 120, 0), (100, 0, 255), (0, 0, 0), (3, 2, 85)],
)
def test_fraction_lost(expected: int, received: int, share: int) -> None:
    assert fraction_lost(expected, received) == share
