from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mediasim.rtp.packets import Parsed, build, parse
from mediasim.rtp.probation import StreamLock

Packet = tuple[int, int]
"""SSRC and sequence number."""


def parsed(packets: list[Packet]) -> Parsed:
    data = build(
        np.zeros((len(packets), 1), np.uint8),
        payload_type=0,
        sequence=np.array([sequence for _, sequence in packets], np.int64),
        timestamp=np.zeros(len(packets), np.int64),
        ssrc=np.array([ssrc for ssrc, _ in packets], np.int64),
    )
    return parse(data, np.full(len(packets), 13))


def split(lock: StreamLock, packets: list[Packet]) -> tuple[list[tuple[list[int], bool]], int]:
    """Runs as (rows, is a new stream), and the row held back or -1."""
    runs, held = lock.runs(parsed(packets))
    return [(run.indices.tolist(), run.restarted) for run in runs], -1 if held is None else held


def test_the_first_packet_is_taken_at_once() -> None:
    assert split(StreamLock(), [(5, 100), (5, 101)]) == ([([0, 1], True)], -1)


def test_a_stream_once_followed_goes_on() -> None:
    lock = StreamLock()
    split(lock, [(5, 100)])
    assert split(lock, [(5, 101), (5, 107)]) == ([([0, 1], False)], -1)


def test_a_stray_is_held_back_and_never_taken() -> None:
    lock = StreamLock()
    assert split(lock, [(5, 1), (9, 50), (5, 2)]) == ([([0, 2], True)], -1)
    assert lock.ssrc == 5


def test_strays_out_of_sequence_prove_nothing() -> None:
    lock = StreamLock()
    assert split(lock, [(5, 1), (9, 50), (9, 52), (9, 51), (8, 52)]) == ([([0], True)], 4)
    assert lock.ssrc == 5


def test_two_in_sequence_are_a_new_stream_and_both_are_of_it() -> None:
    lock = StreamLock()
    runs, held = lock.runs(parsed([(5, 1), (9, 0xFFFF), (9, 0), (9, 1)]))
    assert [(run.indices.tolist(), run.restarted, run.proven) for run in runs] == [
        ([0], True, False),
        ([1, 2, 3], True, True),
    ]
    assert held is None
    assert lock.ssrc == 9


def test_a_packet_of_the_old_stream_in_between_breaks_the_proof() -> None:
    lock = StreamLock()
    assert split(lock, [(5, 1), (9, 50), (5, 2), (9, 51)]) == ([([0, 2], True)], 3)
    assert lock.ssrc == 5


def test_the_packet_held_back_comes_first_in_the_next_block() -> None:
    lock = StreamLock()
    assert split(lock, [(5, 1), (9, 50)])[1] == 1
    assert split(lock, [(9, 50), (9, 51)]) == ([([0, 1], True)], -1)


def test_what_is_no_rtp_is_in_no_run() -> None:
    block = parsed([(5, 1), (5, 2), (5, 3)])
    block.ok[1] = False
    runs, _ = StreamLock().runs(block)
    assert [run.indices.tolist() for run in runs] == [[0, 2]]


def test_a_stream_that_comes_back_is_a_new_one() -> None:
    lock = StreamLock()
    runs, _ = split(lock, [(5, 1), (9, 7), (9, 8), (5, 2), (5, 3)])
    assert runs == [([0], True), ([1, 2], True), ([3, 4], True)]


@given(
    packets=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=6),
)
def test_any_cut_into_blocks_takes_the_same_packets(packets: list[Packet], cuts: list[int]) -> None:
    whole, _ = StreamLock().runs(parsed(packets))
    wanted = [index for run in whole for index in run.indices.tolist()]

    lock = StreamLock()
    found: list[int] = []
    held: list[int] = []
    for low, high in itertools.pairwise([0, *sorted(min(c, len(packets)) for c in cuts), None]):
        numbers = held + list(range(len(packets)))[low:high]
        if not numbers:
            continue
        runs, back = lock.runs(parsed([packets[number] for number in numbers]))
        found += [numbers[index] for run in runs for index in run.indices.tolist()]
        held = [] if back is None else [numbers[back]]
    assert found == wanted
