"""Conferences by the official Python SDK: who is in them, who hears whom, what is told and kept.

Who is heard is asked of each party's own recording: its outbound track is what it is sent.
"""

from __future__ import annotations

from typing import Any

import pytest
from number_plan import ALICE, ALICE_HZ, APP_NUMBER, BOB, BOB_HZ, CAROL, CAROL_HZ
from sandbox_process import Sandbox
from sdk_refusals import refused
from sound_checks import heard
from twilio.rest import Client
from user_app import UserApp

TONES = {"alice": ALICE_HZ, "bob": BOB_HZ, "carol": CAROL_HZ}


class Meeting:
    """Some parties in one conference, each with a tone that does not end; time is the test's."""

    def __init__(self, sandbox: Sandbox, client: Client, app: UserApp, *names: str) -> None:
        self.sandbox, self.client, self.app = sandbox, client, app
        app.replies["/voice"] = (
            '<Dial><Conference beep="false" waitUrl="" statusCallback="/events" record="'
            'record-from-start" trim="do-not-trim" recordingStatusCallback="/recorded"'
            ' statusCallbackEvent="start end join leave mute hold modify announcement">'
            "room</Conference></Dial>"
        )
        self.sids = {name: self.enter(name) for name in names}
        sandbox.advance(0.5)
        (conference,) = client.conferences.list(status="in-progress")
        self.conference = client.conferences(conference.sid)

    def enter(self, name: str) -> str:
        tone = {"tone": {"hz": TONES[name], "for": "60s"}}
        sid = self.sandbox.call(APP_NUMBER, name, tone)
        self.sandbox.advance(0.1)
        return sid

    def who(self, name: str) -> Any:
        return self.conference.participants(self.sids[name])

    def hears(self, name: str, seconds: float = 1) -> set[str]:
        """Whose tones a party is sent within the next second."""
        call = self.client.calls(self.sids[name])
        recording = call.recordings.create(recording_track="outbound")
        self.sandbox.advance(seconds)
        recording.update(status="stopped")
        (sent,) = self.sandbox.samples(recording.sid)
        there = heard(sent, *TONES.values(), start=0.3)
        return {each for each, hz in TONES.items() if hz in there}

    def events(self) -> list[str | None]:
        return self.app.told("/events", "StatusCallbackEvent")


@pytest.fixture
def meeting(stepped: Sandbox, stepped_client: Client, app: UserApp) -> Meeting:
    return Meeting(stepped, stepped_client, app, "alice", "bob", "carol")


# -- conferences ----------------------------------------------------------------------------------


def test_everybody_hears_the_others(meeting: Meeting) -> None:
    assert meeting.hears("alice") == {"bob", "carol"}
    assert meeting.hears("bob") == {"alice", "carol"}


def test_it_is_found_and_ended(meeting: Meeting) -> None:
    client = meeting.client
    found = meeting.conference.fetch()
    assert (found.friendly_name, found.status, found.region) == ("room", "in-progress", "us1")
    for filters in (
        {"friendly_name": "room"},
        {"status": "in-progress"},
        {"date_created": found.date_created.date()},
        {"date_updated": found.date_updated.date().isoformat()},
    ):
        assert [each.sid for each in client.conferences.list(**filters)] == [found.sid]
    assert client.conferences.list(friendly_name="elsewhere") == []
    assert client.conferences.list(status="completed") == []
    assert client.conferences.list(date_created="2001-01-01") == []
    ended = meeting.conference.update(status="completed")
    assert (ended.status, ended.reason_conference_ended) == (
        "completed",
        "conference-ended-via-api",
    )
    meeting.sandbox.advance(1)
    assert meeting.conference.participants.list() == []
    assert {call.status for call in client.calls.list()} == {"completed"}
    assert refused(meeting.who("alice").fetch) == (404, 20404)
    assert refused(client.conferences("CF" + "0" * 32).fetch) == (404, 20404)


def test_what_is_told_of_it(meeting: Meeting) -> None:
    meeting.who("alice").update(muted=True)
    meeting.who("bob").update(hold=True, hold_url="")
    meeting.sandbox.advance(1)
    meeting.who("carol").delete()
    meeting.conference.update(status="completed")
    meeting.sandbox.advance(1)
    assert meeting.events() == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-join",
        "participant-mute",
        "participant-hold",
        "participant-leave",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    numbers = meeting.app.told("/events", "SequenceNumber")
    assert numbers == [str(number) for number in range(1, 11)]
    assert set(meeting.app.told("/events", "FriendlyName")) == {"room"}
    assert meeting.app.of("/events")[4]["CallSid"] == meeting.sids["alice"]
    assert meeting.app.of("/events")[4]["Muted"] == "true"
    end = meeting.app.of("/events")[-1]
    assert end["ReasonConferenceEnded"] == "conference-ended-via-api"


