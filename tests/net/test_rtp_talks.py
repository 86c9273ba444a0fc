"""Streams of a capture put together as the two directions of calls."""

from __future__ import annotations

import struct

from mediasim.captures.pcap import Datagram
from mediasim.captures.rtp_streams import FoundStream, pairs_of, talks_of

SECOND = 1_000_000_000
ANN, BOB, EVE = ("10.0.0.1", 4000), ("10.0.0.2", 5000), ("10.0.0.3", 6000)


def stream(
    source: tuple[str, int], to: tuple[str, int], ssrc: int, begins: float, ends: float
) -> FoundStream:
    packets = tuple(
        Datagram(
            round(begins * SECOND) + number * SECOND // 50,
            source,
            to,
            struct.pack(">BBHII", 0x80, 0, number, number * 160, ssrc),
        )
        for number in range(round((ends - begins) * 50))
    )
    return FoundStream(ssrc, source, to, packets)


def test_two_directions_at_a_time_are_a_call() -> None:
    talks = talks_of([stream(BOB, ANN, 2, 1, 5), stream(ANN, BOB, 1, 0, 4)])
    assert [talk.source for talk in talks] == [ANN, BOB]
    assert pairs_of(talks) == [(talks[0], talks[1])]


def test_other_addresses_other_times_and_the_same_direction_are_none() -> None:
    streams = [
        stream(ANN, BOB, 1, 0, 4),
        stream(BOB, EVE, 2, 0, 4),
        stream(BOB, ANN, 3, 30, 34),
        stream(ANN, BOB, 4, 1, 3),
    ]
    talks = talks_of(streams)
    assert len(talks) == 4
    assert pairs_of(talks) == []


def test_a_new_ssrc_goes_on_with_the_talk() -> None:
    streams = [stream(ANN, BOB, 1, 0, 2), stream(ANN, BOB, 2, 1.9, 4), stream(ANN, BOB, 3, 60, 64)]
    first, second = talks_of(streams)
    assert [each.ssrc for each in first.streams] == [1, 2]
    assert [each.ssrc for each in second.streams] == [3]
    times = [packet.at_ns for packet in first.packets]
    assert times == sorted(times)
    assert len(times) == 205
