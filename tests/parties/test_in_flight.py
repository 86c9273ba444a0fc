"""Packets on a link: they land when they arrive, in that order, each once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasim.documents.durations import Duration
from mediasim.net.link import Link
from mediasim.net.network import GilbertElliott, Impairments, Jitter, Loss
from mediasim.parties.in_flight import PacketsInFlight
from mediasim.rtp.packets import HEADER_SIZE

FRAME = 20_000_000
MS = 1_000_000
ROUGH = Impairments(
    delay=Duration(35 * MS),
    jitter=Jitter(uniform=Duration(50 * MS)),
    loss=Loss(gilbert_elliott=GilbertElliott(enter=0.1, leave=0.5)),
    reorder=0.1,
    duplicate=0.2,
)


def send(flight: PacketsInFlight, first: int, end: int, size: int = HEADER_SIZE + 4) -> None:
    """Packets that hold their number in their first byte, one a frame."""
    numbers = np.arange(first, end)
    data = np.repeat(numbers.astype(np.uint8)[:, None], size, axis=1)
    flight.send(data, numbers * FRAME, numbers * 160)


def landed(flight: PacketsInFlight, before_ns: int) -> list[tuple[int, int]]:
    """(number, arrival) of each."""
    block = flight.take_arrived(before_ns)
    if block is None:
        return []
    return list(zip(block.data[:, 0].tolist(), block.arrival.tolist(), strict=True))


def test_what_has_not_arrived_is_in_the_air() -> None:
    flight = PacketsInFlight(Link(Impairments(delay=Duration(30 * MS)), 1))
    send(flight, 0, 5)
    assert landed(flight, 30 * MS) == []
    assert landed(flight, 30 * MS + 1) == [(0, 30 * MS)]
    assert flight.in_flight.data[:, 0].tolist() == [1, 2, 3, 4]
    assert [number for number, _ in landed(flight, 1000 * MS)] == [1, 2, 3, 4]
    assert flight.sent == 5
    assert flight.take_arrived(10**12) is None


def test_the_lost_never_land_and_are_told() -> None:
    flight = PacketsInFlight(Link(Impairments(loss=Loss(random=0.3)), 1))
    send(flight, 0, 100)
    assert all(number not in flight.fates[0].media // 160 for number in flight.in_flight.data[:, 0])
    arrived = [number for number, _ in landed(flight, 10**15)]
    (fate,) = flight.fates
    assert fate.kind == "lost"
    assert len(fate.media) > 10
    assert sorted([*arrived, *(fate.media // 160).tolist()]) == list(range(100))
    assert np.array_equal(fate.sent, fate.media * 125_000)


def test_copies_come_a_millisecond_after_their_packets() -> None:
    flight = PacketsInFlight(Link(Impairments(duplicate=1.0, delay=Duration(7 * MS)), 1))
    send(flight, 0, 3)
    assert landed(flight, 10**12) == [
        (number, at)
        for number in range(3)
        for at in (number * FRAME + 7 * MS, number * FRAME + 8 * MS)
    ]
    assert [fate.kind for fate in flight.fates] == ["duplicated"]


def test_packets_of_all_sizes_share_the_link() -> None:
    flight = PacketsInFlight(Link(Impairments(delay=Duration(50 * MS)), 1))
    send(flight, 0, 2, size=20)
    send(flight, 2, 3, size=60)
    send(flight, 3, 4, size=30)
    block = flight.take_arrived(10**12)
    assert block is not None
    assert block.length.tolist() == [20, 20, 60, 30]
    assert block.data[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("impairments", [Impairments(), ROUGH], ids=["clean", "rough"])
def test_fates_add_up(impairments: Impairments) -> None:
    flight = PacketsInFlight(Link(impairments, 5))
    send(flight, 0, 200)
    count = len(landed(flight, 10**15))
    told = {fate.kind: len(fate.media) for fate in flight.fates}
    assert count == 200 - told.get("lost", 0) + told.get("duplicated", 0)


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 120), max_size=6).map(sorted),
    looks=st.lists(st.integers(0, 3 * 10**9), max_size=10).map(sorted),
    key=st.integers(0, 2**64 - 1),
)
def test_they_land_in_order_of_arrival_however_they_are_launched(
    cuts: list[int], looks: list[int], key: int
) -> None:
    whole = PacketsInFlight(Link(ROUGH, key))
    send(whole, 0, 120)
    expected = landed(whole, 10**15)
    assert [at for _, at in expected] == sorted(at for _, at in expected)
    pieces = PacketsInFlight(Link(ROUGH, key))
    for low, high in itertools.pairwise([0, *cuts, 120]):
        send(pieces, low, high)
    found = [packet for look in [*looks, 10**15] for packet in landed(pieces, look)]
    assert found == expected