def test_an_announcement_to_all(meeting: Meeting) -> None:
    meeting.app.replies["/announce"] = "<Play digits='1111'/>"
    meeting.conference.update(announce_url=f"{meeting.app.url}/announce", announce_method="POST")
    call = meeting.client.calls(meeting.sids["alice"])
    recording = call.recordings.create(recording_track="outbound")
    meeting.sandbox.advance(3)
    recording.update(status="stopped")
    (sent,) = meeting.sandbox.samples(recording.sid)
    assert heard(sent, 697, 1209, end=0.5) == {697, 1209}
    assert meeting.events()[-1] == "announcement-end"


# -- participants ---------------------------------------------------------------------------------


def test_participants_are_listed_and_found(meeting: Meeting) -> None:
    listed = meeting.conference.participants.list()
    assert [each.call_sid for each in listed] == list(meeting.sids.values())
    assert {each.status for each in listed} == {"connected"}
    alice = meeting.who("alice").fetch()
    assert (alice.muted, alice.hold, alice.coaching, alice.end_conference_on_exit) == (
        False,
        False,
        False,
        False,
    )
    assert [each.call_sid for each in meeting.conference.participants.list(muted=True)] == []
    assert refused(meeting.conference.participants("CA" + "0" * 32).fetch) == (404, 20404)


def test_mute(meeting: Meeting) -> None:
    assert meeting.who("carol").update(muted=True).muted
    assert meeting.hears("alice") == {"bob"}
    assert meeting.hears("carol") == {"alice", "bob"}
    assert not meeting.who("carol").update(muted=False).muted
    assert meeting.hears("alice") == {"bob", "carol"}


def test_hold_with_music_of_its_own(meeting: Meeting) -> None:
    meeting.app.replies["/music"] = "<Play digits='5555555555' loop='0'/>"
    held = meeting.who("bob").update(hold=True, hold_url=f"{meeting.app.url}/music")
    assert held.hold
    assert meeting.hears("bob") == set()
    assert meeting.hears("alice") == {"carol"}
    (asked,) = (each for each in meeting.app.asked if each.path == "/music")
    assert asked.method == "GET"
    assert not meeting.who("bob").update(hold=False).hold
    assert meeting.hears("bob") == {"alice", "carol"}


def test_kick(meeting: Meeting) -> None:
    assert meeting.who("bob").delete()
    meeting.sandbox.advance(0.5)
    assert meeting.hears("alice") == {"carol"}
    assert refused(meeting.who("bob").fetch) == (404, 20404)
    assert meeting.client.calls(meeting.sids["bob"]).fetch().status == "completed"


def test_an_announcement_to_one(meeting: Meeting) -> None:
    meeting.app.replies["/announce"] = "<Play digits='1111'/>"
    recordings = {
        name: meeting.client.calls(meeting.sids[name]).recordings.create(recording_track="outbound")
        for name in ("alice", "bob")
    }
    meeting.who("alice").update(announce_url=f"{meeting.app.url}/announce")
    meeting.sandbox.advance(2)
    there = {}
    for name, recording in recordings.items():
        recording.update(status="stopped")
        there[name] = heard(meeting.sandbox.samples(recording.sid)[0], 697, 1209, end=0.5)
    assert there == {"alice": {697, 1209}, "bob": set()}


def test_coaching(meeting: Meeting) -> None:
    coach = meeting.who("carol").update(coaching=True, call_sid_to_coach=meeting.sids["alice"])
    assert (coach.coaching, coach.call_sid_to_coach) == (True, meeting.sids["alice"])
    assert meeting.hears("alice") == {"bob", "carol"}
    assert meeting.hears("bob") == {"alice"}
    assert meeting.hears("carol") == {"alice", "bob"}
    assert not meeting.who("carol").update(coaching=False).coaching
    assert meeting.hears("bob") == {"alice", "carol"}


def test_who_ends_it_on_leaving(meeting: Meeting) -> None:
    assert meeting.who("alice").update(end_conference_on_exit=True).end_conference_on_exit
    meeting.sandbox.control("POST", f"/calls/{meeting.sids['alice']}/hang-up")
    meeting.sandbox.advance(1)
    ended = meeting.conference.fetch()
    assert (ended.status, ended.reason_conference_ended) == (
        "completed",
        "participant-with-end-conference-on-exit-left",
    )
    assert ended.call_sid_ending_conference == meeting.sids["alice"]


