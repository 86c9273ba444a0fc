"""Calls of a campaign whose parties are people of a corpus, from the corpus to the rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediasim.audio.tones import noise
from mediasim.campaign import (
    Campaign,
    FolderStorage,
    StoredClips,
    begin_campaign,
    clips_of,
    parse_campaign,
)
from mediasim.campaign.clips.stored import ClipsError
from mediasim.campaign.flac import encode_flac
from mediasim.documents.diagnostics import ScenarioError
from mediasim.parties.voices.speech import Speaker


@pytest.fixture(autouse=True)
def _babble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A LibriSpeech of six people, women and men by turns, each with four sentences."""
    genders = [";ID  |SEX| SUBSET"]
    for speaker in range(10, 16):
        chapter = tmp_path / f"LibriSpeech/dev-clean/{speaker}/1"
        chapter.mkdir(parents=True)
        genders.append(f"{speaker} | {'FM'[speaker % 2]} | dev-clean | 8.0 | A Name")
        lines = []
        for number in range(4):
            seconds = 0.4 + 0.2 * number
            draws = np.random.default_rng(speaker * 10 + number)
            pcm = noise("white", round(8000 * seconds), -22.0, draws)
            name = f"{speaker}-1-000{number}"
            (chapter / f"{name}.flac").write_bytes(encode_flac(pcm[None]))
            lines.append(f"{name} SENTENCE {number} OF {speaker}")
        (chapter / f"{speaker}-1.trans.txt").write_text("\n".join(lines))
    (tmp_path / "LibriSpeech/SPEAKERS.TXT").write_text("\n".join(genders))
    return tmp_path


def spec_of(**more: Any) -> dict[str, Any]:
    return {
        "calls": 6,
        "clips": [{"librispeech": "LibriSpeech"}],
        "speakers": {"recorded": {"splits": "dev-clean", "shortest": "500ms"}},
        "conversation": {"turns": 4, "gaps": {"normal": {"mean": "100ms", "sd": "200ms"}}},
    } | more


def made(base: Path, out: str = "out", **more: Any) -> Campaign:
    spec = parse_campaign(spec_of(**more), base=base)
    return Campaign(spec, spec.seed, clips_of(spec, spec.seed, FolderStorage(base / out)).clips)


def test_people_of_a_corpus_talk_and_the_rows_say_what_and_when(base: Path) -> None:
    campaign = made(base)
    calls = [campaign.call(index) for index in range(6)]
    who: dict[str, set[str]] = {"caller": set(), "agent": set()}
    for call in calls:
        said = call.row["utterances"]
        assert len(said) == 4
        assert len({each["clip"] for each in said}) == 4  # nobody says a thing twice
        for each in said:
            assert each["text"].endswith(f" OF {each['speaker']}")
            assert each["language"] == "en"
            assert each["end_sample"] - each["start_sample"] >= 4000
            assert [word["text"] for word in each["words"]] == each["text"].split()
            who[each["party"]].add(each["speaker"])
        assert [it["speaker"] for it in call.row["channels"]] == [
            call.row["draws"]["speaker/caller"],
            call.row["draws"]["speaker/agent"],
        ]
        assert [it["voice"] for it in call.row["channels"]] == [None, None]
    # A speaker is one party's in all calls.
    assert not who["caller"] & who["agent"]
    assert len(who["caller"]) > 1

    # From the stored clips alone, in another process: the same bytes.
    spec = parse_campaign(spec_of(), base=base)
    again = Campaign(spec, spec.seed, StoredClips(FolderStorage(base / "out")))
    assert again.first_call() == campaign.first_call()
    assert again.call(3).json == calls[3].json
    assert clips_of(spec, spec.seed, FolderStorage(base / "out")).stage is None


def test_a_campaign_is_not_made_longer_from_other_people(base: Path) -> None:
    out = FolderStorage(base / "out")
    begin_campaign(made(base), out)
    index = out.read("clips/index.jsonl")
    longer = parse_campaign(spec_of(calls=9), base=base)
    assert clips_of(longer, 1, out).stage is not None
    shutil.rmtree(base / "LibriSpeech/dev-clean/12")
    longest = parse_campaign(spec_of(calls=12), base=base)
    with pytest.raises(ClipsError, match="the corpora are others than those"):
        clips_of(longest, 1, out)
    assert out.read("clips/index.jsonl") == index


def test_voices_and_people_talk_to_each_other(base: Path) -> None:
    lines = ["How can I help?", "Is there anything else?"]
    talk = {
        "turns": 4,
        "texts_of": {"agent": lines},
        "backchannels": {"share": 1.0},
    }
    speakers = {
        "voices": {"one_of": ["ben", "amy"]},
        "recorded_of": {"caller": {"gender": "female"}},
    }
    campaign = made(base, conversation=talk, speakers=speakers)
    for index in range(3):
        row = campaign.call(index).row
        for each in row["utterances"]:
            if each["party"] == "agent":
                assert each["speaker"] in ("ben", "amy")
                assert each["kind"] == "backchannel" or each["text"] in lines
            else:
                assert each["speaker"] in ("10", "12", "14")
                length = each["end_sample"] - each["start_sample"]
                assert each["kind"] != "backchannel" or length <= 8000
        assert {each["party"] for each in row["utterances"]} == {"caller", "agent"}


def test_what_scenarios_say_themselves_is_no_worker_s_to_speak(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {"draw": {"one_of": ["Hello.", "Good day."]}}
    script = [{"say": drawn}, {"say": {"text": "Bye.", "level": -30}}]
    scenario = {
        "parties": {"ann": {"script": [*script, "hangup"]}, "bob": {"voice": "emma"}},
        "call": {"from": "ann", "to": "bob", "answer": "0s", "recording": "dual"},
    }
    campaign = made(base, scenario=scenario, speakers=None, conversation=None)
    stored = {(each.text, each.voice) for each in StoredClips(FolderStorage(base / "out"))}
    assert {("Hello.", "amy"), ("Good day.", "amy"), ("Bye.", "amy")} <= stored

    def silent(*_: object, **__: object) -> None:
        raise AssertionError("a worker speaks")

    monkeypatch.setattr(Speaker, "saying", silent)
    monkeypatch.setattr(Speaker, "say", silent)
    said = [each["text"] for each in campaign.call(0).row["utterances"]]
    assert said[1:] == ["Bye."]
    assert said[0] in ("Hello.", "Good day.")


def test_people_of_a_conference_are_different_ones(base: Path) -> None:
    conference = {"size": 3, "party": {}}
    campaign = made(base, conference=conference)
    names = list(campaign.composed(0).speakers.values())
    assert len(set(names)) == len(names) == 3


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"clips": None}, "speakers.recorded: expected clips: with the corpora"),
        (
            {"conversation": {"texts": ["Hello."]}},
            "speakers.recorded: expected none beside texts, which nobody is left to say",
        ),
        ({"speakers": {}}, "caller has nothing to say: expected texts, texts_of or dialogues"),
        ({"speakers": {"recorded_of": {"caler": {}}}}, "did you mean 'caller'?"),
        (
            {"speakers": {"recorded_of": {"caller": {}}}},
            "agent has nothing to say: expected texts for the others",
        ),
        ({"clips": [{"librispeech": "Libri"}]}, "there is no folder"),
        ({"clips": [{"libri": "LibriSpeech"}]}, "did you mean 'librispeech'?"),
        (
            {"speakers": {"recorded": {"shortest": "2s", "longest": "1s"}}},
            "is below the shortest, 2s",
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(
    base: Path, more: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_campaign(spec_of(**more), base=base)
    assert wrong in str(error.value)
