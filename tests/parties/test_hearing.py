"""When a party takes what it hears for speech, or for the end of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.parties.hearing import HEARD_DBFS, SpeechTracker

LOUD, QUIET = "#", "."


def sound(frames: str, dbfs: float = -20.0) -> NDArray[np.int16]:
    """A square wave of a level where there is a ``#``."""
    amplitude = round(32768 * 10 ** (dbfs / 20))
    loud = np.where(np.arange(FRAME_SAMPLES) % 2, amplitude, -amplitude)
    return np.concatenate([loud * (each == LOUD) for each in frames]).astype(np.int16)


class Waiting:
    """A tracker that is fed and notes when it fired."""

    def __init__(self) -> None:
        self.tracker = SpeechTracker()
        self.fired: list[int] = []
        self.at = 0

    def hear(self, frames: str, dbfs: float = -20.0) -> list[int]:
        self.tracker.hear(self.at, sound(frames, dbfs))
        self.at += len(frames)
        return self.fired


def test_speech_starts_at_its_third_loud_frame() -> None:
    waiting = Waiting()
    waiting.tracker.wait_speech(waiting.fired.append)
    assert waiting.hear("..##..#.###..") == [10]


def test_a_click_is_no_speech() -> None:
    waiting = Waiting()
    waiting.tracker.wait_speech(waiting.fired.append)
    assert waiting.hear("##.##.##.##.") == []
    assert not waiting.tracker.spoken


@pytest.mark.parametrize(("dbfs", "heard"), [(HEARD_DBFS + 0.5, True), (HEARD_DBFS - 0.5, False)])
def test_below_a_level_nobody_is_heard_to_speak(dbfs: float, heard: bool) -> None:
    waiting = Waiting()
    waiting.tracker.wait_speech(waiting.fired.append)
    assert waiting.hear("#####", dbfs) == ([2] if heard else [])


def test_speech_before_the_question_counts_at_the_next_frame() -> None:
    waiting = Waiting()
    waiting.hear("###......")
    waiting.tracker.wait_speech(waiting.fired.append)
    assert waiting.hear(".") == [9]
    waiting.tracker.wait_speech(waiting.fired.append)  # it has been dealt with
    assert waiting.hear("...") == [9]


def test_quiet_is_a_stretch_of_it_after_speech() -> None:
    waiting = Waiting()
    waiting.tracker.wait_quiet(4, waiting.fired.append)
    assert waiting.hear("......####...##.....") == [18]


def test_quiet_alone_is_not_somebody_who_stopped() -> None:
    waiting = Waiting()
    waiting.tracker.wait_quiet(4, waiting.fired.append)
    assert waiting.hear("." * 50) == []


def test_silence_is_waited_for_from_now_on_whether_there_was_speech_or_not() -> None:
    waiting = Waiting()
    waiting.hear("....")
    waiting.tracker.wait_silence(4, waiting.fired.append)
    assert waiting.hear("...") == []
    assert waiting.hear(".") == [7]


def test_every_sound_puts_silence_off_a_click_too() -> None:
    waiting = Waiting()
    waiting.tracker.wait_silence(4, waiting.fired.append)
    assert waiting.hear("...#...#....") == [11]


def test_it_fires_once() -> None:
    waiting = Waiting()
    waiting.tracker.wait_silence(2, waiting.fired.append)
    assert waiting.hear("........") == [1]


def test_forgotten_it_does_not_fire() -> None:
    waiting = Waiting()
    waiting.tracker.wait_speech(waiting.fired.append)
    waiting.tracker.forget()
    assert waiting.hear("#######") == []
    assert waiting.tracker.spoken


def test_what_is_heard_too_early_is_nobody() -> None:
    waiting = Waiting()
    waiting.hear("####")
    waiting.tracker.ignore_before(8)
    waiting.tracker.wait_speech(waiting.fired.append)
    assert waiting.hear("########") == [10]


@given(
    frames=st.lists(st.sampled_from([LOUD, LOUD, QUIET]), min_size=1, max_size=60).map("".join),
    cuts=st.lists(st.integers(0, 60), max_size=5).map(sorted),
    wait=st.sampled_from(["speech", "quiet", "silence"]),
    length=st.integers(1, 8),
)
def test_it_is_the_same_frame_however_it_is_fed(
    frames: str, cuts: list[int], wait: str, length: int
) -> None:
    def fired(edges: list[int]) -> list[int]:
        waiting = Waiting()
        if wait == "speech":
            waiting.tracker.wait_speech(waiting.fired.append)
        elif wait == "quiet":
            waiting.tracker.wait_quiet(length, waiting.fired.append)
        else:
            waiting.tracker.wait_silence(length, waiting.fired.append)
        for low, high in itertools.pairwise(edges):
            if low < high:
                waiting.hear(frames[low:high])
        return waiting.fired

    inner = [min(cut, len(frames)) for cut in cuts]
    assert fired([0, *inner, len(frames)]) == fired([0, len(frames)])


FRAMES = st.text(alphabet=LOUD + QUIET, min_size=1, max_size=30)


@given(FRAMES, FRAMES, FRAMES, st.sampled_from(["speech", "quiet", "silence"]))
def test_nothing_is_found_sooner_than_it_can_be(
    before: str, since: str, after: str, kind: str
) -> None:
    waiting = Waiting()
    tracker = waiting.tracker
    waiting.hear(before)
    if kind == "speech":
        tracker.wait_speech(waiting.fired.append)
    elif kind == "quiet":
        tracker.wait_quiet(5, waiting.fired.append)
    else:
        tracker.wait_silence(5, waiting.fired.append)
    if waiting.hear(since):
        return
    assert tracker.soonest - 1 + tracker.horizon == tracker.reach <= tracker.patience
    too_few = after[: tracker.soonest - 1]
    assert not too_few or waiting.hear(too_few) == []
