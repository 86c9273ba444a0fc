"""Tracks of legs, in short blocks and in long ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.tracks import BlockTracks, Tracks

HISTORY = 12


def frames(numbers: list[list[int]]) -> NDArray[np.int16]:
    """Frames that hold their number throughout: (rows, count * 160)."""
    return np.repeat(np.array(numbers, np.int16), FRAME_SAMPLES, axis=1)


def numbers(pcm: NDArray[np.int16]) -> list[int]:
    return [int(frame[17]) for frame in pcm.reshape(-1, FRAME_SAMPLES)]


@settings(max_examples=40)
@given(
    data=st.data(),
    blocks=st.lists(st.tuples(st.integers(1, HISTORY), st.sets(st.integers(0, 4))), max_size=12),
)
def test_it_remembers_the_last_frames_of_every_row(
    data: st.DataObject, blocks: list[tuple[int, set[int]]]
) -> None:
    tracks = Tracks(HISTORY)
    tracks.ensure(5)
    known: list[dict[int, int]] = [{} for _ in range(5)]
    at = 0
    for wanted, chosen in blocks:
        count = min(wanted, HISTORY - at % HISTORY)  # a block does not go round the end
        spoken = sorted(chosen)
        rows = np.array(spoken, np.int64)
        said = [[1 + (7 * row + frame) % 999 for frame in range(at, at + count)] for row in spoken]
        if spoken:
            tracks.write(rows, at, count, frames(said))
            assert np.array_equal(tracks.take(rows, at, count), frames(said))
        silent = sorted(set(range(5)) - chosen)
        tracks.silence(np.array(silent, np.int64), at, count)
        for frame in range(at, at + count):
            for row in range(5):
                known[row][frame] = 1 + (7 * row + frame) % 999 if row in chosen else 0
        at += count
        back = data.draw(st.integers(1, min(HISTORY, at)))
        for row in range(5):
            read = numbers(tracks.read(row, at - back, back))
            assert read == [known[row][frame] for frame in range(at - back, at)]


def test_more_rows_do_not_disturb_those_that_are_there() -> None:
    tracks = Tracks(HISTORY)
    tracks.ensure(1)
    tracks.write(np.array([0]), 5, 2, frames([[3, 4]]))
    tracks.ensure(40)
    tracks.ensure(2)  # never fewer again
    assert numbers(tracks.read(0, 5, 2)) == [3, 4]
    assert numbers(tracks.read(39, 5, 2)) == [0, 0]


def test_a_row_s_block_is_the_memory_itself() -> None:
    tracks = Tracks(HISTORY)
    tracks.ensure(2)
    tracks.row(1, 3, 2)[:] = frames([[8, 9]])[0]
    assert numbers(tracks.read(1, 3, 2)) == [8, 9]
    assert numbers(tracks.read(0, 3, 2)) == [0, 0]


FIRST, COUNT = 40, 3


def block(*numbers: int) -> NDArray[np.int16]:
    """Rows that hold their number throughout: (rows, COUNT * 160)."""
    return np.repeat(np.array(numbers, np.int16)[:, None], COUNT * FRAME_SAMPLES, axis=1)


def rows(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


def test_each_row_s_block_is_what_was_given_for_it() -> None:
    tracks = BlockTracks(FIRST, COUNT)
    tracks.write(rows(4, 9), FIRST, COUNT, block(1, 2))
    tracks.put(7, FIRST, block(3)[0])
    tracks.silence(rows(2), FIRST, COUNT)
    taken = tracks.take(rows(7, 2, 4, 9), FIRST, COUNT)
    assert np.array_equal(taken, block(3, 0, 1, 2))
    assert np.array_equal(tracks.read(9, FIRST, COUNT), block(2)[0])


def test_what_is_taken_is_a_copy() -> None:
    tracks = BlockTracks(FIRST, COUNT)
    tracks.write(rows(0), FIRST, COUNT, block(5))
    tracks.take(rows(0), FIRST, COUNT)[:] = 0
    assert np.array_equal(tracks.row(0, FIRST, COUNT), block(5)[0])


def test_both_kinds_of_sides_repeat_each_other() -> None:
    inbound, outbound = BlockTracks(FIRST, COUNT), BlockTracks(FIRST, COUNT)
    inbound.write(rows(0, 1), FIRST, COUNT, block(5, 6))
    outbound.repeat(rows(1, 0), inbound, rows(0, 1), FIRST, COUNT)
    assert np.array_equal(outbound.take(rows(0, 1), FIRST, COUNT), block(6, 5))
    short = Tracks(100)
    short.ensure(2)
    short.repeat(rows(1, 0), inbound, rows(0, 1), FIRST, COUNT)
    assert np.array_equal(short.take(rows(0, 1), FIRST, COUNT), block(6, 5))


@pytest.mark.parametrize(("first", "count"), [(FIRST - 1, COUNT), (FIRST, COUNT - 1)])
def test_other_frames_are_not_there(first: int, count: int) -> None:
    tracks = BlockTracks(FIRST, COUNT)
    tracks.write(rows(0), FIRST, COUNT, block(5))
    with pytest.raises(LookupError, match="are not the block of 3 from 40 on"):
        tracks.read(0, first, count)
