from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pacing_oracle import PlainPacing

from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES, SAMPLE_NS
from mediasim.rtp.playout_offsets import WINDOW_FRAMES
from mediasim.rtp.probation import STEP, Anchor, FirstPackets, offset_of
from mediasim.rtp.skew_compensation import DRIFT_BOUND, ENOUGH, PATIENCE, SkewCompensation

DEPTH = 3
MS = 1_000_000


EARLY = 64 * FRAME_SAMPLES


def judged(judge: SkewCompensation, slacks: list[int], packets: list[int]) -> list[int]:
    """A window of each of the first rows, asked of all that might move."""
    rows, slack, count = np.arange(len(slacks)), np.array(slacks), np.array(packets)
    moves = np.zeros(len(slacks), np.int64)
    asked = ~judge.calm(rows, slack, count)
    moves[asked] = judge.judge(rows[asked], slack[asked], count[asked])
    found: list[int] = moves.tolist()
    return found


def pacing(rows: int = 1) -> SkewCompensation:
    judge = SkewCompensation(EARLY)
    judge.ensure(rows)
    for row in range(rows):
        judge.refer(row, 0, DEPTH * FRAME_SAMPLES)
    return judge


def moves(slacks: list[int], packets: int = 25) -> list[int]:
    """What each window of a stream moves it by; slacks are seen with the moves taken off."""
    judge, place = pacing(), 0
    found = []
    for slack in slacks:
        move = judged(judge, [slack - place], [packets])[0]
        place += move
        found.append(move)
    return found


# -- drift and restart --------------------------------------------------------------------------


def test_a_stream_that_keeps_time_never_moves() -> None:
    assert moves([0, 5, -5, STEP - 1, 1 - STEP] * 10) == [0] * 50


def test_a_drift_moves_it_when_windows_agree() -> None:
    assert moves([STEP] * PATIENCE) == [0] * (PATIENCE - 1) + [STEP]
    assert moves([-STEP] * PATIENCE) == [0] * (PATIENCE - 1) + [-STEP]


def test_windows_that_disagree_move_nothing() -> None:
    assert not any(moves([STEP, STEP, STEP, 0] * 5))
    assert not any(moves([STEP, -STEP] * 10))


def test_it_moves_by_what_all_agree_on_in_whole_steps() -> None:
    assert moves([200, 190, 170, 300])[-1] == 160
    assert moves([-200, -190, -170, -300])[-1] == -160


def test_after_a_move_windows_are_counted_anew() -> None:
    drift = [STEP] * PATIENCE + [2 * STEP] * PATIENCE
    assert [number for number, move in enumerate(moves(drift)) if move] == [3, 7]


def test_windows_of_few_packets_say_nothing() -> None:
    assert not any(moves([10_000] * 10, packets=ENOUGH - 1))


def test_all_packets_of_a_window_too_late_move_it_at_once() -> None:
    late = DEPTH * FRAME_SAMPLES + 1
    assert moves([late])[0] == late // STEP * STEP
    assert moves([late - 1]) == [0]


def test_one_packet_far_too_early_moves_nothing_but_two_windows_do() -> None:
    early = -65 * FRAME_SAMPLES
    assert moves([0, early, 0, early, 0]) == [0] * 5
    assert moves([early, early]) == [0, early]


SLACKS = st.one_of(
    st.integers(-3 * STEP, 3 * STEP),
    st.integers(DEPTH * FRAME_SAMPLES - 2, DEPTH * FRAME_SAMPLES + 2 * STEP),
    st.integers(-EARLY - 2 * STEP, 2 - EARLY),
)
WINDOWS = st.tuples(SLACKS, st.sampled_from([ENOUGH - 1, ENOUGH, 25]))


@settings(max_examples=300)
@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(WINDOWS, min_size=n, max_size=n))))
def test_many_streams_are_judged_as_each_alone_would_be(
    windows: list[list[tuple[int, int]]],
) -> None:
    """Windows of all streams at once against plain rules for each."""
    count = len(windows[0]) if windows else 0
    judge = pacing(count)
    alone = [PlainPacing(0, DEPTH * FRAME_SAMPLES, EARLY) for _ in range(count)]
    places = [0] * count
    for window in windows:
        slacks = [slack - place for (slack, _), place in zip(window, places, strict=True)]
        packets = [number for _, number in window]
        found = judged(judge, slacks, packets)
        assert found == [
            one.judge(slack, number)
            for one, slack, number in zip(alone, slacks, packets, strict=True)
        ]
        places = [place + move for place, move in zip(places, found, strict=True)]


def test_a_new_place_forgets_what_was_seen_of_the_old_one() -> None:
    judge = pacing(2)
    for _ in range(PATIENCE - 1):
        assert judged(judge, [STEP, STEP], [25, 25]) == [0, 0]
    judge.refer(0, 0, DEPTH * FRAME_SAMPLES)
    assert judged(judge, [STEP, STEP], [25, 25]) == [0, STEP]


