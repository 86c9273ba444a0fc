"""Calls of campaigns as they are made: what was planned is what the recording has."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from still_clips import StillClips

from mediasim.audio.wav import read_wav
from mediasim.campaign import Campaign, parse_campaign
from mediasim.campaign.spec.learnt import learnt_from, read_rttm
from mediasim.campaign.timing import Planned
from mediasim.scenario.running.runner import run_scenario

LINES = ["Yes of course", "No, thank you", "It is {order}", "When will it be here", "Good bye then"]
TALK: dict[str, Any] = {
    "texts": {"lines": LINES, "values": {"order": {"whole": [1000, 9999]}}},
    "turns": 8,
    "gaps": {"normal": {"mean": "150ms", "sd": "300ms"}},
}
PARTIES = {
    "caller": {"codec": {"draw": {"one_of": ["PCMU", "PCMA"]}}, "network": {"delay": "33ms"}},
    "agent": {"network": {"jitter": "10ms", "loss": "2%", "jitter_buffer": "100ms"}},
}
CALL = {"from": "caller", "to": "agent", "answer": "513ms", "recording": "dual"}


def campaign(**spec: Any) -> Campaign:
    return Campaign(parse_campaign({"calls": 100, **spec}), 1, StillClips())


def places(made: Campaign, index: int) -> set[tuple[int, int]]:
    """How far the beginning and the end of each utterance are from where they were planned."""
    plan: dict[tuple[str, str, int, str], Planned] = {
        (it.party, it.clip.digest, it.turn, it.kind): it for it in made.composed(index).planned
    }
    said = made.call(index).row["utterances"]
    assert len(said) == len(plan)
    found = set()
    for each in said:
        it = plan[each["party"], each["clip"], each["turn"], each["kind"]]
        assert each["cut"] == (it.samples < it.clip.samples)
        found.add((each["start_sample"] - it.start, each["end_sample"] - it.end))
    return found


def test_planned_calls_are_to_the_sample_whatever_the_ways_of_their_parties() -> None:
    """With delay, jitter, loss, deep buffers, backchannels, overlaps and interruptions."""
    talk = TALK | {
        "utterances": {"one_of": {1: 2, 2: 1}},
        "overlaps": {"share": "25%", "length": {"exponential": {"mean": "300ms", "max": "1s"}}},
        "backchannels": {"share": "60%"},
        "interruptions": {"share": "30%", "holds": "20%"},
    }
    made = campaign(conversation=talk, scenario={"parties": PARTIES, "call": CALL})
    kinds: set[str] = set()
    for index in (0, 1):
        assert places(made, index) == {(0, 0)}
        kinds |= {each.kind for each in made.composed(index).planned}
    assert kinds == {"turn", "backchannel", "interruption"}
    row = made.call(0).row
    assert row["loss"]
    assert {each["party"] for each in row["loss"]} == {"agent"}
    assert all(
        each["text"] == f"It is {row['draws']['value/order']}"
        for each in row["utterances"]
        if each["text"].startswith("It is")
    )


def test_a_duration_is_that_of_the_recording() -> None:
    talk = {key: each for key, each in TALK.items() if key != "turns"} | {"duration": "12s"}
    made = campaign(conversation=talk, scenario={"parties": PARTIES, "call": CALL})
    call = made.call(4)
    assert call.row["audio"]["samples"] == 12 * 8000
    assert places(made, 4) == {(0, 0)}


def test_who_stops_in_the_middle_is_heard_up_to_there() -> None:
    """The samples of an interrupted clip end where the truth says, and its words with them."""
    talk = TALK | {"interruptions": {"share": 1, "yields": "300ms"}, "turns": 3}
    call = campaign(conversation=talk).call(2)
    first, second = call.row["utterances"][:2]
    assert first["cut"]
    assert second["kind"] == "interruption"
    assert first["end_sample"] - second["start_sample"] == 2400, "300 ms of both"
    pcm = call.pcm[first["channel"]]
    assert pcm[first["end_sample"] - 80 : first["end_sample"]].any()
    assert not pcm[first["end_sample"] : first["end_sample"] + 400].any()


def test_conferences_have_as_many_participants_as_are_drawn() -> None:
    room = {
        "size": {"whole": [3, 5]},
        "party": {"codec": {"draw": {"one_of": ["PCMU", "PCMA"]}}, "network": {"delay": "20ms"}},
        "join": {"uniform": ["0s", "2s"]},
    }
    made = campaign(conversation=TALK, conference=room)
    assert places(made, 1) == {(0, 0)}
    row = made.call(1).row
    size = row["draws"]["size"]
    codecs = [key for key in row["draws"] if key.endswith(".codec")]
    assert codecs == [f"parties.member-{number + 1}.codec" for number in range(size)]
    assert row["audio"]["channels"] == 1
    assert {each["channel"] for each in row["utterances"]} == {0}
    joins = {key.split(".")[1]: at for key, at in row["draws"].items() if key.endswith(".join")}
    assert joins
    for each in row["utterances"]:
        assert each["start_sample"] >= 8000 * joins.get(each["party"], 0), "nobody before joining"


def test_a_language_is_drawn_with_its_texts_and_voices() -> None:
    talk = {
        "language": {"one_of": {"en": 1, "de": 1}},
        "texts_in": {"en": ["Good morning", "Thank you"], "de": ["Guten Morgen", "Vielen Dank"]},
        "turns": 2,
    }
    made = campaign(conversation=talk)
    calls = [made.composed(index) for index in range(12)]
    assert {call.drawn["language"] for call in calls} == {"en", "de"}
    for call in calls:
        german = call.drawn["language"] == "de"
        assert all(each.endswith("-de") == german for each in call.speakers.values())
        assert all(
            each.clip.text in talk["texts_in"]["de" if german else "en"]  # type: ignore[index]
            for each in call.planned
        )
        assert [(it.text, it.speaker) for it in made.needed(call.index)] == [
            (it.clip.text, it.clip.speaker) for it in call.planned
        ], "what stage one speaks is what the call says"


def test_reactive_parties_say_their_dialogue_in_turn() -> None:
    dialogue = [{"agent": "Hello?"}, {"caller": "It is me"}, {"agent": "What do you want"}]
    talk = {"kind": "reactive", "dialogues": [dialogue], "gaps": {"uniform": ["300ms", "900ms"]}}
    call = campaign(conversation=talk).call(0)
    said = call.row["utterances"]
    assert [(each["party"], each["text"]) for each in said] == [
        next(iter(turn.items())) for turn in dialogue
    ]
    assert call.row["conversation"] == "reactive"
    asked = call.row["draws"]["turn/1/gap"]
    got = (said[1]["start_sample"] - said[0]["end_sample"]) / 8000
    assert asked <= got < asked + 0.6, "as long as was asked, and what it takes to hear it"


def test_reactive_parties_interrupt_each_other_and_nobody_waits_for_long() -> None:
    talk = TALK | {"kind": "reactive", "backchannels": {"share": "40%"}}
    talk |= {"interruptions": {"share": "40%", "yields": "0s"}, "gaps": {"uniform": ["0s", "1s"]}}
    rows = [campaign(conversation=talk).call(index).row for index in (0, 1)]
    said = [each for row in rows for each in row["utterances"]]
    assert {each["kind"] for each in said} == {"turn", "backchannel", "interruption"}
    assert any(each["cut"] for each in said)
    for row in rows:
        spans = sorted((it["start_sample"], it["end_sample"]) for it in row["utterances"])
        assert all(b[0] - a[1] < 8 * 8000 for a, b in pairwise(spans))


def test_a_message_is_left_as_it_was_planned() -> None:
    call = {"from": "caller", "voicemail": {"trim": "do-not-trim", "timeout": "9s"}}
    parties = {"caller": {"network": {"delay": "33ms"}}}
    made = campaign(conversation=TALK, scenario={"parties": parties, "call": call})
    assert places(made, 0) == {(0, 0)}


def test_parts_are_drawn_by_their_shares() -> None:
    spec = {
        "parts": {
            "calls": {"share": "70%"},
            "rooms": {"share": "30%", "conference": {"size": 3}},
        }
    }
    made = campaign(conversation=TALK, **spec)
    drawn = [made.composed(index).drawn["part"] for index in range(100)]
    assert 20 <= drawn.count("rooms") <= 40
    rooms = made.call(drawn.index("rooms"))
    assert rooms.row["channels"][0]["role"] == "mix"


def test_recorder_faults_are_named_where_they_are() -> None:
    call = CALL | {"recording": {"channels": "dual", "fault": {"draw": {"one_of": ["swapped"]}}}}
    made = campaign(conversation=TALK, scenario={"parties": PARTIES, "call": call})
    row = made.call(0).row
    assert [each["kind"] for each in row["faults"]] == ["swapped"]
    whole = row["audio"]["samples"]
    assert (row["faults"][0]["start_sample"], row["faults"][0]["end_sample"]) == (0, whole)


def test_what_is_kept_in_memory_is_what_would_be_on_disk(tmp_path: Path) -> None:
    say = [{"noise": {"for": "1s", "level": -20}}]
    scenario = {
        "parties": {"ann": {"script": say}, "bob": {"network": {"loss": "10%"}}},
        "call": {"from": "ann", "to": "bob", "recording": {"channels": "dual", "fault": "late"}},
    }
    from mediasim.scenario.model.load import parse_scenario

    for trim in ("do-not-trim", "trim-silence"):
        scenario["call"]["recording"]["trim"] = trim  # type: ignore[index]
        parsed = parse_scenario(scenario)
        stored = run_scenario(parsed, tmp_path)
        held = run_scenario(parsed, None)
        sid = stored.exchange.recordings[0].sid
        assert np.array_equal(
            read_wav(stored.exchange.store.wav_path(sid)).pcm, held.exchange.store.pcm(sid)
        )
        assert stored.truths[sid].to_json() == held.truths[sid].to_json()


RTTM = """\
SPKR-INFO one 1 <NA> <NA> <NA> unknown ann <NA> <NA>
SPEAKER one 1 0.00 2.00 <NA> <NA> ann <NA> <NA>
SPEAKER one 1 0.50 0.30 <NA> <NA> bob <NA> <NA>
SPEAKER one 1 2.25 1.00 <NA> <NA> bob <NA> <NA>
SPEAKER one 1 3.00 1.00 <NA> <NA> ann <NA> <NA>
SPEAKER one 1 4.50 1.00 <NA> <NA> ann <NA> <NA>
"""


def test_gaps_are_learnt_from_an_rttm(tmp_path: Path) -> None:
    """The backchannel in ann's turn is none; her second turn overlaps, and then she pauses."""
    segments = read_rttm(RTTM)
    assert learnt_from(segments, "gaps") == [-250_000_000, 250_000_000]
    assert learnt_from(segments, "pauses") == [500_000_000]
    (tmp_path / "corpus.rttm").write_text(RTTM)
    talk = TALK | {"gaps": {"learnt": "corpus.rttm"}}
    spec = parse_campaign({"calls": 9, "conversation": talk}, base=tmp_path)
    drawn = Campaign(spec, 1, StillClips()).composed(0).drawn
    gaps = [int(each) / 1e9 for label, each in drawn.items() if label.endswith("/gap")]
    assert len(gaps) == 7
    assert all(-0.25 <= gap <= 0.25 for gap in gaps)
    with pytest.raises(ValueError, match="line 2 is no line of RTTM"):
        read_rttm("SPEAKER one 1 0 1 <NA> <NA> ann\nSPEAKER one 1 zero 1 <NA> <NA> ann")
