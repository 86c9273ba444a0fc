"""Simulated calls analysed, held against their truth within the bounds that stand here.

The voices are babble, with pauses of up to 0.6 s in what the truth has as one saying: a channel's
talk time may lack one or two of those, and no more.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_calls import TAKING_TURNS, TALKING_OVER, Plan, analysed, recorded, scenario
from hypothesis import given
from hypothesis import strategies as st

import mediasim
from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import write_wav
from mediasim.truth.analysis.analysis import Analysis, analyse
from mediasim.truth.analysis.as_json import analysis_json
from mediasim.truth.analysis.figures import Latency, latency_of, words_per_minute
from mediasim.truth.analysis.recording import find_recording, read_recording

TALK = 0.8
"""Seconds by which a speaker's talk time may be wrong."""
OVERLAP = 0.5
LATENCY = 0.3


def errors(analysis: Analysis) -> dict[str, Any]:
    found: dict[str, Any] = analysis_json(analysis)["error"]
    return found


@pytest.mark.parametrize(
    ("plan", "seed"), list(itertools.product((TAKING_TURNS, TALKING_OVER), (1, 3)))
)
def test_measured_figures_are_near_the_true_ones(plan: Plan, seed: int, tmp_path: Path) -> None:
    error = errors(analysed(tmp_path, plan, seed))
    assert abs(error["overlap_seconds"]) <= OVERLAP
    assert error["overlaps"] == 0
    assert abs(error["silence_seconds"]) <= 2 * TALK
    for speaker in error["speakers"]:
        assert abs(speaker["talk_seconds"]) <= TALK
        assert abs(speaker["talk_share"]) <= 0.05
        assert speaker["turns"] == 0
        assert abs(speaker["longest_monologue_seconds"]) <= TALK
        for count in ("made", "successful", "suffered"):
            assert speaker[f"interruptions_{count}"] == 0
        assert speaker["backchannels"] == 0
        assert speaker["response_latency"]["count"] == 0
        for percentile in ("p50", "p90", "max"):
            wrong = speaker["response_latency"][f"{percentile}_seconds"]
            assert wrong is None or abs(wrong) <= LATENCY


def test_who_cut_in_on_whom(tmp_path: Path) -> None:
    found = analysis_json(analysed(tmp_path, TALKING_OVER))["interruptions"]
    assert [(each["by"], each["on"], each["outcome"]) for each in found] == [
        ("bo", "ana", "successful"),
        ("bo", "ana", "backchannel"),
        ("ana", "bo", "unsuccessful"),
    ]


def test_the_truth_is_what_the_scenario_says(tmp_path: Path) -> None:
    """Nothing of the figures' arithmetic is taken from the detector here."""
    found = analysis_json(analysed(tmp_path, TAKING_TURNS))["truth"]
    ana, bo = found["speakers"]
    assert (ana["talk_seconds"], bo["talk_seconds"]) == (7.0, 5.0)
    assert (ana["turns"], bo["turns"]) == (2, 2)
    assert ana["longest_monologue_seconds"] == 4.0
    assert ana["response_latency"]["max_seconds"] == pytest.approx(0.7, abs=0.02)
    assert bo["response_latency"]["count"] == 2
    assert bo["response_latency"]["p50_seconds"] == pytest.approx(0.5, abs=0.02)
    assert bo["response_latency"]["max_seconds"] == pytest.approx(0.8, abs=0.02)
    assert found["overlap_seconds"] == 0


def test_a_noisy_channel_gets_the_detector_that_stands_it(tmp_path: Path) -> None:
    noisy = analysed(tmp_path, TALKING_OVER, noise=-45)
    assert [each.engine for each in noisy.detected] == ["silero", "silero"]
    for speaker in errors(noisy)["speakers"]:
        assert abs(speaker["talk_seconds"]) <= 1.0
        assert abs(speaker["turns"]) <= 1


def test_a_mono_recording_tells_when_but_not_who(tmp_path: Path) -> None:
    # Where one channel was asked for, the rules of before 2022 mix the two.
    given = scenario(TALKING_OVER, {"recording": "mono"}) | {"profile": "2016-legacy"}
    path = mediasim.simulate(given, directory=tmp_path).recording().path
    document = analysis_json(analyse(read_recording(path)))
    measured, true = document["measured"], document["truth"]
    assert document["channels"] == 1
    assert measured["speakers"] is None
    assert measured["overlap_seconds"] is None
    assert document["turns"] is document["interruptions"] is document["responses"] is None
    assert document["error"]["speakers"] is None
    assert abs(document["error"]["speech_seconds"]) <= TALK
    assert [each["speaker"] for each in true["speakers"]] == ["ana", "bo"]
    assert true["overlap_seconds"] > 1
    assert any("cannot be told" in note for note in document["notes"])


