"""Invariant 9: calls, recordings and conferences only make transitions that Twilio documents.

The tables are Twilio's, written here anew: call, recording and conference statuses of its API
description. Two things are ours: a call that comes in is born ringing, and a recording halted by
its call's end is stopped before it is completed, as one halted by request is.
"""

from __future__ import annotations

import json
from typing import Any

import drawn_scenarios as drawn
from hypothesis import given
from hypothesis import strategies as st
from playing import Played, examples, play

from mediasim.exchange.events import ConferenceEvent

UNANSWERED = {"busy", "no-answer", "canceled", "failed"}
CALL = {
    None: {"queued", "ringing"},
    "queued": {"initiated", *UNANSWERED},
    "initiated": {"ringing", *UNANSWERED},
    "ringing": {"answered", *UNANSWERED},
    "answered": {"completed"},
}
RECORDING = {
    None: {"started"},
    "started": {"paused", "stopped"},
    "paused": {"resumed", "stopped"},
    "resumed": {"paused", "stopped"},
    "stopped": {"completed", "absent"},
}
CONFERENCE = {None: {"started", "ended"}, "started": {"ended"}}

ENDS = {"call": {"completed", *UNANSWERED}, "recording": {"completed", "absent"}}


def lives(played: Played, noun: str, words: set[str]) -> dict[str, list[str]]:
    """What happened to each of a kind, in order; of these words alone."""
    found: dict[str, list[str]] = {}
    for _, kind, subject in played.went_through():
        of, _, word = kind.partition(".")
        if of == noun and word in words:
            found.setdefault(subject, []).append(word)
    return found


def lawful(life: list[str], table: dict[Any, set[str]]) -> None:
    for before, after in zip([None, *life], life, strict=False):
        assert after in table.get(before, set()), f"{before} -> {after} in {life}"
    assert life[-1] not in table, f"never ends: {life}"


def all_lawful(played: Played) -> None:
    exchange = played.result.run.exchange
    words = {word for after in CALL.values() for word in after}
    calls = lives(played, "call", words)
    assert calls.keys() == {call.sid for call in played.result.calls}
    for call in played.result.calls:
        life = calls[call.sid]
        lawful(life, CALL)
        assert life[-1] == call.status
        assert (life[0] == "ringing") == (call.parent_call_sid is None)
        assert (call.answered_ns is not None) == ("answered" in life)

    recordings = lives(played, "recording", {w for after in RECORDING.values() for w in after})
    assert recordings.keys() == {it.sid for it in played.result.recordings}
    for recording in played.result.recordings:
        lawful(recordings[recording.sid], RECORDING)
        assert recordings[recording.sid][-1] == recording.record.status
        has_media(played, recording.sid)

    for conference in exchange.catalogue.conferences():
        lawful(lives(played, "conference", {"started", "ended"})[conference.sid], CONFERENCE)
        assert conference.status == "completed"
        everybody_leaves(played, conference.sid)


def has_media(played: Played, sid: str) -> None:
    """A completed recording has, an absent one has not and says why; nothing else is left."""
    document = json.loads(played.files[f"recordings/{sid}.json"])
    wav = f"recordings/{sid}.wav"
    if document["status"] == "completed":
        channels = len(document["channel_map"]["channels"])
        samples = (len(played.files[wav]) - 44) // 2 // channels
        assert samples > 0
        assert document["error_code"] is None
        assert int(document["duration"]) == (2 * samples + 8000) // 16000
    else:
        assert document["status"] == "absent"
        assert document["error_code"] in (16101, 16102)
        assert wav not in played.files
    assert not [path for path in played.files if path.startswith("spool")]


def everybody_leaves(played: Played, sid: str) -> None:
    """Who joins a conference leaves it, once, before its end."""
    events = [
        event
        for event in played.result.events
        if isinstance(event, ConferenceEvent) and event.conference_sid == sid
    ]
    kinds = [event.kind for event in events]
    assert (kinds[0], kinds[-1]) == ("conference.joined", "conference.ended")
    joined = [event.call_sid for event in events if event.kind == "conference.joined"]
    left = [event.call_sid for event in events if event.kind == "conference.left"]
    assert len(set(joined)) == len(joined)
    assert sorted(map(str, joined)) == sorted(map(str, left))


ANSWERS = st.sampled_from(["busy", "reject", "no-answer", "400ms", "0s", "1s"])


@st.composite
def troubled_calls(draw: st.DrawFn) -> dict[str, Any]:
    """Calls that may not come about, and transfers that may fail."""
    scenario = draw(drawn.calls())
    call = scenario["call"]
    call["answer"] = draw(ANSWERS)
    call["timeout"] = draw(st.sampled_from(["800ms", "5s"]))
    if "transfer" in call:
        call["transfer"]["answer"] = draw(ANSWERS)
    return scenario


@examples(10)
@given(troubled_calls())
def test_calls(scenario: dict[str, Any]) -> None:
    all_lawful(play(scenario))


@examples(8)
@given(drawn.conferences() | drawn.voicemails())
def test_conferences_and_voicemails(scenario: dict[str, Any]) -> None:
    all_lawful(play(scenario))
