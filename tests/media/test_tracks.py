"""The memory of tracks, against plain lists of frames."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.tracks import Tracks

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
