"""A transcript held against what was said: word error rate, and who said it, by the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mediasim
from mediasim.cli import app
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.scoring import ChannelScore, _score, score_of, words_of
from mediasim.recogniser.settings import REALISTIC
from mediasim.recogniser.spec import parse_recogniser
from mediasim.seeds import Seeds

TEXT = (
    "Good morning, I am calling about the invoice that came last week. The total seems to be much "
    "higher than what we agreed on in spring, and nobody told us anything about a new price."
)
ANSWER = "I can see the contract here. We sent a letter to every customer, but it may be lost."


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = {
        "parties": {
            "ann": {"script": [{"say": TEXT}, {"wait_for": "other-stops"}, {"pause": "1s"}]},
            "bob": {"script": [{"wait_for": "other-stops"}, {"say": ANSWER}]},
        },
        "call": {"from": "ann", "to": "bob", "recording": "dual"},
    }
    found = mediasim.simulate(given, directory=tmp_path_factory.mktemp("run"), seed=3)
    return Path(found.recording().path)


def truth(recording: Path) -> Any:
    return json.loads(recording.with_suffix(".truth.json").read_text())


def sentences(recording: Path, recogniser: Any, form: str, seed: int = 1) -> Any:
    """A transcript as Twilio's services tell it."""
    heard = recording_transcript(truth(recording), parse_recogniser(recogniser), seeds=Seeds(seed))
    if form == "voice":
        return {
            "id": "voice_transcription_0",
            "sentences": [
                {
                    "audioChannelIndex": it.channel,
                    "startTimeSeconds": it.start / 8000,
                    "endTimeSeconds": it.end / 8000,
                    "text": it.text,
                }
                for it in heard.utterances
            ],
        }
    return {
        "sentences": [
            {
                "media_channel": it.channel,
                "start_time": f"{it.start / 8000:.3f}",
                "end_time": f"{it.end / 8000:.3f}",
                "transcript": it.text,
            }
            for it in heard.utterances
        ]
    }


def run(recording: Path, document: Any, tmp_path: Path, *command: str) -> tuple[int, str]:
    file = tmp_path / "transcript.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    name, *more = command
    done = CliRunner().invoke(app, [name, str(recording), "--transcript", str(file), *more])
    return done.exit_code, done.output


def test_a_perfect_transcript_has_no_errors_and_right_speakers(
    recording: Path, tmp_path: Path
) -> None:
    for command in ("analyze", "verify"):
        for form in ("voice", "intelligence"):
            document = sentences(recording, "perfect", form)
            code, printed = run(recording, document, tmp_path, command, "--format", "json")
            assert code == 0, printed
            found = json.loads(printed)["transcript_score"]
            assert (found["word_error_rate"], found["speaker_attribution"]) == (0.0, 1.0)
            assert set(found["channels"]) == {"1", "2"}
    _, printed = run(recording, document, tmp_path, "analyze")
    assert "word error rate 0.0% ± 0.0%" in printed


def test_swapped_speakers_and_one_channel_are_told(recording: Path, tmp_path: Path) -> None:
    swapped = sentences(recording, {"swapped_channels": True}, "voice")
    _, printed = run(recording, swapped, tmp_path, "verify", "--format", "json")
    found = json.loads(printed)["transcript_score"]
    assert found["speaker_attribution"] == 0.0
    assert found["word_error_rate"] > 0.8
    mono = sentences(recording, {"mono": True}, "voice")
    _, printed = run(recording, mono, tmp_path, "verify", "--format", "json")
    found = json.loads(printed)["transcript_score"]
    assert (found["word_error_rate"], found["speaker_attribution"]) == (0.0, None)
    _, printed = run(recording, mono, tmp_path, "verify")
    assert "not told apart" in printed


def test_too_many_errors_end_verify_with_a_code(recording: Path, tmp_path: Path) -> None:
    wrong = sentences(recording, {"word_error_rate": "60%"}, "intelligence")
    assert run(recording, wrong, tmp_path, "verify")[0] == 0
    assert run(recording, wrong, tmp_path, "verify", "--word-errors", "0.1")[0] == 33
    assert run(recording, wrong, tmp_path, "verify", "--word-errors", "1")[0] == 0


def test_what_is_no_transcript_is_refused_in_a_sentence(recording: Path, tmp_path: Path) -> None:
    third = {"sentences": [{"media_channel": 3, "start_time": "0", "transcript": "Hi"}]}
    for document in ("no json", "[1]", '{"sentences": 5}', '{"text": "Hi"}', json.dumps(third)):
        for command in ("analyze", "verify"):
            code, printed = run(recording, document, tmp_path, command)
            assert code == 2, (document, printed)
            assert "Traceback" not in printed


def test_a_realistic_recogniser_has_the_word_error_rate_that_was_asked_for(
    recording: Path,
) -> None:
    document = truth(recording)
    said = words_of(recording_transcript(document))
    errors = words = 0
    for seed in range(60):
        heard = words_of(recording_transcript(document, REALISTIC, seeds=Seeds(seed)))
        found = _score(said, heard)
        errors, words = errors + found.errors, words + found.words
    total = ChannelScore(words, words, errors)
    assert total.rate is not None
    assert total.interval is not None
    assert words > 2500
    assert abs(total.rate - REALISTIC.word_error_rate) <= total.interval
    assert score_of(said, said, 2).total.errors == 0
