from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.concealment import repeat_and_fade
from mediasim.audio.tones import comfort_noise
from mediasim.rtp.comfort_noise import build_comfort_noise
from mediasim.rtp.gaps import GapFiller
from mediasim.rtp.ring import UNIT

KEY = 77
NOISE = build_comfort_noise(-40)


def filler(*, conceal: bool = False) -> GapFiller:
    return GapFiller(conceal=conceal, noise_key=KEY)


def there(pattern: str) -> NDArray[np.bool_]:
    """``#`` for 10 ms that came, ``.`` for 10 ms that did not."""
    return np.array([sign == "#" for sign in pattern])


def heard(pattern: str, seed: int = 1) -> NDArray[np.int16]:
    """Audio as it comes from the ring: silent where nothing came."""
    pcm = np.random.default_rng(seed).integers(100, 3000, len(pattern) * UNIT).astype(np.int16)
    return pcm * np.repeat(there(pattern), UNIT)


def filled(
    gaps: GapFiller, pattern: str, first: int = 0, cuts: tuple[int, ...] = ()
) -> NDArray[np.int16]:
    """What is played of the pattern, in blocks cut at these units."""
    pcm, have = heard(pattern), there(pattern)
    for low, high in itertools.pairwise([0, *cuts, len(pattern)]):
        piece = pcm[low * UNIT : high * UNIT]
        gaps.fill(piece, have[low:high], first + low * UNIT)
    return pcm


def unit(pcm: NDArray[np.int16], number: int, count: int = 1) -> NDArray[np.int16]:
    return pcm[number * UNIT : (number + count) * UNIT]


# -- silence and concealment --------------------------------------------------------------------


def test_without_anything_announced_a_gap_is_silence() -> None:
    gaps = filler()
    assert not gaps.active
    pcm = filled(gaps, "##..##")
    assert np.array_equal(pcm, heard("##..##"))


def test_a_gap_is_concealed_by_what_came_before_it_fading() -> None:
    pcm = filled(filler(conceal=True), "##....")
    last = unit(heard("##...."), 0, 2)
    assert np.array_equal(unit(pcm, 2, 4), repeat_and_fade(last, 0, 4 * UNIT))


def test_after_60_ms_there_is_nothing_left_to_repeat() -> None:
    pcm = filled(filler(conceal=True), "##" + "." * 12)
    assert unit(pcm, 7).any()
    assert not unit(pcm, 8, 6).any()


def test_before_the_first_word_there_is_nothing_to_repeat() -> None:
    assert not unit(filled(filler(conceal=True), "..##"), 0, 2).any()


def test_concealment_changes_no_sample_that_came() -> None:
    pattern = "##.#..##...#"
    pcm = filled(filler(conceal=True), pattern)
    came = np.repeat(there(pattern), UNIT)
    assert np.array_equal(pcm[came], heard(pattern)[came])


# -- comfort noise ------------------------------------------------------------------------------


def test_announced_noise_fills_from_its_own_sample_on() -> None:
    gaps = filler()
    gaps.noise(2 * UNIT + 7, NOISE)
    assert gaps.active
    pcm = filled(gaps, "##....")
    assert not pcm[2 * UNIT : 2 * UNIT + 7].any()
    wanted = comfort_noise(2 * UNIT + 7, 4 * UNIT - 7, -40, KEY)
    assert np.array_equal(pcm[2 * UNIT + 7 :], wanted)


def test_noise_ends_with_speech_and_a_later_loss_is_silent() -> None:
    gaps = filler()
    gaps.noise(0, NOISE)
    pcm = filled(gaps, "..##..")
    assert unit(pcm, 0, 2).any()
    assert not unit(pcm, 4, 2).any()
    assert not gaps.active


def test_noise_that_was_spoken_over_does_not_come_later() -> None:
    gaps = filler()
    gaps.noise(UNIT, NOISE)
    assert not unit(filled(gaps, "####.."), 4, 2).any()


def test_a_new_level_takes_over_where_it_says() -> None:
    gaps = filler()
    gaps.noise(0, NOISE)
    gaps.noise(2 * UNIT, build_comfort_noise(-60))
    pcm = filled(gaps, "....")
    assert np.array_equal(unit(pcm, 0, 2), comfort_noise(0, 2 * UNIT, -40, KEY))
    assert np.array_equal(unit(pcm, 2, 2), comfort_noise(2 * UNIT, 2 * UNIT, -60, KEY))


def test_levels_hold_in_the_order_of_their_places_not_of_their_arrival() -> None:
    gaps, ordered = filler(), filler()
    levels = [(0, -40.0), (UNIT, -50.0), (3 * UNIT, -45.0)]
    for at, level in levels:
        ordered.noise(at, build_comfort_noise(level))
    for at, level in reversed(levels):
        gaps.noise(at, build_comfort_noise(level))
    assert np.array_equal(filled(gaps, "....."), filled(ordered, "....."))


def test_an_empty_payload_announces_nothing() -> None:
    gaps = filler()
    gaps.noise(0, b"")
    assert not gaps.active


def test_a_new_stream_does_not_keep_the_noise_of_the_last() -> None:
    gaps = filler()
    gaps.noise(0, NOISE)
    filled(gaps, "..")
    gaps.forget(2 * UNIT)
    assert not filled(gaps, "..", first=2 * UNIT).any()


def test_a_new_stream_known_of_ahead_changes_nothing_before_it() -> None:
    gaps, early = filler(), filler()
    for each in (gaps, early):
        each.noise(0, NOISE)
        each.noise(3 * UNIT, NOISE)
    early.forget(2 * UNIT)
    whole = filled(early, "....")
    assert np.array_equal(whole[: 2 * UNIT], filled(gaps, ".."))
    assert not whole[2 * UNIT :].any()


# -- blocks -------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    pattern=st.text("#.", min_size=1, max_size=24),
    cuts=st.lists(st.integers(0, 24), max_size=6),
    noises=st.lists(st.tuples(st.integers(0, 24 * UNIT), st.integers(-70, -30)), max_size=3),
    conceal=st.booleans(),
)
def test_any_cut_into_blocks_plays_the_same(
    pattern: str, cuts: list[int], noises: list[tuple[int, int]], conceal: bool
) -> None:
    whole, pieces = filler(conceal=conceal), filler(conceal=conceal)
    for gaps in (whole, pieces):
        for at, level in noises:
            gaps.noise(at, build_comfort_noise(level))
    inside = tuple(sorted({cut for cut in cuts if 0 < cut < len(pattern)}))
    assert np.array_equal(filled(whole, pattern), filled(pieces, pattern, cuts=inside))


@pytest.mark.parametrize("conceal", [False, True])
def test_a_block_without_gaps_is_left_alone(conceal: bool) -> None:
    pcm = filled(filler(conceal=conceal), "####")
    assert np.array_equal(pcm, heard("####"))
