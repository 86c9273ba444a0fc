"""Words heard against words said; the recogniser itself where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediasim
from mediasim.truth.analysis.analysis import analyse
from mediasim.truth.analysis.as_json import analysis_json
from mediasim.truth.analysis.recording import AnalysisError, read_recording
from mediasim.truth.analysis.transcription import (
    Recogniser,
    missing_extra,
    plain_words,
    word_error_rate,
    word_errors,
)

words = st.lists(st.sampled_from("abc"), max_size=6)
needs_the_extra = pytest.mark.skipif(missing_extra() is not None, reason=missing_extra() or "")


@given(words, words, words)
def test_word_errors_are_a_distance(one: list[str], other: list[str], third: list[str]) -> None:
    errors = word_errors(one, other)
    assert errors == word_errors(other, one)
    assert (errors == 0) == (one == other)
    assert abs(len(one) - len(other)) <= errors <= max(len(one), len(other))
    assert errors <= word_errors(one, third) + word_errors(third, other)


def test_case_and_punctuation_are_no_words() -> None:
    assert plain_words("Don't, he said: 40 — Garden!") == ["dont", "he", "said", "40", "garden"]
    assert word_error_rate("One two, three.", "one three") == pytest.approx(1 / 3)
    assert word_error_rate("", "something") is None


@pytest.mark.skipif(missing_extra() is None, reason="the extra is installed")
def test_without_the_extra_it_is_said_how_to_get_it() -> None:
    with pytest.raises(AnalysisError, match=r"pip install 'mediasim\[transcribe\]'"):
        Recogniser()


@needs_the_extra
def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"model\.bin"):
        Recogniser(tmp_path)


@needs_the_extra
def test_each_channel_has_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "hibari")
    given_call = {
        "parties": {
            "ana": {"script": [{"say": "Good morning, I would like to order a coffee grinder."}]},
            "bo": {"script": [{"say": {"text": "The driver could not find it.", "at": "2s"}}]},
        },
        "call": {"from": "ana", "to": "bo", "recording": "dual"},
    }
    run = mediasim.simulate(given_call, directory=tmp_path)
    analysis = analyse(read_recording(run.recording().path), recogniser=Recogniser())
    document = analysis_json(analysis)
    assert document["words_from"] == "transcription"
    for channel in document["transcript"]:
        assert channel["word_error_rate"] <= 0.2
