"""What is heard where nothing arrived: comfort noise and concealment, payloads and samples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.codecs import NOISE_TYPE
from mediasim.audio.tones import comfort_noise, tone
from mediasim.rtp.gaps import (
    CONCEALED_SAMPLES,
    GapFiller,
    build_comfort_noise,
    parse_comfort_noise,
    repeat_and_fade,
)
from mediasim.rtp.ring import UNIT


@pytest.mark.parametrize(
    ("dbfs", "payload"),
    [(0.0, b"\x00"), (-60.0, b"\x3c"), (-78.4, b"\x4e"), (-127.0, b"\x7f"), (-200.0, b"\x7f")],
)
def test_the_level_is_one_byte_of_minus_dbov(dbfs: float, payload: bytes) -> None:
    assert build_comfort_noise(dbfs) == payload


def test_no_noise_at_all_is_the_lowest_level() -> None:
    assert parse_comfort_noise(build_comfort_noise(-math.inf)) == -127.0


@given(level=st.floats(-127.0, 0.0))
def test_a_level_survives_to_the_nearest_decibel(level: float) -> None:
    heard = parse_comfort_noise(build_comfort_noise(level))
    assert heard is not None
    assert abs(heard - level) <= 0.5


@pytest.mark.parametrize("level", [0.1, 12.0, math.inf, math.nan])
def test_a_level_that_cannot_be_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="expected 0 or below"):
        build_comfort_noise(level)


def test_the_spectrum_and_the_reserved_bit_change_nothing() -> None:
    assert parse_comfort_noise(b"\x3c\x81\x90\x7f") == -60.0
    assert parse_comfort_noise(b"\xbc") == -60.0


@given(payload=st.binary(max_size=40))
def test_any_payload_is_a_level_or_nothing(payload: bytes) -> None:
    level = parse_comfort_noise(payload)
    assert (level is None) == (payload == b"")
    assert level is None or -127.0 <= level <= 0.0


def test_the_payload_type_is_static() -> None:
    assert NOISE_TYPE == 13


SPEECH = tone((200, 650), 160 * 20, -10)


def test_the_last_frame_fades_over_60_ms() -> None:
    gap = repeat_and_fade(np.full(160, 12000, np.int16), 0, 960).astype(np.int32)
    assert gap[0] == 12000
    assert np.all(np.diff(gap[:CONCEALED_SAMPLES]) == -25)
    assert not gap[CONCEALED_SAMPLES:].any()


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
