"""Reception statistics against the recipes of RFC 3550 packet by packet, and the E-model."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.rtp.quality import LossBursts, ReceptionStats, emodel_mos

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
FRAME_NS = 20_000_000


def stream(seed: int, count: int, *, loss: float, late_ns: int, copies: float) -> Columns:
    """Packets of one stream as they arrive: sequence, timestamp, arrival."""
    rng = np.random.default_rng(seed)
    first = int(rng.integers(0, 1 << 20))
    sequence = np.arange(first, first + count)
    arrival = (sequence - first) * FRAME_NS + rng.integers(0, late_ns + 1, count)
    kept = rng.random(count) >= loss
    kept[0] = True
    sequence, arrival = sequence[kept], arrival[kept]
    again = rng.random(len(sequence)) < copies
    sequence = np.concatenate((sequence, sequence[again]))
    arrival = np.concatenate((arrival, arrival[again] + 1_000_000))
    order = np.argsort(arrival, kind="stable")
    return sequence[order], sequence[order] * 160, arrival[order]


def stats_of(columns: Columns, cuts: list[int] | None = None, rate: int = 8000) -> ReceptionStats:
    """The statistics of a stream given in blocks that end at these cuts."""
    stats = ReceptionStats(rate)
    for low, high in pairwise([0, *sorted(cuts or []), len(columns[0])]):
        sequence, timestamp, arrival = (column[low:high] for column in columns)
        stats.update(sequence, timestamp, arrival)
    return stats


@dataclass
class OneByOne:
    """The same numbers, a packet at a time, remembering everything."""

    seen: set[int] = field(default_factory=set)
    duplicates: int = 0
    reordered: int = 0
    jitter: float = 0.0
    transit: float | None = None

    def take(self, sequence: int, timestamp: int, arrival: int, rate: int) -> None:
        transit = arrival * rate / 1e9 - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16.0
        self.transit = transit
        if sequence in self.seen:
            self.duplicates += 1
        elif self.seen and sequence < max(self.seen):
            self.reordered += 1
        self.seen.add(sequence)

    @property
    def runs(self) -> list[int]:
        return [b - a - 1 for a, b in pairwise(sorted(self.seen)) if b - a > 1]


@given(
    seed=st.integers(0, 1 << 30),
    count=st.integers(1, 400),
    loss=st.sampled_from([0.0, 0.02, 0.3]),
    late_ms=st.sampled_from([0, 5, 60, 300]),
    copies=st.sampled_from([0.0, 0.05]),
    rate=st.sampled_from([8000, 48000]),
)
def test_all_numbers_are_those_of_a_packet_by_packet_count(
    seed: int, count: int, loss: float, late_ms: int, copies: float, rate: int
) -> None:
    columns = stream(seed, count, loss=loss, late_ns=late_ms * 1_000_000, copies=copies)
    stats = stats_of(columns, rate=rate)
    judge = OneByOne()
    for sequence, timestamp, arrival in zip(*(c.tolist() for c in columns), strict=True):
        judge.take(sequence, timestamp, arrival, rate)
    assert stats.received == len(columns[0])
    assert stats.expected == max(judge.seen) - min(judge.seen) + 1
    assert stats.lost == stats.expected - len(judge.seen)
    assert stats.duplicates == judge.duplicates
    assert stats.reordered == judge.reordered
    assert stats.highest_seq == max(judge.seen)
    assert stats.fraction == stats.lost / stats.expected
    runs = judge.runs
    assert stats.bursts == LossBursts(len(runs), sum(runs), max(runs, default=0))
    assert stats.jitter == pytest.approx(judge.jitter, rel=1e-9, abs=1e-9)


@given(
    seed=st.integers(0, 1 << 30),
    count=st.integers(1, 4000),
    late_ms=st.sampled_from([0, 60, 40_000]),
    cuts=st.lists(st.integers(0, 4000), max_size=8),
)
@settings(max_examples=50)
def test_any_cut_into_blocks_gives_the_same(
    seed: int, count: int, late_ms: int, cuts: list[int]
) -> None:
    """Even where packets come so late that they are not asked about any more."""
    columns = stream(seed, count, loss=0.05, late_ns=late_ms * 1_000_000, copies=0.02)
    whole = stats_of(columns)
    parts = stats_of(columns, [min(cut, len(columns[0])) for cut in cuts])
    for name in ("received", "expected", "lost", "duplicates", "reordered", "bursts"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert parts.jitter == pytest.approx(whole.jitter, rel=1e-9, abs=1e-9)


def test_a_packet_at_a_time_is_a_cut_too() -> None:
    columns = stream(1, 3000, loss=0.1, late_ns=100_000_000, copies=0.1)
    whole, single = stats_of(columns), stats_of(columns, list(range(1, len(columns[0]))))
    assert (single.lost, single.reordered, single.duplicates) == (
        whole.lost,
        whole.reordered,
        whole.duplicates,
    )
    assert single.bursts == whole.bursts
    assert single.jitter == pytest.approx(whole.jitter, rel=1e-9)


def test_jitter_of_a_long_block_is_that_of_the_recursion() -> None:
    sequence, timestamp, arrival = stream(7, 20_000, loss=0.0, late_ns=15_000_000, copies=0.0)
    transit = arrival * 8000 / 1e9 - timestamp
    jitter = 0.0
    for change in np.abs(np.diff(transit)).tolist():
        jitter += (change - jitter) / 16.0
    stats = stats_of((sequence, timestamp, arrival))
    assert stats.jitter == pytest.approx(jitter, rel=1e-9)


def test_nothing_received_yet() -> None:
    stats = ReceptionStats()
    none = np.empty(0, np.int64)
    stats.update(none, none, none)
    assert (stats.received, stats.expected, stats.lost, stats.fraction) == (0, 0, 0, 0.0)
    assert stats.highest_seq is None
    assert stats.bursts.mean is None
    assert stats.burst_ratio == 1.0


def test_a_steady_stream_has_no_jitter_whatever_the_delay() -> None:
    sequence = np.arange(1000)
    stats = stats_of((sequence, sequence * 160, sequence * FRAME_NS + 123_456_789))
    assert stats.jitter == 0.0
    assert stats.lost == 0


def test_the_first_to_arrive_need_not_be_the_first_sent() -> None:
    sequence = np.array([7, 5, 6, 8])
    stats = stats_of((sequence, sequence * 160, np.arange(4) * FRAME_NS))
    assert (stats.expected, stats.lost, stats.reordered) == (4, 0, 2)


def test_a_packet_20_seconds_late_stays_lost() -> None:
    sequence = np.concatenate((np.arange(0, 10), np.arange(11, 2000), [10]))
    stats = stats_of((sequence, sequence * 160, np.arange(2000) * FRAME_NS))
    assert (stats.received, stats.expected, stats.lost, stats.reordered) == (2000, 2000, 1, 1)


def test_memory_does_not_grow_with_the_call() -> None:
    stats = ReceptionStats()
    for first in range(0, 200_000, 500):
        sequence = np.arange(first, first + 500)[np.arange(500) % 50 != 3]
        stats.update(sequence, sequence * 160, sequence * FRAME_NS)
    kept = [value for value in vars(stats).values() if isinstance(value, np.ndarray)]
    assert sum(len(array) for array in kept) < 2000
    assert (stats.lost, stats.bursts.longest) == (4000, 1)


def test_bursts() -> None:
    sequence = np.array([0, 1, 4, 5, 6, 10, 11])  # 2 3 and 7 8 9 are missing
    stats = stats_of((sequence, sequence * 160, sequence * FRAME_NS))
    assert stats.bursts == LossBursts(count=2, packets=5, longest=3)
    assert stats.bursts.mean == 2.5
    assert stats.burst_ratio == pytest.approx(2.5 * (1 - 5 / 12))


def test_independent_losses_have_a_burst_ratio_of_one() -> None:
    stats = stats_of(stream(3, 100_000, loss=0.1, late_ns=0, copies=0.0))
    assert stats.fraction == pytest.approx(0.1, abs=0.005)
    assert stats.burst_ratio == pytest.approx(1.0, abs=0.02)


# -- E-model -----------------------------------------------------------------------------------


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
