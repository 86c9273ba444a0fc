"""One side of some legs for one long block."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.block_tracks import BlockTracks
from mediasim.media.tracks import Tracks

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
