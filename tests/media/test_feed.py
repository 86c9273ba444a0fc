"""A feed: pieces follow each other to the sample, and stop when they are told to."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.media.feed import Feed
from mediasim.media.player import Player


def played(feed: Feed, first: int, count: int) -> NDArray[np.int32]:
    out = np.zeros(count * 160, np.int32)
    feed.add_to(out, first, count)
    return out


def test_pieces_in_time_leave_no_gap() -> None:
    spurts: list[Player] = []
    feed = Feed(0, "app", spurts.append)
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
    feed = Feed(0, "app", spurts.append)
    feed.append(np.full(100, 1, np.int16), 0)
    played(feed, 0, 1)
    feed.append(np.full(160, 2, np.int16), 1)
    assert played(feed, 1, 2).tolist() == [2] * 160 + [0] * 160
    assert [(each.first_frame, each.end_frame) for each in spurts] == [(0, 1), (1, 2)]


def test_cleared_audio_is_never_heard() -> None:
    feed = Feed(0, "app", lambda _: None)
    feed.append(np.full(800, 1, np.int16), 0)
    played(feed, 0, 2)
    feed.clear(2)
    assert feed.end_of_sound(2) == 320
    feed.append(np.full(160, 2, np.int16), 2)
    assert played(feed, 2, 3).tolist() == [2] * 160 + [0] * 320
    assert feed.fed == 960


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40), st.integers(1, 7))
def test_what_is_fed_at_once_is_played_whole(lengths: list[int], block: int) -> None:
    feed = Feed(3, "app", lambda _: None)
    pieces = [np.arange(length).astype(np.int16) + 1 for length in lengths]
    for piece in pieces:
        feed.append(piece, 3)
    whole = np.concatenate(pieces)
    assert feed.end_of_sound(3) == 480 + len(whole)
    blocks = range(3, 3 + -(-len(whole) // 160), block)
    heard = np.concatenate([played(feed, first, block) for first in blocks])
    assert np.array_equal(heard[: len(whole)], whole)
    assert not heard[len(whole) :].any()
