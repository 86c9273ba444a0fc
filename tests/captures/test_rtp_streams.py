"""RTP in captures: who talks to whom, and what is said of each stream."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.captures.pcap import Datagram
from mediasim.captures.rtp_streams import FoundStream, directions_of, figures_of, pairs_of

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
    directions = directions_of([stream(BOB, ANN, 2, 1, 5), stream(ANN, BOB, 1, 0, 4)])
    assert [talk.source for talk in directions] == [ANN, BOB]
    assert pairs_of(directions) == [(directions[0], directions[1])]


def test_other_addresses_other_times_and_the_same_direction_are_none() -> None:
    streams = [
        stream(ANN, BOB, 1, 0, 4),
        stream(BOB, EVE, 2, 0, 4),
        stream(BOB, ANN, 3, 30, 34),
        stream(ANN, BOB, 4, 1, 3),
    ]
    directions = directions_of(streams)
    assert len(directions) == 4
    assert pairs_of(directions) == []


def test_a_new_ssrc_goes_on_with_the_talk() -> None:
    streams = [stream(ANN, BOB, 1, 0, 2), stream(ANN, BOB, 2, 1.9, 4), stream(ANN, BOB, 3, 60, 64)]
    first, second = directions_of(streams)
    assert [each.ssrc for each in first.streams] == [1, 2]
    assert [each.ssrc for each in second.streams] == [3]
    times = [packet.at_ns for packet in first.packets]
    assert times == sorted(times)
    assert len(times) == 205


MS = 1_000_000


def delayed(
    packets: list[tuple[int, float]], *, first: int = 0, stamp: int = 0, event: int | None = None
) -> FoundStream:
    """Packets of 20 ms by (number, ms of delay), captured in the order given."""
    sent = []
    for number, delay in packets:
        head = struct.pack(
            ">BBHII",
            0x80,
            101 if number == event else 0,
            first + number & 0xFFFF,
            stamp + (0 if number == event else number * 160) & 0xFFFFFFFF,
            7,
        )
        at_ns = number * 20 * MS + round(delay * MS)
        sent.append(Datagram(at_ns, ("10.0.0.1", 1), ("10.0.0.2", 2), head + bytes(160)))
    return FoundStream(7, ("10.0.0.1", 1), ("10.0.0.2", 2), tuple(sent))


def test_a_clean_stream_has_no_losses_and_no_jitter() -> None:
    found = figures_of(delayed([(n, 30.0) for n in range(100)]), 8000)
    assert (found.packets, found.lost, found.duplicates, found.reordered) == (100, 0, 0, 0)
    assert (found.jitter_ms, found.mean_jitter_ms, found.max_jitter_ms) == (0, 0, 0)
    assert found.seconds == pytest.approx(1.98)


def test_losses_copies_and_order_are_counted_over_both_wraps() -> None:
    packets = [(0, 0), (1, 0), (1, 1), (4, 0), (3, 25), (5, 0), (9, 0), (5, 90), (10, 0)]
    found = figures_of(delayed([(n, float(d)) for n, d in packets], first=65_533, stamp=-500), 8000)
    assert (found.packets, found.lost, found.duplicates, found.reordered) == (7, 4, 2, 1)


def test_a_first_packet_that_was_overtaken_is_not_lost() -> None:
    found = figures_of(delayed([(1, 0.0), (0, 25.0), (2, 0.0)]), 8000)
    assert (found.packets, found.lost, found.reordered) == (3, 0, 1)


@given(st.lists(st.floats(0, 19), min_size=2, max_size=60))
def test_jitter_is_that_of_the_standard(delays: list[float]) -> None:
    found = figures_of(delayed(list(enumerate(delays))), 8000)
    jitter, all_of_them = 0.0, []
    for before, after in itertools.pairwise(delays):
        jitter += (abs(after - before) - jitter) / 16
        all_of_them.append(jitter)
    assert found.jitter_ms == pytest.approx(jitter, abs=1e-5)
    assert found.max_jitter_ms == pytest.approx(max(all_of_them), abs=1e-5)
    assert found.mean_jitter_ms == pytest.approx(sum(all_of_them) / len(all_of_them), abs=1e-5)


def test_the_time_of_a_key_is_no_jitter() -> None:
    heard = delayed([(n, 0.0) for n in range(30)], event=20)
    assert figures_of(heard, 8000, {101}).max_jitter_ms == 0
    assert figures_of(heard, 8000).max_jitter_ms > 10