@pytest.mark.parametrize("ppm", [-1000, -200, -50, 50, 200, 1000])
def test_drift_is_followed_within_its_bound_for_hours(ppm: int) -> None:
    judge = pacing()
    place, worst = 0, 0.0
    for window in range(2 * 3600 * 50 // WINDOW_FRAMES):
        # A slow clock's packets come ever later; the least of a window is its first packet's.
        begins = window * WINDOW_FRAMES * FRAME_SAMPLES
        gone = begins + WINDOW_FRAMES * FRAME_SAMPLES
        least = min(-ppm * begins, -ppm * gone) / 1e6
        worst = max(worst, abs(-ppm * gone / 1e6 - place))
        place += judged(judge, [round(least) - place], [25])[0]
    assert worst <= DRIFT_BOUND
    assert abs(-ppm * 2 * 3600 * 8000 / 1e6 - place) <= DRIFT_BOUND


# -- the place of a new stream ------------------------------------------------------------------


def arrivals(ptime_ms: int, delay_ns: int, numbers: list[int]) -> tuple[list[int], list[int]]:
    """Media times and arrival times of a sender's packets."""
    step = ptime_ms * 8
    media = [number * step for number in numbers]
    return media, [(at + step) * SAMPLE_NS + delay_ns for at in media]


def anchor(
    media: list[int], arrival: list[int], depth: int, known_before: int, lead: int = 0
) -> Anchor | None:
    first = FirstPackets(depth, lead)
    for at, came in zip(media, arrival, strict=True):
        first.take(at, came)
    return first.anchor(known_before)


def placed(media: list[int], arrival: list[int], depth: int = DEPTH) -> Anchor:
    found = anchor(media, arrival, depth, 1 << 40)
    assert found is not None
    return found


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("delay_ms", [0, 3, 7, 10, 20, 33, 150])
@pytest.mark.parametrize("depth", [1, 3, 50])
def test_the_place_does_not_depend_on_which_packet_comes_first(
    ptime_ms: int, delay_ms: int, depth: int
) -> None:
    places = {
        placed(*arrivals(ptime_ms, delay_ms * MS, numbers), depth).offset
        for numbers in ([0, 1, 2, 3], [1, 2, 3], [2], [3, 5], [7, 8, 9])
    }
    assert places == {offset_of(ptime_ms * 8 + delay_ms * 8, depth)}


@settings(max_examples=200)
@given(
    ptime_ms=st.sampled_from([10, 20, 30, 40, 50, 60]),
    delay_ns=st.integers(0, 300 * MS),
    number=st.integers(0, 100),
    depth=st.integers(1, 50),
)
def test_on_a_steady_path_every_packet_comes_in_time(
    ptime_ms: int, delay_ns: int, number: int, depth: int
) -> None:
    media, arrival = arrivals(ptime_ms, delay_ns, [number])
    place = placed(media, arrival, depth).offset
    assert place % STEP == 0
    for at, came in zip(*arrivals(ptime_ms, delay_ns, list(range(200))), strict=True):
        waits = (at + place) // FRAME_SAMPLES - (came // FRAME_NS + 1)
        assert depth - 1 <= waits <= depth + 1


@pytest.mark.parametrize("ppm", [-5000, -200, 200, 5000])
@pytest.mark.parametrize("delay_ms", range(0, 60, 3))
def test_a_clock_somewhat_off_does_not_change_the_place(ppm: int, delay_ms: int) -> None:
    media, arrival = arrivals(20, 0, [0, 1, 2])
    skewed = [round(at / (1 + ppm * 1e-6)) + delay_ms * MS for at in arrival]
    assert placed(media, skewed).offset == offset_of(160 + delay_ms * 8, DEPTH)


def test_the_least_delayed_of_the_first_packets_counts() -> None:
    media, arrival = arrivals(20, 0, [0, 1, 2, 3])
    late = [arrival[0] + 30 * MS, arrival[1], arrival[2] + 5 * MS, arrival[3]]
    assert placed(media, late) == Anchor(0, 160, offset_of(160, DEPTH))


def test_what_comes_when_it_is_heard_already_does_not_count() -> None:
    media, arrival = arrivals(20, 0, [0, 1])
    arrival[0] += 15 * MS
    arrival[1] = arrival[0] + 100 * MS
    found = placed(media, arrival)
    assert found.transit == 160 + 120


def test_more_packets_are_awaited_while_they_could_change_it() -> None:
    media, arrival = arrivals(20, 0, [0])
    plays = (media[0] + offset_of(160, DEPTH)) // FRAME_SAMPLES
    assert anchor(media, arrival, DEPTH, plays) is None
    assert anchor(media, arrival, DEPTH, plays + 1) is not None


@settings(max_examples=300)
@given(
    delays=st.lists(st.integers(0, 200 * MS), min_size=1, max_size=20),
    depth=st.integers(1, 6),
    lead=st.sampled_from([0, 22, 52]),
)
def test_it_is_found_at_the_same_moment_whoever_asks_when(
    delays: list[int], depth: int, lead: int
) -> None:
    """Frame by frame, with the packets usable by then, or all at once: one answer, given before
    the first packet is needed."""
    media, arrival = arrivals(20, 0, list(range(len(delays))))
    came = sorted(
        (at + delay, number) for number, (at, delay) in enumerate(zip(arrival, delays, strict=True))
    )
    media = [media[number] for _, number in came]
    arrival = [at for at, _ in came]
    whole = anchor(media, arrival, depth, 1 << 40, lead)
    assert whole is not None
    for frame in itertools.count(1):
        usable = [at for at in arrival if at // FRAME_NS + 1 < frame]
        if not usable:
            continue
        found = anchor(media[: len(usable)], usable, depth, frame, lead)
        if found is not None:
            assert found == whole
            assert frame - 1 <= found.begins(lead)
            return
