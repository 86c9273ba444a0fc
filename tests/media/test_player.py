"""Players and feeds: what the server puts on a leg, to the sample."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.media.player import Player, StreamPlayer

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


def test_pieces_in_time_leave_no_gap() -> None:
    spurts: list[Player] = []
    feed = StreamPlayer(0, "app", spurts.append)
    feed.append(np.full(100, 1, np.int16), 0)
    feed.append(np.full(100, 2, np.int16), 0)
    assert played(feed, 0, 1).tolist() == [1] * 100 + [2] * 60
    feed.append(np.full(280, 3, np.int16), 1)
    assert played(feed, 1, 2).tolist() == [2] * 40 + [3] * 280
    feed.append(np.full(160, 4, np.int16), 3)  # just in time
    assert played(feed, 3, 1).tolist() == [4] * 160
    assert len(spurts) == 1


def test_a_late_piece_begins_with_a_frame() -> None:
    spurts: list[Player] = []
    feed = StreamPlayer(0, "app", spurts.append)
    feed.append(np.full(100, 1, np.int16), 0)
    played(feed, 0, 1)
    feed.append(np.full(160, 2, np.int16), 1)
    assert played(feed, 1, 2).tolist() == [2] * 160 + [0] * 160
    assert [(each.first_frame, each.end_frame) for each in spurts] == [(0, 1), (1, 2)]


def test_cleared_audio_is_never_heard() -> None:
    feed = StreamPlayer(0, "app", lambda _: None)
    feed.append(np.full(800, 1, np.int16), 0)
    played(feed, 0, 2)
    feed.clear(2)
    assert feed.end_of_sound(2) == 320
    feed.append(np.full(160, 2, np.int16), 2)
    assert played(feed, 2, 3).tolist() == [2] * 160 + [0] * 320
    assert feed.fed == 960


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40), st.integers(1, 7))
def test_what_is_fed_at_once_is_played_whole(lengths: list[int], block: int) -> None:
    feed = StreamPlayer(3, "app", lambda _: None)
    pieces = [np.arange(length).astype(np.int16) + 1 for length in lengths]
    for piece in pieces:
        feed.append(piece, 3)
    whole = np.concatenate(pieces)
    assert feed.end_of_sound(3) == 480 + len(whole)
    blocks = range(3, 3 + -(-len(whole) // 160), block)
    heard = np.concatenate([played(feed, first, block) for first in blocks])
    assert np.array_equal(heard[: len(whole)], whole)
    assert not heard[len(whole) :].any()
