"""Conferences and who is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rest_stage import ALICE, APP, BOB, DAY, Api

from mediasim.exchange.lifecycle import move
from mediasim.twilio.requests import (
    Callback,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    TwimlSource,
)


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def test_a_conference_is_announced_to_and_ended(api: Api) -> None:
    conference = api.service.conference()
    path = f"Conferences/{conference.sid}.json"
    assert api.get(path)["status"] == "init"
    api.post(path, AnnounceUrl=f"{APP}/say", AnnounceMethod="GET")
    ended = api.post(path, Status="completed")
    assert ended["reason_conference_ended"] == "conference-ended-via-api"
    assert api.service.conferences.asked == [
        ConferenceUpdate(announce=TwimlSource(f"{APP}/say", "GET")),
        ConferenceUpdate(status="completed"),
    ]
    api.refused("POST", path, 400, 20001, data={"Status": "init"})
    api.refused("POST", path, 400, 20001, data={"AnnounceUrl": "say"})
    api.refused("GET", f"Conferences/CF{'0' * 32}.json", 404, 20404)


def test_conferences_by_name_status_and_date(api: Api) -> None:
    first = api.service.conference("Room")
    api.clock.now_ns = DAY
    second = api.service.conference("Other")
    move(first, "completed", DAY)

    def found(query: str) -> list[str]:
        return [each["sid"] for each in api.get(f"Conferences.json?{query}")["conferences"]]

    assert found("") == [second.sid, first.sid]
    assert found("FriendlyName=Room") == [first.sid]
    assert found("Status=completed") == [first.sid]
    assert found("DateCreated=2026-01-05") == [first.sid]
    assert found("DateUpdated%3E=2026-01-06") == [second.sid, first.sid]
    api.refused("GET", "Conferences.json?Status=over", 400, 20001)


def test_somebody_is_called_into_a_conference_of_a_name(api: Api) -> None:
    made = api.post("Conferences/My%20Room/Participants.json", 201, To=BOB, From=ALICE, Label="bob")
    assert (made["status"], made["label"], made["queue_time"]) == ("queued", "bob", "0")
    sid = made["conference_sid"]
    assert api.get(f"Conferences/{sid}.json")["friendly_name"] == "My Room"
    path = f"Conferences/{sid}/Participants"
    assert api.get(f"{path}/bob.json") == api.get(f"{path}/{made['call_sid']}.json")
    assert api.service.conferences.asked == [ParticipantRequest(BOB, ALICE, "bob")]


def test_a_participant_with_everything(api: Api) -> None:
    coached = api.service.call_in_progress().sid
    api.post(
        "Conferences/Room/Participants.json",
        201,
        To=BOB,
        From=ALICE,
        StatusCallback=f"{APP}/status",
        StatusCallbackEvent="ringing answered",
        Timeout="15",
        TimeLimit="600",
        Muted="true",
        Beep="onEnter",
        StartConferenceOnEnter="false",
        EndConferenceOnExit="true",
        WaitUrl="",
        MaxParticipants="3",
        CallSidToCoach=coached,
        Record="true",
        RecordingChannels="dual",
        ConferenceRecord="true",
        ConferenceTrim="do-not-trim",
        ConferenceRecordingStatusCallback=f"{APP}/recording",
        ConferenceStatusCallback=f"{APP}/conference",
        ConferenceStatusCallbackMethod="GET",
        ConferenceStatusCallbackEvent=["start", "join leave"],
        Region="us1",
        EarlyMedia="false",
    )
    assert api.service.conferences.asked == [
        ParticipantRequest(
            BOB,
            ALICE,
            status_callback=Callback(f"{APP}/status", "POST", ("ringing", "answered")),
            timeout_seconds=15,
            time_limit_seconds=600,
            muted=True,
            beep="onEnter",
            start_conference_on_enter=False,
            end_conference_on_exit=True,
            wait=TwimlSource(""),
            max_participants=3,
            coaching=coached,
            recording=RecordingRequest("dual", trim="trim-silence"),
            conference_recording=RecordingRequest(
                trim="do-not-trim", callback=Callback(f"{APP}/recording")
            ),
            conference_callback=Callback(f"{APP}/conference", "GET", ("start", "join", "leave")),
        )
    ]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Beep": "loud"}, 20001),
        ({"Muted": "a bit"}, 20001),
        ({"Timeout": "4"}, 21208),
        ({"MaxParticipants": "1"}, 20001),
        ({"MaxParticipants": "251"}, 20001),
        ({"Coaching": "true"}, 20001),
        ({"CallSidToCoach": "bob"}, 20001),
        ({"ConferenceRecord": "always"}, 20001),
        ({"ConferenceStatusCallbackEvent": "lunch"}, 20001),
        ({"ConferenceStatusCallback": "here"}, 21609),
        ({"WaitUrl": "music"}, 20001),
        ({"Label": "x" * 129}, 20001),
    ],
)
def test_participants_that_cannot_be(api: Api, form: dict[str, str], code: int) -> None:
    data = {"To": BOB, "From": ALICE} | form
    api.refused("POST", "Conferences/Room/Participants.json", 400, code, data=data)
    assert api.service.conferences.asked == []


def test_a_participant_is_changed_and_removed(api: Api) -> None:
    made = api.post("Conferences/Room/Participants.json", 201, To=BOB, From=ALICE, Label="bob")
    path = f"Conferences/{made['conference_sid']}/Participants"
    one = f"{path}/{made['call_sid']}.json"
    assert api.post(one, Muted="true")["muted"] is True
    assert api.post(one, Hold="true", HoldUrl=f"{APP}/hold")["hold"] is True
    api.post(one, AnnounceUrl=f"{APP}/say", EndConferenceOnExit="true", BeepOnExit="false")
    assert api.service.conferences.asked[1:] == [
        ParticipantUpdate(muted=True),
        ParticipantUpdate(hold=True, hold_source=TwimlSource(f"{APP}/hold", "GET")),
        ParticipantUpdate(
            announce=TwimlSource(f"{APP}/say"), end_conference_on_exit=True, beep_on_exit=False
        ),
    ]
    assert len(api.get(f"{path}.json?Muted=true&Hold=true")["participants"]) == 1
    assert api.get(f"{path}.json?Muted=false")["participants"] == []
    assert api.get(f"{path}.json?Coaching=true")["participants"] == []
    api.delete(f"{path}/bob.json")
    api.refused("GET", one, 404, 20404)
    assert api.get(f"{path}.json")["participants"] == []
