"""Recorded speech in a script: `play` with a text is read everywhere as `say` is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediasim
from mediasim.audio.tones import noise
from mediasim.audio.wav import write_wav
from mediasim.documents.diagnostics import ScenarioError
from mediasim.recogniser.recordings import recording_transcript
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.build import run_report
from mediasim.scenario.report.html import write_report
from mediasim.scenario.report.model import Report
from mediasim.scenario.running.sounds import check_sounds
from mediasim.truth.analysis.recording import read_utterances, word_count
from mediasim.truth.documents import RecordingTruth

WORDS = [
    {"word": "It", "start": "100ms", "end": "200ms"},
    {"word": "left", "start": "300ms", "end": "450ms", "estimated": True},
    {"word": "today.", "start": "500ms", "end": "900ms"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, samples in (("ask", 6400), ("answer", 8000), ("hum", 4000)):
        pcm = noise("babble", samples, -20.0, np.random.default_rng(samples))
        write_wav(tmp_path / f"{name}.wav", pcm[None])
    (tmp_path / "ask.ctm").write_text(
        "ask 1 0.05 0.30 Where\nask 1 0.40 0.20 is\nask 1 0.6 0.2 it\n"
    )
    return tmp_path


def scenario(*asks: Any, answers: Any = ()) -> dict[str, Any]:
    return {
        "parties": {
            "ann": {"script": [{"play": each} for each in asks]},
            "bob": {"script": [{"wait_for": "other-stops"}, *({"play": it} for it in answers)]},
        },
        "call": {"from": "ann", "to": "bob", "answer": "0s", "recording": "dual"},
    }


def test_the_truth_says_the_words_and_who_speaks_instead_of_a_path(folder: Path) -> None:
    hum = {"file": "hum.wav", "speaker": "s9"}
    answer = {"file": "answer.wav", "words": WORDS, "speaker": "s2", "language": "en-US"}
    asks = (
        {"file": "ask.wav", "words": "ask.ctm"},
        hum,
        {"file": "hum.wav", "text": "Well, well."},
    )
    given = scenario(*asks, answers=[answer])
    given["expect"] = [
        {"heard": {"party": "bob", "channel": 2, "text": "left today"}},
        {"heard": {"party": "bob", "clip": "answer.wav"}},
        {"heard": {"party": "ann", "text": "where is it"}},  # known once the file is read
        {"heard": {"party": "ann", "text": "well well"}},
    ]
    result = mediasim.simulate(parse_scenario(given, base=folder))
    assert [each.ok for each in result.verdicts] == [True] * 4, result.verdicts
    recording = result.recording()
    truth = recording.truth
    assert truth is not None
    told = [[each.to_json() for each in channel.intervals] for channel in truth.channels]
    first, unknown, third = told[0]
    assert (first["text"], first["file"], first["kind"]) == ("Where is it", "ask.wav", "play")
    assert "speaker" not in first
    assert [(it["word"], it["start"] - first["start"]) for it in first["words"]] == [
        ("Where", 400),
        ("is", 3200),
        ("it", 4800),
    ]
    # Without words the text is the file's name, as ever.
    assert (unknown["text"], unknown["words"], unknown["speaker"]) == ("hum.wav", [], "s9")
    assert "file" not in unknown
    assert [(it["word"], it["estimated"]) for it in third["words"]] == [
        ("Well,", True),
        ("well.", True),
    ]
    (said,) = told[1]
    assert (said["text"], said["speaker"], said["language"]) == ("It left today.", "s2", "en-US")
    assert [
        (it["word"], it["start"] - said["start"], it["end"] - said["start"], it["estimated"])
        for it in said["words"]
    ] == [("It", 800, 1600, False), ("left", 2400, 3600, True), ("today.", 4000, 7200, False)]

    # A document that is read again says the same, and analysis and transcripts have the words.
    document = json.loads(json.dumps(truth.to_json()))
    assert RecordingTruth.of_json(document, truth.reference).to_json() == document
    utterances = read_utterances(document)
    assert [it.text for it in utterances] == ["Where is it", None, "Well, well.", "It left today."]
    assert word_count([utterances[0], *utterances[2:]]) == 8
    heard = recording_transcript(document)
    assert [it.text for it in heard.utterances if it.channel == 2] == ["It left today."]
    assert "Where is it" in " ".join(it.text for it in heard.utterances)


def test_a_greeting_that_is_played_is_heard_as_one_that_is_said(folder: Path) -> None:
    def greeted(greeting: Any) -> list[str]:
        call = {
            "from": "ann",
            "voicemail": {"greeting": greeting},
            "recording": "dual",
        }
        given = {"parties": {"ann": {"script": [{"tone": {"hz": 400, "for": "1s"}}]}}, "call": call}
        result = mediasim.simulate(parse_scenario(given, base=folder))
        truths = [it.truth for it in result.recordings]
        return [
            word.text
            for truth in truths
            if truth is not None
            for channel in truth.channels
            for interval in channel.intervals
            for word in interval.words
        ]

    assert greeted({"play": {"file": "ask.wav", "text": "Leave a message"}}) == [
        "Leave",
        "a",
        "message",
    ]
    assert greeted({"say": {"text": "Leave a message", "voice": "babble"}}) == [
        "Leave",
        "a",
        "message",
    ]
    assert greeted({"play": "ask.wav"}) == []


def test_words_of_a_file_are_looked_for_where_they_must_not_be(folder: Path) -> None:
    given = scenario({"file": "ask.wav", "text": "My number is four two"})
    given["expect"] = [{"never_contains": "number is four"}]
    (verdict,) = mediasim.simulate(parse_scenario(given, base=folder)).verdicts
    assert not verdict.ok
    assert "'My number is four two' in channel 1" in str(verdict)


def test_an_app_hears_what_is_said_in_a_file(mediasim_sandbox: Any, folder: Path) -> None:
    gather = '<Response><Gather input="speech" speechTimeout="1" action="/heard"/></Response>'
    mediasim_sandbox.app({"/voice": gather, "/heard": "<Response/>"})
    play = {"file": str(folder / "answer.wav"), "words": WORDS}
    call = mediasim_sandbox.call(script=[{"pause": "1s"}, {"play": play}, {"pause": "9s"}])
    mediasim_sandbox.run_until_idle()
    heard = [it.form["SpeechResult"] for it in mediasim_sandbox.deliveries if "/heard" in it.url]
    assert heard == ["It left today."]
    assert call.said == "It left today."


def test_the_report_shows_it_as_speech(folder: Path) -> None:
    given = scenario({"file": "ask.wav", "words": "ask.ctm"}, "hum.wav")
    result = mediasim.simulate(parse_scenario(given, base=folder))
    report = Report(
        mediasim="1",
        ok=True,
        interrupted=False,
        seed_note="",
        warnings=(),
        wall_seconds=0.0,
        runs=[run_report(result.run, result.verdicts)],
    )
    page = write_report(report, result.directory).read_text()
    assert '<span class="chip">play</span> hum.wav' in page
    assert "Where is it" in page
    assert '<span class="chip">play</span> Where is it' not in page


@pytest.mark.parametrize(
    ("play", "wrong"),
    [
        ({"words": []}, "expected words, each {word, start, end}"),
        ({"words": [{"word": "a", "start": "2s", "end": "1s"}]}, "ends before it begins"),
        (
            {
                "words": [
                    {"word": "a", "start": "1s", "end": "1s"},
                    {"word": "b", "start": 0, "end": 1},
                ]
            },
            "begins before the word above it",
        ),
        ({"words": "none.ctm"}, "there is no file"),
        ({"words": "ask.wav"}, "expected one of .ctm, .json, .textgrid"),
        (
            {"words": [{"word": "late", "start": "5s", "end": "6s"}]},
            "'late' ends at 6.000 s, after",
        ),
        ({"text": " "}, "expected"),
        ({"words": [{"word": "a"}]}, "'start' is missing"),
    ],
)
def test_what_is_wrong_with_words_is_said_in_a_sentence(
    folder: Path, play: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        check_sounds([parse_scenario(scenario({"file": "ask.wav", **play}), base=folder)])
    assert wrong in str(error.value)
