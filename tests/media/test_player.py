from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.player import Player

COUNTED = np.arange(1, 401, dtype=np.int16)
"""Two frames and a half."""


def played(player: Player, first: int, count: int) -> NDArray[np.int32]:
    out = np.zeros(count * FRAME_SAMPLES, np.int32)
    player.add_to(out, first, count)
    return out


def test_a_clip_sounds_once_from_its_frame_and_silence_fills_its_last() -> None:
    player = Player(COUNTED, 3)
    assert player.end_frame == 6
    out = played(player, 0, 10)
    assert np.array_equal(out[480:880], COUNTED)
    assert not out[:480].any()
    assert not out[880:].any()


def test_a_loop_goes_round_at_its_last_sample_and_never_ends() -> None:
    player = Player(COUNTED, 3, loop=True)
    assert player.end_frame is None
    assert np.array_equal(played(player, 3, 25), np.tile(COUNTED, 10))
    assert np.array_equal(played(player, 5, 1), np.tile(COUNTED, 2)[320:480])


def test_it_adds_to_what_is_there() -> None:
    out = np.full(160, 1000, np.int32)
    Player(COUNTED, 0).add_to(out, 0, 1)
    assert np.array_equal(out, 1000 + COUNTED[:160])


@pytest.mark.parametrize(
    ("loop", "stopped", "end"), [(False, 4, 4), (False, 9, 6), (True, 4, 4), (True, 9, 9)]
)
def test_a_stop_ends_it_no_later_than_it_ends_by_itself(loop: bool, stopped: int, end: int) -> None:
    player = Player(COUNTED, 3, loop=loop)
    player.stop(stopped)
    assert player.end_frame == end
    out = played(player, 0, 12)
    assert out[(end - 1) * FRAME_SAMPLES]
    assert not out[end * FRAME_SAMPLES :].any()


def test_a_second_stop_does_not_wake_it() -> None:
    player = Player(COUNTED, 0, loop=True)
    player.stop(4)
    player.stop(8)
    assert player.end_frame == 4


def test_nothing_cannot_be_played() -> None:
    with pytest.raises(ValueError, match="nothing to play"):
        Player(COUNTED[:0], 0)


@given(
    loop=st.booleans(),
    first=st.integers(0, 6),
    stopped=st.none() | st.integers(6, 20),
    cuts=st.lists(st.integers(0, 20), max_size=6),
)
def test_blocks_of_any_size_play_the_same(
    loop: bool, first: int, stopped: int | None, cuts: list[int]
) -> None:
    player = Player(COUNTED, first, loop=loop)
    if stopped is not None:
        player.stop(stopped)
    edges = [0, *sorted(cuts), 20]
    pieces = [played(player, low, high - low) for low, high in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces), played(player, 0, 20))