def test_somebody_is_called_into_it(meeting: Meeting) -> None:
    meeting.who("carol").delete()
    created = meeting.conference.participants.create(
        to=CAROL,
        from_=APP_NUMBER,
        label="late",
        beep="false",
        muted=False,
        end_conference_on_exit=True,
        status_callback=f"{meeting.app.url}/late",
        status_callback_event=["ringing", "answered", "completed"],
    )
    assert (created.label, created.status, created.end_conference_on_exit) == (
        "late",
        "queued",
        True,
    )
    meeting.sandbox.advance(1.5)
    assert meeting.conference.participants("late").fetch().status == "connected"
    assert meeting.hears("alice") == {"bob", "carol"}
    assert meeting.conference.participants("late").update(muted=True).muted
    assert meeting.hears("alice") == {"bob"}
    assert meeting.conference.participants("late").delete()
    meeting.sandbox.advance(1)
    assert meeting.app.told("/late", "CallStatus") == ["ringing", "in-progress", "completed"]
    assert meeting.conference.fetch().status == "completed"


def test_a_conference_is_begun_by_calling_into_it(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    room = stepped_client.conferences("new room")
    first = room.participants.create(
        to=ALICE,
        from_=APP_NUMBER,
        conference_record="record-from-start",
        conference_status_callback=f"{app.url}/events",
        conference_recording_status_callback=f"{app.url}/recorded",
    )
    room.participants.create(to=BOB, from_=APP_NUMBER)
    stepped.run_out()
    (conference,) = stepped_client.conferences.list()
    assert (conference.friendly_name, conference.status) == ("new room", "completed")
    assert first.conference_sid == conference.sid
    assert app.told("/events", "StatusCallbackEvent") == ["conference-start", "conference-end"]
    assert app.told("/recorded", "ConferenceSid") == [conference.sid]


def test_wrong_participants(meeting: Meeting) -> None:
    create = meeting.conference.participants.create
    assert refused(create, to="nobody", from_=APP_NUMBER) == (400, 21211)
    assert refused(create, to=BOB, from_="") == (400, 21213)
    assert refused(create, to=BOB, from_=APP_NUMBER, beep="loud")[0] == 400
    assert refused(create, to=BOB, from_=APP_NUMBER, label="x" * 200)[0] == 400
    assert refused(create, to=BOB, from_=APP_NUMBER, coaching=True)[0] == 400
    nobody = "CA" + "0" * 32
    update = meeting.who("alice").update
    assert refused(update, coaching=True, call_sid_to_coach=nobody) == (400, 16028)
    assert refused(update, hold=True, hold_url="nowhere")[0] == 400


# -- its recordings -------------------------------------------------------------------------------


def test_its_recording(meeting: Meeting) -> None:
    (recording,) = meeting.conference.recordings.list()
    assert (recording.status, recording.source, recording.channels) == (
        "in-progress",
        "Conference",
        2,
    )
    assert recording.conference_sid == meeting.conference.fetch().sid
    meeting.sandbox.advance(1)
    meeting.who("carol").delete()
    meeting.sandbox.advance(1)
    meeting.conference.update(status="completed")
    meeting.sandbox.advance(1)
    found = meeting.conference.recordings(recording.sid).fetch()
    assert found.status == "completed"
    first, others = meeting.sandbox.samples(recording.sid, ".wav?RequestedChannels=2")
    assert heard(first, *TONES.values(), start=0.6, end=2.4) == {ALICE_HZ}
    assert heard(others, *TONES.values(), start=0.6, end=1.4) == {*TONES.values()} - {ALICE_HZ}
    assert heard(others, *TONES.values(), start=1.7, end=2.4) == {BOB_HZ}
    (mixed,) = meeting.sandbox.samples(recording.sid)
    assert heard(mixed, *TONES.values(), start=0.6, end=1.4) == set(TONES.values())
    assert meeting.app.told("/recorded", "RecordingSid") == [recording.sid]
    assert meeting.app.told("/recorded", "RecordingSource") == ["Conference"]
    assert meeting.app.told("/recorded", "FriendlyName") == ["room"]
    (of_account,) = meeting.client.recordings.list(conference_sid=recording.conference_sid)
    assert of_account.sid == recording.sid
    assert [
        each.sid for each in meeting.conference.recordings.list(date_created="2001-01-01")
    ] == []
    assert meeting.conference.recordings(recording.sid).delete()
    assert meeting.conference.recordings.list() == []


def test_its_recording_is_paused_and_stopped(meeting: Meeting) -> None:
    current = meeting.conference.recordings("Twilio.CURRENT")
    meeting.sandbox.advance(1)
    assert current.update(status="paused", pause_behavior="skip").status == "paused"
    meeting.sandbox.advance(5)
    assert current.update(status="in-progress").status == "in-progress"
    meeting.sandbox.advance(1)
    stopped = current.update(status="stopped")
    assert stopped.status == "completed"
    assert 2 * 8000 <= meeting.sandbox.samples(stopped.sid).shape[1] <= 3 * 8000
    assert refused(current.update, status="paused") == (404, 20404)