def test_the_same_on_both_channels_is_one(tmp_path: Path) -> None:
    path = recorded(tmp_path, TALKING_OVER)
    mixed = read_recording(path).pcm.sum(axis=0, dtype=np.int16)
    write_wav(path, np.stack((mixed, mixed)))
    found = analyse(read_recording(path))
    assert found.measured.voices is None
    assert len(found.detected) == 1


def test_one_side_alone_tells_nothing_of_taking_turns(tmp_path: Path) -> None:
    path = recorded(tmp_path, TALKING_OVER, recording={"track": "inbound"})
    measured = analysis_json(analyse(read_recording(path)))["measured"]
    (ana,) = measured["speakers"]
    assert ana["speaker"] == "ana"
    assert ana["talk_seconds"] == pytest.approx(10.5, abs=TALK)
    for untold in ("talk_share", "response_latency", "interruptions_made", "backchannels"):
        assert ana[untold] is None
    assert measured["silence_seconds"] is None
    assert measured["overlap_seconds"] is None


def test_somebody_elses_recording_has_speakers_without_names(tmp_path: Path) -> None:
    path = recorded(tmp_path / "ours", TAKING_TURNS)
    alien = tmp_path / "call.wav"
    write_wav(alien, read_recording(path).pcm)
    document = analysis_json(analyse(read_recording(find_recording(alien))))
    assert document["truth"] is document["error"] is None
    speakers = document["measured"]["speakers"]
    assert [each["speaker"] for each in speakers] == ["channel 1", "channel 2"]
    assert [each["words_per_minute"] for each in speakers] == [None, None]
    assert document["words_from"] is None


def test_words_are_counted_by_the_time_spent_talking(tmp_path: Path) -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    given = {
        "parties": {"ana": {"script": [{"say": words}]}, "bo": {"script": [{"pause": "6s"}]}},
        "call": {"from": "ana", "to": "bo", "recording": "dual"},
    }
    run = mediasim.simulate(given, directory=tmp_path)
    document = analysis_json(analyse(read_recording(run.recording().path)))
    ana, bo = document["truth"]["speakers"]
    assert ana["words"] == 12
    assert ana["words_per_minute"] == pytest.approx(12 * 60 / ana["talk_seconds"], abs=0.1)
    assert (bo["words"], bo["words_per_minute"]) == (0, None)
    assert document["words_from"] == "truth"
    # Babble by itself has no words that could be counted.
    other = analysis_json(analysed(tmp_path / "babble", TAKING_TURNS))
    assert other["truth"]["speakers"][0]["words"] is None


def test_a_recording_without_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "nothing.wav"
    write_wav(path, np.zeros((2, 0), np.int16))
    measured = analysis_json(analyse(read_recording(path)))["measured"]
    assert measured["speech_seconds"] == measured["silence_seconds"] == 0
    assert measured["speakers"][0]["talk_share"] is None
    assert measured["speakers"][0]["longest_monologue_seconds"] is None


def test_pieces_of_a_saying_are_one(tmp_path: Path) -> None:
    """A jitter buffer that follows a slow clock moves what is said; its words are counted once."""
    words = " ".join(["word"] * 40)
    given = {
        "parties": {
            "ana": {
                "network": {"up": {"skew": 800}},
                "script": [{"say": words}, {"say": f"{words} again"}],
            },
            "bo": {"script": [{"pause": "25s"}]},
        },
        "call": {"from": "ana", "to": "bo", "recording": "dual"},
    }
    run = mediasim.simulate(given, directory=tmp_path)
    found = read_recording(run.recording().path)
    assert found.truth is not None
    assert len(found.truth["channels"][0]["intervals"]) > 2
    assert analysis_json(analyse(found))["truth"]["speakers"][0]["words"] == 81


# -- distributions --------------------------------------------------------------------------


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_percentiles_are_latencies_that_so_many_do_not_exceed(latencies: list[int]) -> None:
    found = latency_of(latencies)
    assert found.p50 is not None
    assert found.p90 is not None
    assert found.max == max(latencies)
    for percent, value in ((50, found.p50), (90, found.p90)):
        assert value in latencies
        assert 100 * sum(each <= value for each in latencies) >= percent * len(latencies)
        assert 100 * sum(each < value for each in latencies) < percent * len(latencies)


def test_of_no_latencies_nothing_is_told() -> None:
    assert latency_of([]) == Latency(0, None, None, None)


def test_words_go_by_the_time_spent_talking() -> None:
    assert words_per_minute(30, 10 * SAMPLE_RATE) == 180
    assert words_per_minute(None, 10 * SAMPLE_RATE) is None
    assert words_per_minute(0, 0) is None
