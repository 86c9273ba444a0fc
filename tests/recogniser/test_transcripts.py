"""The transcript of a recording: what can be heard in its file, and of whom."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mediasim
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.settings import PERFECT, REALISTIC
from mediasim.truth.analysis.transcription import word_error_rate
from mediasim.truth.documents import RecordingTruth

ALICE = "Hello Bob, this is Alice. Is my order on its way?"
BOB = "It left this morning."


def recorded(
    recording: dict[str, Any] | str = "dual",
    network: dict[str, Any] | None = None,
    **more: Any,
) -> Any:
    alice: list[Any] = [{"say": ALICE}, {"wait_for": "other-stops"}]
    parties: dict[str, Any] = {
        "alice": {"script": alice, "network": network or {}},
        "bob": {"script": [{"wait_for": "other-stops"}, {"say": BOB}]},
    }
    call = {"from": "alice", "to": "bob", "recording": recording}
    return mediasim.simulate({"parties": parties, "call": call, **more}, seed=7).recording()


@pytest.fixture(scope="module")
def truth() -> RecordingTruth:
    found: RecordingTruth = recorded().truth
    return found


def told(truth: Any, **settings: Any) -> list[tuple[int, str | None, str]]:
    found = recording_transcript(truth, replace(PERFECT, **settings))
    return [(each.channel, each.party, each.text) for each in found.utterances]


def test_each_channel_has_the_words_of_its_party(truth: RecordingTruth) -> None:
    assert told(truth, end_of_utterance_ns=2_000_000_000) == [
        (1, "alice", ALICE),
        (2, "bob", BOB),
    ]
    transcript = recording_transcript(truth)
    words = transcript.of_channel(2).words
    assert [word.text for word in words] == BOB.split()
    (interval,) = (each for each in truth.channels[1].intervals if each.party == "bob")
    assert interval.start <= words[0].start < words[-1].end <= interval.end


def test_the_stored_document_has_the_same_transcript(truth: RecordingTruth) -> None:
    document = json.loads(json.dumps(truth.to_json()))
    assert recording_transcript(document, REALISTIC) == recording_transcript(truth, REALISTIC)
    assert json.loads(json.dumps(recording_transcript(truth).to_json()))["samples"] == truth.samples


def test_channels_may_be_swapped_or_heard_as_one(truth: RecordingTruth) -> None:
    plain, swapped = told(truth), told(truth, swapped_channels=True)
    assert [(3 - channel, *rest) for channel, *rest in swapped] == plain
    mono = told(truth, mono=True)
    assert {channel for channel, *_ in mono} == {1}
    broken = replace(truth, faults=({"fault": "swapped"},))
    assert told(broken) == swapped


def test_what_mono_loses_is_lost() -> None:
    found = recording_transcript(recorded({"channels": "mono"}, profile="2016-legacy").truth)
    assert {each.channel for each in found.utterances} == {1}
    assert found.text == f"{ALICE} {BOB}"


def test_errors_are_drawn_by_the_seed_of_the_recording(truth: RecordingTruth) -> None:
    heard = recording_transcript(truth, replace(PERFECT, substitutions=0.5))
    rate = word_error_rate(f"{ALICE} {BOB}", heard.text)
    assert rate is not None
    assert 0.2 < rate < 0.8
    assert heard == recording_transcript(truth, replace(PERFECT, substitutions=0.5))


def test_a_word_that_never_arrived_is_not_heard() -> None:
    stall = {"at": "1s", "for": "1s", "kind": "gap"}
    truth = recorded(network={"stalls": [stall]}).truth
    heard = recording_transcript(truth).of_channel(1).text.split()
    said = ALICE.split()
    assert 0 < len(heard) < len(said)
    assert [word for word in said if word in heard] == heard


def test_what_was_cut_from_the_file_is_cut_from_the_transcript() -> None:
    pause = {"at": "2s", "for": "1s", "behavior": "skip"}
    truth = recorded({"channels": "dual", "pause": pause}).truth
    heard, said = recording_transcript(truth).of_channel(1).text.split(), ALICE.split()
    assert 0 < len(heard) < len(said)
    assert [word for word in said if word in heard] == heard


def test_a_tests_recording_has_its_transcript() -> None:
    recording = recorded()
    assert recording.transcript().text == f"{ALICE} {BOB}"
    assert recording.transcript({"deletions": 1}).text == ""


def test_the_truth_on_disk_has_a_transcript(tmp_path: Path, truth: RecordingTruth) -> None:
    path = tmp_path / "RE.truth.json"
    path.write_text(json.dumps(truth.to_json()))
    assert recording_transcript(json.loads(path.read_text())).text == f"{ALICE} {BOB}"
