"""Telephone events (RFC 4733): what is sent for a press, and what is made of what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.rtp.telephone_event import (
    EVENTS,
    EventReceiver,
    TelephoneEvent,
    event_payloads,
    parse_event,
)

DIGITS = st.sampled_from(sorted(EVENTS))
TIMESTAMPS = st.integers(0, 0xFFFFFFFF)


@dataclass(frozen=True)
class Sent:
    """One packet on the wire."""

    timestamp: int
    payload: bytes


def press(digit: str, start: int, duration: int, ptime: int = 160) -> list[Sent]:
    return [
        Sent((start + offset) & 0xFFFFFFFF, payload)
        for payload, _, offset in event_payloads(digit, duration, ptime)
    ]


def received(packets: list[Sent]) -> str:
    receiver = EventReceiver()
    events = [receiver.receive(packet.timestamp, packet.payload) for packet in packets]
    return "".join(event.digit for event in events if event is not None)


# -- sending -----------------------------------------------------------------------------------


def test_codes_of_keys() -> None:
    assert [EVENTS[digit] for digit in "0159*#AD"] == [0, 1, 5, 9, 10, 11, 12, 15]


def test_a_press_of_100_ms_byte_by_byte() -> None:
    """Durations grow by a packet time; the last, with the end bit, is sent three times."""
    assert event_payloads("#", 800) == [
        (b"\x0b\x0a\x00\xa0", True, 0),
        (b"\x0b\x0a\x01\x40", False, 0),
        (b"\x0b\x0a\x01\xe0", False, 0),
        (b"\x0b\x0a\x02\x80", False, 0),
        (b"\x0b\x8a\x03\x20", False, 0),
        (b"\x0b\x8a\x03\x20", False, 0),
        (b"\x0b\x8a\x03\x20", False, 0),
    ]


def test_a_press_shorter_than_a_packet() -> None:
    assert event_payloads("1", 50, volume=0) == [
        (b"\x01\x80\x00\x32", True, 0),
        (b"\x01\x80\x00\x32", False, 0),
        (b"\x01\x80\x00\x32", False, 0),
    ]


@given(
    digit=DIGITS,
    duration=st.integers(1, 200_000),
    ptime=st.integers(80, 2880),
    volume=st.integers(0, 63),
)
def test_packets_of_any_press(digit: str, duration: int, ptime: int, volume: int) -> None:
    packets = event_payloads(digit, duration, ptime, volume)
    assert [marker for _, marker, _ in packets] == [True] + [False] * (len(packets) - 1)
    events = [parse_event(payload) for payload, _, _ in packets]
    offsets = [offset for _, _, offset in packets]
    told = [offset + event.duration for offset, event in zip(offsets, events, strict=True) if event]
    assert len(told) == len(packets)
    assert {(event.digit, event.volume) for event in events if event} == {(digit, volume)}
    assert [event.end for event in events if event] == [False] * (len(packets) - 3) + [True] * 3
    # Never more than has passed, never less than a packet before; complete at the end.
    assert told == sorted(told)
    assert all(
        now <= ptime * (index + 1) and now > ptime * (index - 1)
        for index, now in enumerate(told[:-2])
    )
    assert told[-3:] == [duration] * 3
    # One packet per packet time; a new segment may take one more.
    assert len(packets) - 2 - -(-duration // ptime) in (0, 1)


def test_a_press_longer_than_the_field_is_cut_into_segments() -> None:
    packets = event_payloads("5", 150_000)
    ends: dict[int, int] = {}
    for payload, _, offset in packets:
        event = parse_event(payload)
        assert event is not None
        ends[offset] = event.duration
    assert ends == {0: 0xFFFF, 0xFFFF: 0xFFFF, 2 * 0xFFFF: 150_000 - 2 * 0xFFFF}


@pytest.mark.parametrize(
    ("digit", "duration", "ptime", "volume", "problem"),
    [
        ("E", 800, 160, 10, "no key 'E'"),
        ("12", 800, 160, 10, "no key '12'"),
        ("1", 0, 160, 10, "expected at least 1"),
        ("1", 800, 0, 10, "packet time of 0"),
        ("1", 800, 160, 64, "expected 0 to 63"),
    ],
)
def test_what_cannot_be_sent(
    digit: str, duration: int, ptime: int, volume: int, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        event_payloads(digit, duration, ptime, volume)


# -- parsing -----------------------------------------------------------------------------------


def test_the_reserved_bit_and_what_follows_are_ignored() -> None:
    assert parse_event(b"\x0a\xca\x01\x40\x0b\x0a\x00\xa0") == TelephoneEvent("*", True, 10, 320)


@pytest.mark.parametrize("payload", [b"", b"\x01\x0a\x00", b"\x10\x0a\x00\xa0", b"\xff" * 4])
def test_what_tells_of_no_key(payload: bytes) -> None:
    assert parse_event(payload) is None
    assert EventReceiver().receive(0, payload) is None


@given(st.lists(st.tuples(TIMESTAMPS, st.binary(max_size=8)), max_size=200))
def test_nothing_that_arrives_raises(packets: list[tuple[int, bytes]]) -> None:
    receiver = EventReceiver()
    for timestamp, payload in packets:
        receiver.receive(timestamp, payload)


# -- receiving ---------------------------------------------------------------------------------


@st.composite
def dialled(draw: st.DrawFn) -> tuple[str, list[list[Sent]]]:
    """Keys pressed one after the other, from any timestamp on: their names and their packets."""
    at = draw(TIMESTAMPS)
    digits = draw(st.text(st.sampled_from(sorted(EVENTS)), min_size=1, max_size=8))
    presses = []
    for digit in digits:
        duration = draw(st.integers(1, 3000) | st.integers(60_000, 140_000))
        presses.append(press(digit, at, duration))
        at = at + duration + draw(st.integers(320, 4000))
    return digits, presses


@given(dialled())
def test_each_press_is_told_once(calls: tuple[str, list[list[Sent]]]) -> None:
    digits, presses = calls
    assert received([packet for packets in presses for packet in packets]) == digits


@given(dialled(), st.integers())
def test_loss_copies_and_reordering_change_nothing(
    calls: tuple[str, list[list[Sent]]], seed: int
) -> None:
    """Whatever is lost, as long as one packet of each press and no whole segment is."""
    digits, presses = calls
    random = Random(seed).random
    arriving: list[tuple[float, Sent]] = []
    place = 0
    for packets in presses:
        kept = [packet for packet in packets if random() > 0.3]
        spared = {packet.timestamp for packet in kept}
        for packet in packets:
            if packet.timestamp not in spared:
                spared.add(packet.timestamp)
                kept.append(packet)
        kept.append(packets[-1])
        place += 3  # the pause between keys is longer than packets are late
        for packet in kept:
            place += 1
            for _ in range(2 if random() < 0.1 else 1):
                arriving.append((place + 2.0 * random(), packet))
    arriving.sort(key=lambda arrival: arrival[0])
    assert received([packet for _, packet in arriving]) == digits


def test_any_single_packet_tells_of_the_press() -> None:
    packets = press("7", 1000, 800)
    for packet in packets:
        assert received([packet]) == "7"


def test_the_same_key_twice_is_two_presses() -> None:
    assert received(press("4", 0, 800) + press("4", 1600, 800)) == "44"


def test_the_same_key_twice_with_the_first_end_lost() -> None:
    assert received(press("4", 0, 800)[:-3] + press("4", 1600, 800)) == "44"


def test_a_late_copy_of_an_earlier_press_is_no_new_one() -> None:
    first, second = press("1", 0, 800), press("2", 1600, 800)
    assert received([*first[:-1], *second, first[-1]]) == "12"


def test_a_long_press_is_one_whatever_is_lost_where_it_is_cut() -> None:
    packets = press("9", 0xFFFFFF00, 130_000)
    cut = next(index for index, sent in enumerate(packets) if sent.timestamp != 0xFFFFFF00)
    assert received(packets) == "9"
    assert received(packets[: cut - 3] + packets[cut + 3 :]) == "9"


def test_segments_may_be_cut_at_a_packet_time() -> None:
    """Other senders close a segment at the last whole packet that fits."""
    length = 409 * 160
    first = [Sent(0, bytes((3, 10)) + (n * 160).to_bytes(2, "big")) for n in range(1, 410)]
    assert received(first + press("3", length, 800)) == "3"
    assert received(first[:-5] + press("3", length, 800)) == "3"


def test_the_receiver_forgets_what_is_long_past() -> None:
    receiver = EventReceiver()
    payload = press("1", 0, 160)[0].payload
    assert all(receiver.receive(n * 1600, payload) is not None for n in range(100))
    assert receiver.receive(0, payload) is not None
