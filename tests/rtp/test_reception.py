from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasim.rtp.reception import Reception, ReceptionTable, emodel_mos


@dataclass(frozen=True)
class Came:
    """One packet of one row, as it arrived."""

    row: int
    sequence: int
    transit: float
    timed: bool = True


@dataclass
class Oracle:
    """RFC 3550 appendix A.3 and A.8, packet by packet."""

    seen: set[int] = field(default_factory=set)
    received: int = 0
    duplicates: int = 0
    reordered: int = 0
    highest: int = -1
    transit: float | None = None
    jitter: float = 0.0

    def take(self, packet: Came) -> None:
        if packet.sequence in self.seen:
            self.duplicates += 1
            return
        self.reordered += bool(self.seen) and packet.sequence < self.highest
        self.seen.add(packet.sequence)
        self.highest = max(self.highest, packet.sequence)
        self.received += 1
        if packet.timed:
            if self.transit is not None:
                self.jitter += (abs(packet.transit - self.transit) - self.jitter) / 16
            self.transit = packet.transit
        elif self.transit is not None:
            self.jitter -= self.jitter / 16

    @property
    def expected(self) -> int:
        return self.highest - min(self.seen) + 1 if self.seen else 0


def feed(table: ReceptionTable, packets: list[Came]) -> list[bool]:
    """One block; returns which were no duplicates."""
    fresh = table.take(
        np.array([packet.row for packet in packets]),
        np.array([packet.sequence for packet in packets]),
        np.array([packet.transit for packet in packets]),
        np.array([packet.sequence * 160 for packet in packets]),
        None
        if all(packet.timed for packet in packets)
        else np.array([packet.timed for packet in packets]),
    )
    return [True] * len(packets) if fresh is None else fresh.tolist()


def table_of(rows: int) -> ReceptionTable:
    table = ReceptionTable()
    table.ensure(rows)
    return table


def matches(found: Reception, oracle: Oracle) -> None:
    assert found.received == oracle.received
    assert found.duplicates == oracle.duplicates
    assert found.reordered == oracle.reordered
    assert found.expected == oracle.expected
    assert found.lost == oracle.expected - oracle.received
    assert found.jitter == pytest.approx(oracle.jitter, rel=1e-9, abs=1e-9)


SEQUENCES = st.lists(st.integers(65_500, 65_600), min_size=1, max_size=60)
TRANSITS = st.floats(-1000, 1000, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), sequences=SEQUENCES, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_one_stream_in_any_blocks_counts_as_packet_by_packet(
    data: st.DataObject, sequences: list[int], cuts: list[int]
) -> None:
    packets = [Came(0, sequence, data.draw(TRANSITS)) for sequence in sequences]
    oracle, table = Oracle(), table_of(1)
    for packet in packets:
        oracle.take(packet)
    for low, high in itertools.pairwise([0, *sorted(cuts), len(packets)]):
        if packets[low:high]:
            feed(table, packets[low:high])
    matches(table.of(0), oracle)


@settings(max_examples=100, deadline=None)
@given(
    blocks=st.lists(
        st.dictionaries(
            st.integers(0, 4),
            st.lists(st.tuples(st.integers(100, 130), TRANSITS), min_size=1, max_size=3),
            min_size=1,
        ),
        min_size=1,
        max_size=12,
    )
)
def test_many_streams_at_once_count_as_one_by_one(
    blocks: list[dict[int, list[tuple[int, float]]]],
) -> None:
    oracles = [Oracle() for _ in range(5)]
    table = table_of(5)
    for block in blocks:
        packets = [Came(row, *packet) for row, group in block.items() for packet in group]
        for packet in packets:
            oracles[packet.row].take(packet)
        feed(table, packets)
    for row, oracle in enumerate(oracles):
        matches(table.of(row), oracle)


