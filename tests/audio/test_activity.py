"""Speech and pauses in recordings and in calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.activity import (
    Engine,
    LiveActivity,
    energy_activity,
    speech_intervals,
    webrtc_activity,
)
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.tones import NoiseKind, noise, tone
from mediasim.parties.hearing import SpeechTracker
from mediasim.seeds import Seeds

Judge = Callable[..., list[tuple[int, int]]]
JUDGES = pytest.mark.parametrize("judge", [energy_activity, webrtc_activity])

TALK = noise("babble", 16000, -20, Seeds(1).generator("talk"))
SPOKEN = [(8000, 24000), (40000, 56000)]


def call(floor_dbfs: float | None = None) -> NDArray[np.int16]:
    pcm = np.zeros(64000, np.int16)
    if floor_dbfs is not None:
        pcm += noise("white", len(pcm), floor_dbfs, Seeds(1).generator("hiss"))
    for start, end in SPOKEN:
        pcm[start:end] += TALK
    return pcm


@JUDGES
def test_speech_is_found_where_it_is(judge: Judge) -> None:
    found = judge(call(), hangover_ms=700)
    assert len(found) == len(SPOKEN)
    for (start, end), (spoken_start, spoken_end) in zip(found, SPOKEN, strict=True):
        assert start == pytest.approx(spoken_start, abs=400)
        assert end == pytest.approx(spoken_end, abs=1600)


@pytest.mark.parametrize(
    ("engine", "floor_dbfs"),
    [("energy", None), ("energy", -60.0), ("energy", -45.0), ("webrtc", -40.0), (None, -40.0)],
)
def test_noise_is_not_taken_for_speech(engine: Engine | None, floor_dbfs: float | None) -> None:
    found = speech_intervals(call(floor_dbfs), engine, hangover_ms=700)
    # WebRTC's detector needs some frames to learn the floor.
    found = [interval for interval in found if interval[1] > 4000]
    assert len(found) == len(SPOKEN)
    for (start, end), (spoken_start, spoken_end) in zip(found, SPOKEN, strict=True):
        assert start == pytest.approx(spoken_start, abs=2000)
        assert end == pytest.approx(spoken_end, abs=2000)


def test_the_hangover_decides_which_pauses_count() -> None:
    pcm = tone(300, 16000, -20)
    pcm[4000:5600] = 0
    assert energy_activity(pcm, hangover_ms=200) == [(0, 4000), (5600, 16000)]
    assert energy_activity(pcm, hangover_ms=201) == [(0, 16000)]


def test_a_click_is_not_speech() -> None:
    pcm = np.zeros(16000, np.int16)
    pcm[8000:8100] = 20000
    assert energy_activity(pcm) == []


def test_a_long_tone_is_heard_to_its_end() -> None:
    assert energy_activity(tone(440, 80000, -20)) == [(0, 80000)]


@JUDGES
@pytest.mark.parametrize("samples", [0, 1, 79, 800])
def test_silence_has_no_speech(judge: Judge, samples: int) -> None:
    assert judge(np.zeros(samples, np.int16)) == []


@JUDGES
@given(start=st.integers(0, 15000), samples=st.integers(0, 4000), hangover_ms=st.integers(0, 400))
def test_intervals_are_in_order_and_apart(
    judge: Judge, start: int, samples: int, hangover_ms: int
) -> None:
    pcm = TALK[start : start + samples]
    last = -hangover_ms * 8
    for begin, end in judge(pcm, hangover_ms=hangover_ms):
        assert begin >= last + hangover_ms * 8
        assert begin < end <= len(pcm)
        last = end


Samples = NDArray[np.int16]
SECOND = 8000


def voice(seconds: float, dbfs: float = -21.0) -> Samples:
    return noise("babble", round(seconds * SECOND), dbfs, np.random.default_rng(1))


def in_noise(kind: NoiseKind, dbfs: float | None) -> Samples:
    """Six seconds of noise alone, three of a voice in it, four of noise alone."""
    behind = np.zeros(13 * SECOND, np.int32)
    if dbfs is not None:
        behind += noise(kind, 13 * SECOND, dbfs, np.random.default_rng(2))
    behind[6 * SECOND : 9 * SECOND] += voice(3)
    return np.clip(behind, -32768, 32767).astype(np.int16)


def stops(pcm: Samples) -> list[int]:
    """The frames at which a listener finds that the other has stopped."""
    found: list[int] = []
    ear = SpeechTracker()
    ear.wait_quiet(35, found.append)
    ear.hear(0, pcm)
    return found


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("dbfs", [-45.0, -40.0])
def test_other_stops_ends_in_noise_as_on_a_clean_line(kind: NoiseKind, dbfs: float) -> None:
    (clean,), (noisy,) = stops(in_noise(kind, None)), stops(in_noise(kind, dbfs))
    assert abs(noisy - clean) <= 25


def test_noise_alone_is_nobody_who_stops() -> None:
    assert stops(noise("white", 20 * SECOND, -40, np.random.default_rng(3))) == []


def test_a_loud_sound_is_heard_however_long_it_lasts() -> None:
    heard = [speech for speech, _ in LiveActivity().hear(voice(20, -15.0))]
    assert sum(heard) > 0.5 * len(heard)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30))
@settings(max_examples=15, deadline=None)
def test_blocks_of_any_size_hear_the_same(sizes: list[int]) -> None:
    pcm = in_noise("pink", -42.0)
    whole = list(LiveActivity().hear(pcm))
    ear, found, at = LiveActivity(), [], 0
    for size in [*sizes, len(pcm)]:
        piece = pcm[at * FRAME_SAMPLES : (at + size) * FRAME_SAMPLES]
        found += list(ear.hear(piece))
        at += size
    assert found == whole
