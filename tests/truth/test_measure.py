"""Measuring on channels whose every sample is known.

Where unrelated speech is part of the matter, the draws are the same in every run: what it takes
to tell a copy from chance was settled on thousands of others.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.truth.measure import (
    FLOOR_DB,
    crosstalk_db,
    drift_ppm,
    find_offset,
    find_within,
    loudest_frame,
    match_at,
)
from mediasim.truth.reference import coded

Samples = NDArray[np.int16]
SECOND = 8000
SEEDS = st.integers(0, 1 << 30)
LAWS = st.sampled_from(["PCMU", "PCMA"])
SILENCE = np.zeros(SECOND, np.int16)


def speech(seed: int, seconds: float, rms: float = 1500.0) -> Samples:
    """Sound built like speech: voiced and unvoiced syllables of changing pitch, and pauses."""
    rng = np.random.default_rng(seed)
    total = round(seconds * SECOND)
    pitch = rng.uniform(90.0, 220.0)
    pieces: list[NDArray[np.float64]] = []
    made = 0
    while made < total:
        length = int(rng.integers(600, 2000))
        time = np.arange(length) / SECOND
        if rng.random() < 0.7:
            turns = np.cumsum(pitch * (1 + 0.2 * rng.standard_normal() * time)) / SECOND
            formants = rng.uniform([300, 900, 2200], [800, 2000, 3200])
            harmonic = np.arange(1, int(3600 / pitch) + 1)
            gain = sum(np.exp(-(((harmonic * pitch - formant) / 150) ** 2)) for formant in formants)
            phase = rng.uniform(0, 1, len(harmonic))
            sound = (gain + 0.02) @ np.sin(2 * np.pi * (np.outer(harmonic, turns) + phase[:, None]))
        else:
            sound = 0.5 * np.diff(rng.standard_normal(length + 1))
        pieces.append(sound * np.hanning(length) * rng.uniform(0.4, 1.2))
        pieces.append(np.zeros(int(rng.integers(0, 900))))
        made += len(pieces[-1]) + length
    voice = np.concatenate(pieces)[:total]
    voice *= rms / np.sqrt(np.mean(voice**2))
    return np.clip(np.rint(voice), -32768, 32767).astype(np.int16)


def placed(length: int, *clips: tuple[int, Samples]) -> Samples:
    """A channel in which the clips add up, each from its offset on."""
    channel = np.zeros(length, np.int32)
    for offset, clip in clips:
        low, high = max(offset, 0), min(offset + len(clip), length)
        if low < high:
            channel[low:high] += clip[low - offset : high - offset]
    return np.clip(channel, -32768, 32767).astype(np.int16)


def scaled(samples: Samples, db: float) -> Samples:
    return np.rint(samples * np.float64(10 ** (db / 20))).astype(np.int16)


# -- find_offset -------------------------------------------------------------------------------


@given(SEEDS, LAWS, st.integers(0, 3 * SECOND), st.integers(-1600, 1600))
@settings(max_examples=25, deadline=None)
def test_a_clip_alone_is_found_to_the_sample(seed: int, law: str, offset: int, off: int) -> None:
    clip = coded(speech(seed, 0.5), law)
    channel = placed(4 * SECOND, (offset, clip))
    match = find_offset(channel, clip, offset + off, 1600)
    assert match is not None
    assert match.offset == offset
    assert match.correlation == pytest.approx(1.0, abs=1e-9)
    assert match.gain_db == pytest.approx(0.0, abs=1e-6)


@given(SEEDS, st.integers(4000, 12_000))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_clip_is_found_under_louder_speech(seed: int, offset: int) -> None:
    """Another voice, 6 dB louder, talks all the time."""
    clip = speech(seed, 1.5)
    channel = coded(
        placed(4 * SECOND, (offset, clip), (0, speech(seed + 1, 4.0, rms=3000.0))), "PCMU"
    )
    match = find_offset(channel, coded(clip, "PCMU"), offset + 300, 4000)
    assert match is not None
    assert match.offset == offset
    assert 0.2 < match.correlation < 0.8
    assert match.gain_db == pytest.approx(0.0, abs=3.0)


@given(SEEDS, st.sampled_from([0, 100, 4000]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_what_nobody_said_is_not_found(seed: int, reach: int) -> None:
    channel = coded(speech(seed, 4.0), "PCMU")
    clip = coded(speech(seed + 1, 1.0), "PCMU")
    assert find_offset(channel, clip, SECOND, reach) is None


@given(SEEDS)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_lost_frames_move_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clip = coded(speech(seed, 2.0), "PCMU")
    channel = placed(4 * SECOND, (1234, clip))
    channel.reshape(-1, 160)[rng.random(200) < 0.2] = 0
    match = find_offset(channel, clip, 1000, 800)
    assert match is not None
    assert match.offset == 1234
    assert match.correlation > 0.6


def test_gain_is_that_of_the_channel() -> None:
    clip = speech(1, 1.0)
    match = find_offset(placed(2 * SECOND, (500, scaled(clip, -12.0))), clip, 0, 800)
    assert match is not None
    assert (match.offset, round(match.gain_db, 2)) == (500, -12.0)


def test_tones_are_found_by_their_edges() -> None:
    tone = np.rint(8000 * np.sin(2 * np.pi * 1000 / SECOND * np.arange(4000))).astype(np.int16)
    match = find_offset(placed(2 * SECOND, (4003, tone)), tone, 4000, 800)
    assert match is not None
    assert match.offset == 4003


def test_of_equal_copies_the_nearest_is_taken() -> None:
    clip = coded(speech(4, 0.4), "PCMU")
    channel = placed(4 * SECOND, (2000, clip), (9000, clip), (16_000, clip))
    found = [find_offset(channel, clip, around, SECOND) for around in (3000, 8000, 15_000)]
    assert [match and match.offset for match in found] == [2000, 9000, 16_000]


@pytest.mark.parametrize("offset", [-1000, SECOND - 3000])
def test_a_clip_cut_off_by_an_end_of_the_channel(offset: int) -> None:
    clip = speech(5, 0.5)
    match = find_offset(placed(SECOND, (offset, clip)), clip, offset + 50, 400)
    assert match is not None
    assert match.offset == offset


def test_a_match_outside_the_reach_is_none() -> None:
    clip = speech(6, 0.5)
    channel = placed(2 * SECOND, (1000, clip))
    assert find_offset(channel, clip, 1010, 9) is None
    assert find_offset(channel, clip, 1010, 10) is not None
    assert find_offset(channel, clip, 1000, 0) is not None


@pytest.mark.parametrize(
    "clip",
    [np.zeros(800, np.int16), coded(np.zeros(800, np.int16), "PCMA"), np.zeros(0, np.int16)],
    ids=["zeros", "A-law silence", "empty"],
)
def test_silence_is_found_nowhere(clip: Samples) -> None:
    for channel in (SILENCE, coded(SILENCE, "PCMA"), speech(1, 1.0)):
        assert find_offset(channel, clip, 100, 200) is None
        assert match_at(channel, clip, 100) is None
        assert find_within(channel, clip, (0, SECOND)) is None


@given(
    st.lists(st.integers(-32768, 32767), max_size=40),
    st.lists(st.integers(-32768, 32767), max_size=40),
    st.integers(-50, 50),
    st.integers(0, 40),
)
def test_any_samples_give_a_match_or_none(
    channel: list[int], clip: list[int], around: int, reach: int
) -> None:
    match = find_offset(np.array(channel, np.int16), np.array(clip, np.int16), around, reach)
    if match is not None:
        assert around - reach <= match.offset <= around + reach
        assert -1.0 <= match.correlation <= 1.0
        assert match.gain_db >= FLOOR_DB


# -- heard -------------------------------------------------------------------------------------


def test_heard_anywhere_in_a_long_channel() -> None:
    clip = coded(speech(7, 1.0), "PCMU")
    channel = coded(placed(60 * SECOND, (0, speech(8, 60.0)), (41 * SECOND + 7, clip)), "PCMU")
    match = find_within(channel, clip, (0, len(channel)))
    assert match is not None
    assert match.offset == 41 * SECOND + 7
    assert find_within(channel, clip, (0, 41 * SECOND)) is None
    assert find_within(channel, clip, (41 * SECOND + 8, len(channel))) is None
    assert find_within(channel, clip, (5, 5)) is None


def test_heard_takes_the_likest() -> None:
    clip = coded(speech(9, 1.0), "PCMU")
    channel = placed(
        60 * SECOND, (SECOND, clip), (SECOND, speech(10, 1.0)), (50 * SECOND, scaled(clip, -20.0))
    )
    match = find_within(channel, clip, (0, len(channel)))
    assert match is not None
    assert match.offset == 50 * SECOND


# -- match_at ---------------------------------------------------------------------------------


def test_match_at_ignores_what_it_is_told_to() -> None:
    clip = speech(11, 1.0)
    channel = placed(2 * SECOND, (3000, clip))
    channel[4000:4160] = 0
    channel[5000:5160] = 12_345
    damaged = match_at(channel, clip, 3000)
    assert damaged is not None
    assert damaged < 0.9
    spans = [(0, 10), (4000, 4160), (5000, 5160), (15_000, 90_000)]
    assert match_at(channel, clip, 3000, spans) == pytest.approx(1.0)
    assert match_at(channel, clip, 3000, [(0, 2 * SECOND)]) is None


def test_match_at_a_silent_place_is_zero_and_of_the_opposite_minus_one() -> None:
    clip = speech(12, 0.5)
    assert match_at(placed(SECOND), clip, 100) == 0.0
    assert match_at(placed(SECOND, (100, -clip)), clip, 100) == pytest.approx(-1.0)
    assert match_at(placed(SECOND, (100, clip)), clip, 5 * SECOND) == 0.0


# -- drift -------------------------------------------------------------------------------------


@given(st.floats(-1000.0, 1000.0), st.integers(-5000, 5000), st.integers(2, 40), SEEDS)
def test_drift_is_the_slope_of_the_offsets(ppm: float, shift: int, count: int, seed: int) -> None:
    expected = np.sort(np.random.default_rng(seed).choice(30_000_000, count, replace=False))
    expected[-1] = 40_000_000
    places = [(int(at), shift + round(float(at) * (1 + ppm / 1e6))) for at in expected]
    drift = drift_ppm(places)
    assert drift is not None
    # Rounding moves each place by half a sample.
    assert drift == pytest.approx(ppm, abs=1e6 * 1.0 / (40_000_000 - 30_000_000))


def test_drift_needs_two_places() -> None:
    assert drift_ppm([]) is None
    assert drift_ppm([(100, 105)]) is None
    assert drift_ppm([(100, 105), (100, 106)]) is None
    assert drift_ppm([(0, 7), (8_000_000, 8_000_807)]) == pytest.approx(100.0)


# -- silence -----------------------------------------------------------------------------------


def test_levels_of_silence() -> None:
    def level(channel: NDArray[np.int16]) -> float:
        loudest = loudest_frame(channel, 0, SECOND)
        assert loudest is not None
        return loudest.dbfs

    assert level(SILENCE) == FLOOR_DB
    assert level(coded(SILENCE, "PCMA")) == pytest.approx(-72.25, abs=0.01)
    assert level(np.full(SECOND, -32768, np.int16)) == 0.0
    assert loudest_frame(SILENCE, SECOND, 2 * SECOND) is None
    assert loudest_frame(SILENCE, 100, 100) is None


@given(st.integers(0, 300_000), st.integers(1, 300_000), st.integers(0, 299_999))
@settings(max_examples=40)
def test_one_click_is_found_wherever_it_is(start: int, length: int, click: int) -> None:
    channel = np.zeros(300_000, np.int16)
    channel[click] = 16_384
    loudest = loudest_frame(channel, start, start + length)
    end = min(start + length, len(channel))
    if start >= end:
        assert loudest is None
    elif start <= click < end:
        assert loudest is not None
        width = min(160, end - start)
        assert loudest.at <= click < loudest.at + width
        assert loudest.dbfs == pytest.approx(20 * np.log10(0.5 / np.sqrt(width)))
    else:
        assert loudest is not None
        assert loudest.dbfs == FLOOR_DB


# -- crosstalk ---------------------------------------------------------------------------------


@given(SEEDS, LAWS, st.floats(-45.0, 0.0), st.integers(-800, 800), st.booleans())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_leak_into_a_silent_channel_is_measured(
    seed: int, law: str, db: float, lag: int, inverted: bool
) -> None:
    said = speech(seed, 3.0, rms=3000.0)
    leak = scaled(said, db) * np.int16(-1 if inverted else 1)
    source = coded(placed(5 * SECOND, (SECOND, said)), law)
    victim = coded(placed(5 * SECOND, (SECOND + lag, leak)), law)
    level = crosstalk_db(victim, source, [(SECOND, 4 * SECOND)])
    assert level == pytest.approx(db, abs=1.0)


@given(SEEDS, LAWS, st.floats(-25.0, 0.0), st.integers(-800, 800))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_leak_is_measured_while_both_speak(seed: int, law: str, db: float, lag: int) -> None:
    said = speech(seed, 6.0)
    source = coded(placed(8 * SECOND, (SECOND, said)), law)
    own = speech(seed + 1, 8.0)
    victim = coded(placed(8 * SECOND, (0, own), (SECOND + lag, scaled(said, db))), law)
    level = crosstalk_db(victim, source, [(SECOND, 7 * SECOND)])
    assert level == pytest.approx(db, abs=2.0)


@given(SEEDS, LAWS)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_speech_of_two_people_is_no_crosstalk(seed: int, law: str) -> None:
    source, victim = coded(speech(seed, 6.0), law), coded(speech(seed + 1, 6.0), law)
    assert crosstalk_db(victim, source, [(0, 6 * SECOND)]) == FLOOR_DB


def test_a_leak_of_part_of_the_call_is_not_averaged_away() -> None:
    said = speech(20, 8.0)
    leak = scaled(said, -20.0)
    leak[: 6 * SECOND] = 0
    victim = placed(8 * SECOND, (0, leak))
    assert crosstalk_db(victim, said, [(0, 8 * SECOND)]) == pytest.approx(-20.0, abs=0.5)
    assert crosstalk_db(victim, said, [(0, 6 * SECOND)]) == FLOOR_DB


def test_swapped_channels_are_crosstalk_of_0_db() -> None:
    said = speech(21, 3.0)
    assert crosstalk_db(said, said, [(0, SECOND), (2 * SECOND, 3 * SECOND)]) == pytest.approx(0.0)


def test_a_tone_that_leaks_is_crosstalk() -> None:
    tone = np.rint(6000 * np.sin(2 * np.pi * 440 / SECOND * np.arange(SECOND))).astype(np.int16)
    source = coded(placed(3 * SECOND, (SECOND, tone)), "PCMU")
    victim = coded(placed(3 * SECOND, (SECOND + 20, scaled(tone, -20.0))), "PCMU")
    level = crosstalk_db(victim, source, [(SECOND, 2 * SECOND)])
    assert level == pytest.approx(-20.0, abs=1.0)


def test_who_is_silent_leaks_nothing_that_could_be_told() -> None:
    said = speech(22, 1.0)
    for silent in (SILENCE, coded(SILENCE, "PCMA")):
        assert crosstalk_db(said, silent, [(0, SECOND)]) is None
        assert crosstalk_db(silent, said, [(0, SECOND)]) == FLOOR_DB
    assert crosstalk_db(said, said, []) is None


def test_channels_of_different_recordings_are_refused() -> None:
    with pytest.raises(ValueError, match="8000 and 7999 samples"):
        crosstalk_db(SILENCE, SILENCE[1:], [(0, 100)])


# -- reference ---------------------------------------------------------------------------------


def test_the_reference_is_the_codecs_round_trip() -> None:
    clip = np.array([0, 1, 1000, -1000, 32767, -32768], np.int16)
    assert coded(clip, "PCMU").tolist() == [0, 0, 988, -988, 32124, -32124]
    assert coded(clip, "PCMA").tolist() == [8, 8, 1008, -1008, 32256, -32256]


@given(SEEDS, LAWS)
@settings(max_examples=10)
def test_coding_a_reference_again_changes_nothing(seed: int, law: str) -> None:
    once = coded(speech(seed, 0.2), law)
    np.testing.assert_array_equal(coded(once, law), once)


def test_a_codec_with_memory_has_no_reference() -> None:
    with pytest.raises(ValueError, match="expected one of PCMU, PCMA"):
        coded(SILENCE, "OPUS")