@settings(max_examples=80, deadline=None)
@given(
    timed=st.lists(st.booleans(), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_a_keys_packets_tell_nothing_about_jitter(timed: list[bool], cuts: list[int]) -> None:
    """Their timestamp says when the key went down: counted, they would be ever later."""
    packets = [
        Came(0, number, 7.0 * number if told else 1e6, told) for number, told in enumerate(timed)
    ]
    table, oracle = table_of(1), Oracle()
    for low, high in itertools.pairwise([0, *sorted(cuts), len(packets)]):
        if packets[low:high]:
            feed(table, packets[low:high])
    for packet in packets:
        oracle.take(packet)
    matches(table.of(0), oracle)
    assert table.of(0).jitter < 200


def test_duplicates_are_told_from_the_packet_they_repeat() -> None:
    table = table_of(1)
    assert feed(table, [Came(0, 5, 0), Came(0, 6, 0), Came(0, 5, 0)]) == [True, True, False]
    assert feed(table, [Came(0, 6, 0), Came(0, 7, 0)]) == [False, True]
    assert table.of(0).duplicates == 2


def test_a_duplicate_does_not_make_up_for_a_loss() -> None:
    table = table_of(1)
    feed(table, [Came(0, 1, 0), Came(0, 1, 0), Came(0, 3, 0)])
    found = table.of(0)
    assert (found.received, found.expected, found.lost) == (2, 3, 1)


def test_a_packet_before_the_first_one_was_expected_too() -> None:
    table = table_of(1)
    feed(table, [Came(0, 10, 0), Came(0, 9, 0), Came(0, 11, 0)])
    found = table.of(0)
    assert (found.received, found.expected, found.lost, found.reordered) == (3, 3, 0, 1)


def test_a_new_stream_on_the_row_adds_to_what_was_expected() -> None:
    table = table_of(1)
    feed(table, [Came(0, 1, 0), Came(0, 4, 0)])
    table.restart(0)
    feed(table, [Came(0, 9000, 5e6), Came(0, 9001, 5e6)])
    found = table.of(0)
    assert (found.received, found.expected, found.lost) == (4, 6, 2)
    assert found.jitter == 0.0
    assert found.highest_sequence == 9001


def test_a_number_of_the_stream_before_is_no_duplicate() -> None:
    table = table_of(1)
    feed(table, [Came(0, 7, 0)])
    table.restart(0)
    assert feed(table, [Came(0, 7, 0)]) == [True]


def test_a_row_given_to_somebody_else_is_blank() -> None:
    table = table_of(2)
    feed(table, [Came(0, 7, 0), Came(0, 9, 50), Came(1, 3, 0)])
    table.clear(0)
    assert table.of(0) == Reception(0, 0, 0, 0, 0, 0.0)
    assert feed(table, [Came(0, 7, 0)]) == [True]
    assert table.of(0).expected == 1
    assert table.of(1).received == 1


def test_growing_forgets_nothing() -> None:
    table = table_of(1)
    feed(table, [Came(0, 7, 0), Came(0, 9, 50)])
    before = table.of(0)
    table.ensure(50)
    assert table.of(0) == before
    assert feed(table, [Came(0, 9, 0)]) == [False]


def test_jitter_is_shown_in_milliseconds_too() -> None:
    assert Reception(0, 0, 0, 0, 0, 80.0).jitter_ms == 10.0


def test_numbers_far_apart_in_one_block_are_no_duplicates() -> None:
    table = table_of(1)
    packets = [Came(0, number, 0) for number in (5, 5 + 2048, 6, 5)]
    assert feed(table, packets) == [True, True, True, False]


# -- quality --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "delay_ms", "r", "mos"),
    [
        (0.0, 0.0, 93.2, 4.41),
        (0.0, 100.0, 93.2, 4.41),
        (0.0, 150.0, 93.04, 4.40),
        (0.0, 400.0, 69.13, 3.56),
        (0.01, 50.0, 75.28, 3.83),
        (0.05, 50.0, 42.13, 2.17),
        (0.20, 50.0, 15.01, 1.12),
    ],
)
def test_g711_without_concealment(loss: float, delay_ms: float, r: float, mos: float) -> None:
    """Figures worked out by hand from the formulas of G.107."""
    opinion = emodel_mos(loss, 1.0, delay_ms, "PCMU")
    assert opinion.r == pytest.approx(r, abs=0.01)
    assert opinion.mos == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(
    ("r", "mos"), [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
)
def test_ratings_stand_for_the_scores_of_g107_table_b1(r: float, mos: float) -> None:
    """The loss that brings R to a rating: (95 p) / (p + 4.3) = 93.2 - R."""
    taken = 93.2 - r
    opinion = emodel_mos(taken * 4.3 / (95.0 - taken) / 100.0, 1.0, 0.0, "PCMA")
    assert opinion.r == pytest.approx(r)
    assert opinion.mos == pytest.approx(mos, abs=0.01)


def test_concealment_helps_and_bursts_hurt() -> None:
    silent = emodel_mos(0.03, 1.0, 80.0, "PCMU")
    assert emodel_mos(0.03, 1.0, 80.0, "PCMU", concealed=True).mos > silent.mos + 0.5
    assert emodel_mos(0.03, 4.0, 80.0, "PCMU").mos < silent.mos


@given(
    loss=st.floats(0.0, 1.0),
    burst_ratio=st.floats(0.1, 50.0),
    delay_ms=st.floats(0.0, 5000.0),
    codec=st.sampled_from(["PCMU", "PCMA", "G722", "OPUS"]),
    concealed=st.booleans(),
)
def test_any_connection_has_a_score_on_the_scale(
    loss: float, burst_ratio: float, delay_ms: float, codec: str, concealed: bool
) -> None:
    r, mos = emodel_mos(loss, burst_ratio, delay_ms, codec, concealed=concealed)
    assert 0.0 <= r <= 93.2
    assert 1.0 <= mos <= 4.5
    worse = emodel_mos(min(1.0, loss + 0.1), burst_ratio, delay_ms + 50, codec, concealed=concealed)
    assert worse.r <= r
    assert worse.mos <= mos + 1e-9


@pytest.mark.parametrize(
    ("loss", "burst_ratio", "codec", "problem"),
    [
        (0.0, 1.0, "G729", "expected one of PCMU, PCMA, G722, OPUS"),
        (1.5, 1.0, "PCMU", "loss rate of 1.5"),
        (0.1, 0.0, "PCMU", "burst ratio of 0.0"),
    ],
)
def test_what_cannot_be_rated(loss: float, burst_ratio: float, codec: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        emodel_mos(loss, burst_ratio, 0.0, codec)
