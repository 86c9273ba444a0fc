from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.documents.durations import Duration
from mediasim.net.network import Stall
from mediasim.parties.clock import SenderClock

SAMPLE = 125_000
SECOND = 1_000_000_000
START = 3 * SECOND + 20_000_000


def times(clock: SenderClock, *samples: int) -> list[int]:
    return [int(at) for at in clock.time_of(np.array(samples, np.int64))]


def test_a_true_clock_counts_from_its_start() -> None:
    clock = SenderClock(START)
    assert times(clock, 0, 1, 8000) == [START, START + SAMPLE, START + SECOND]
    assert clock.sample_at(START - SECOND) == 0
    assert [clock.sample_at(START + ns) for ns in (0, 1, SAMPLE, SAMPLE + 1)] == [0, 1, 1, 2]


@pytest.mark.parametrize(("ppm", "ahead_ms"), [(100, 360), (-1000, -3600), (0.5, 1.8)])
def test_a_clock_that_is_off_gains_or_loses_its_share(ppm: float, ahead_ms: float) -> None:
    """Of an hour."""
    clock = SenderClock(0, ppm)
    (at,) = times(clock, 3600 * 8000)
    assert (3600 * SECOND - at) / 1e6 == pytest.approx(ahead_ms, rel=2e-3)
    assert clock.skewed


def test_a_frozen_sender_goes_on_where_it_stood() -> None:
    clock = SenderClock(
        START, stalls=(Stall(at=Duration(SECOND), for_=Duration(2 * SECOND), kind="pause"),)
    )
    assert times(clock, 7999, 8000, 8001) == [
        START + SECOND - SAMPLE,
        START + SECOND,
        START + 3 * SECOND + SAMPLE,
    ]
    for elapsed in (SECOND, 2 * SECOND, 3 * SECOND):
        assert clock.sample_at(START + elapsed) == 8000
    assert clock.sample_at(START + 4 * SECOND) == 16000
    assert not clock.has_silences


def test_freezes_add_up_in_whatever_order_they_are_given() -> None:
    stalls = (
        Stall(at=Duration(2 * SECOND), for_=Duration(SECOND), kind="pause"),
        Stall(at=Duration(SECOND), for_=Duration(SECOND // 2), kind="pause"),
    )
    clock = SenderClock(0, stalls=stalls)
    assert times(clock, 8000, 8001, 16000, 16001) == [
        SECOND,
        SECOND * 3 // 2 + SAMPLE,
        SECOND * 5 // 2,
        SECOND * 7 // 2 + SAMPLE,
    ]


def test_a_gap_leaves_out_its_packets_and_moves_nothing() -> None:
    clock = SenderClock(
        0, stalls=(Stall(at=Duration(SECOND), for_=Duration(SECOND // 2), kind="gap"),)
    )
    assert times(clock, 16000) == [2 * SECOND]
    silent = clock.silent(np.array([7999, 8000, 11999, 12000]))
    assert silent.tolist() == [False, True, True, False]
    assert clock.has_silences


STALLS = st.lists(
    st.builds(
        Stall,
        at=st.integers(0, 5 * SECOND).map(Duration),
        for_=st.integers(1, 3 * SECOND).map(Duration),
        kind=st.sampled_from(["gap", "pause"]),
    ),
    max_size=3,
).map(tuple)


@given(
    skew=st.sampled_from([0.0, 0.1, 33.0, 200.0, -1000.0, 1000.0]),
    stalls=STALLS,
    sample=st.integers(0, 100_000),
    start=st.integers(0, SECOND),
)
def test_a_sample_is_found_at_its_own_time(
    skew: float, stalls: tuple[Stall, ...], sample: int, start: int
) -> None:
    clock = SenderClock(start, skew, stalls)
    before, at, after = times(clock, max(0, sample - 1), sample, sample + 1)
    assert before <= at < after
    assert clock.time_of_one(sample) == at
    assert clock.sample_at(at) == sample
    # At any time: the first sample that begins then or later.
    found = clock.sample_at(at + 1)
    assert times(clock, found)[0] >= at + 1 or found == sample  # frozen there
