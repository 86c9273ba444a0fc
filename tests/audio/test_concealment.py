from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.concealment import CONCEALED_SAMPLES, conceal, repeat_and_fade
from mediasim.audio.tones import tone

SPEECH = tone((200, 650), 160 * 20, -10)


@st.composite
def gaps(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Missing frames of a track of 20, as runs."""
    lost = draw(st.lists(st.booleans(), min_size=20, max_size=20))
    edges = np.flatnonzero(np.diff([False, *lost, False])).reshape(-1, 2) * 160
    return [(int(start), int(end)) for start, end in edges]


@given(missing=gaps())
def test_only_missing_samples_change(missing: list[tuple[int, int]]) -> None:
    track = SPEECH.copy()
    conceal(track, missing)
    kept = np.ones(len(track), np.bool_)
    for start, end in missing:
        kept[start:end] = False
    np.testing.assert_array_equal(track[kept], SPEECH[kept])


@given(missing=gaps())
def test_what_stood_in_the_gap_does_not_matter(missing: list[tuple[int, int]]) -> None:
    track, other = SPEECH.copy(), SPEECH.copy()
    for start, end in missing:
        other[start:end] = -1
    conceal(track, missing)
    conceal(other, missing)
    np.testing.assert_array_equal(track, other)


def test_the_last_frame_is_repeated_and_fades_over_60_ms() -> None:
    track = np.full(160 * 8, 12000, np.int16)
    conceal(track, [(160, 160 * 7)])
    gap = track[160 : 160 * 7].astype(np.int32)
    assert gap[0] == 12000
    assert np.all(np.diff(gap[:CONCEALED_SAMPLES]) == -25)
    assert not gap[CONCEALED_SAMPLES:].any()
    assert track[160 * 7] == 12000


def test_a_repeat_has_the_period_of_a_frame() -> None:
    last = np.arange(160, dtype=np.int16) + 1000
    filling = repeat_and_fade(last, 0, 320)
    np.testing.assert_array_equal(filling[:160], np.rint(last * (1 - np.arange(160) / 480)))
    np.testing.assert_array_equal(filling[160:], np.rint(last * (1 - np.arange(160, 320) / 480)))


@given(cut=st.integers(0, 700))
def test_a_filling_made_in_pieces_has_no_seam(cut: int) -> None:
    last = SPEECH[:160]
    pieces = [repeat_and_fade(last, 0, cut), repeat_and_fade(last, cut, 700 - cut)]
    np.testing.assert_array_equal(np.concatenate(pieces), repeat_and_fade(last, 0, 700))


def concealed(track: NDArray[np.int16], before: NDArray[np.int16] | None) -> NDArray[np.int16]:
    track = track.copy()
    conceal(track, [(0, 160)], before)
    return track


def test_a_gap_at_the_start_repeats_what_came_before() -> None:
    track = SPEECH[160:480].copy()
    whole = SPEECH[:480].copy()
    conceal(whole, [(160, 320)])
    np.testing.assert_array_equal(concealed(track, SPEECH[:160]), whole[160:])
    # Only as much as there was: the rest is silence.
    short = concealed(track, SPEECH[150:160])
    assert not short[:150].any()
    np.testing.assert_array_equal(short[150:160], whole[160:][150:160])
    assert not concealed(track, None)[:160].any()


def test_a_gap_soon_after_the_start_repeats_across_it() -> None:
    track = SPEECH[100:480].copy()
    whole = SPEECH[:480].copy()
    conceal(track, [(60, 220)], SPEECH[:100])
    conceal(whole, [(160, 320)])
    np.testing.assert_array_equal(track, whole[100:])
