from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.activity import Engine, energy_activity, speech_intervals, webrtc_activity
from mediasim.audio.tones import noise, tone
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
