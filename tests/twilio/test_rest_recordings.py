"""Recordings as resources: of the account, of calls and of conferences."""

from __future__ import annotations

from pathlib import Path

import pytest
from rest_stage import APP, DAY, Api

from mediasim.twilio.requests import Callback, RecordingRequest


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def test_a_recording_is_started_on_a_call(api: Api) -> None:
    call = api.service.call_in_progress()
    path = f"Calls/{call.sid}/Recordings.json"
    made = api.post(path, 201)
    assert (made["status"], made["duration"], made["track"]) == ("in-progress", None, "both")
    assert made["uri"] == f"{api.root}/Calls/{call.sid}/Recordings/{made['sid']}.json"
    api.post(
        path,
        201,
        RecordingChannels="dual",
        RecordingTrack="outbound",
        Trim="trim-silence",
        RecordingStatusCallback=f"{APP}/recording",
        RecordingStatusCallbackMethod="GET",
        RecordingStatusCallbackEvent=["in-progress", "absent"],
    )
    assert api.service.asked == [
        RecordingRequest(),
        RecordingRequest(
            "dual",
            "outbound",
            "trim-silence",
            Callback(f"{APP}/recording", "GET", ("in-progress", "absent")),
        ),
    ]
    assert len(api.get(path)["recordings"]) == 2


def test_a_recording_is_paused_by_its_sid_and_as_the_current_one(api: Api) -> None:
    call = api.service.call_in_progress()
    first, second = api.service.recording(call), api.service.recording(call)
    path = f"Calls/{call.sid}/Recordings"
    paused = api.post(f"{path}/{first.sid}.json", Status="paused", PauseBehavior="skip")
    assert paused["status"] == "paused"
    assert api.post(f"{path}/Twilio.CURRENT.json", Status="paused")["sid"] == second.sid
    assert api.service.asked == [("paused", "skip"), ("paused", None)]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Status": "deleted"}, 20001),
        ({"Status": "paused", "PauseBehavior": "music"}, 20001),
    ],
)
def test_wrong_updates(api: Api, form: dict[str, str], code: int) -> None:
    record = api.service.recording()
    path = f"Calls/{record.call_sid}/Recordings/{record.sid}.json"
    api.refused("POST", path, 400, code, data=form)
    assert api.service.asked == []


def test_a_recording_is_found_below_its_own_call_and_conference_only(api: Api) -> None:
    conference = api.service.conference()
    record = api.service.recording(
        kind="conference", conference_sid=conference.sid, call=api.service.call_in_progress()
    )
    other = api.service.recording()
    own = api.get(f"Conferences/{conference.sid}/Recordings/{record.sid}.json")
    assert own["conference_sid"] == conference.sid
    assert own["uri"] == f"{api.root}/Conferences/{conference.sid}/Recordings/{record.sid}.json"
    api.get(f"Calls/{record.call_sid}/Recordings/{record.sid}.json")
    api.refused("GET", f"Calls/{record.call_sid}/Recordings/{other.sid}.json", 404, 20404)
    api.refused("GET", f"Conferences/{conference.sid}/Recordings/{other.sid}.json", 404, 20404)
    listed = api.get(f"Conferences/{conference.sid}/Recordings.json")["recordings"]
    assert [each["sid"] for each in listed] == [record.sid]
    path = f"Conferences/{conference.sid}/Recordings/Twilio.CURRENT.json"
    assert api.post(path, Status="paused")["sid"] == record.sid
    api.refused("GET", f"Conferences/CF{'0' * 32}/Recordings.json", 404, 20404)
    api.refused("GET", f"Calls/CA{'0' * 32}/Recordings.json", 404, 20404)


def test_lists_by_call_conference_and_date(api: Api) -> None:
    conference = api.service.conference()
    first = api.service.recording()
    api.clock.now_ns = DAY
    second = api.service.recording(kind="conference", conference_sid=conference.sid)

    def found(query: str) -> list[str]:
        return [each["sid"] for each in api.get(f"Recordings.json?{query}")["recordings"]]

    assert found("") == [second.sid, first.sid]
    assert found(f"CallSid={first.call_sid}") == [first.sid]
    assert found(f"ConferenceSid={conference.sid}") == [second.sid]
    assert found("DateCreated=2026-01-05") == [first.sid]
    assert found("DateCreated%3E=2026-01-06") == [second.sid]
    assert found("DateCreated<=2026-01-06") == [first.sid]
    assert found(f"CallSid=CA{'0' * 32}") == []
    api.refused("GET", "Recordings.json?CallSid=RE1", 400, 20001)
    api.refused("GET", "Recordings.json?IncludeSoftDeleted=perhaps", 400, 20001)


def test_a_deleted_recording_is_shown_for_forty_days_to_those_who_ask(
    api: Api, tmp_path: Path
) -> None:
    record = api.service.finished(tmp_path)
    path = f"Recordings/{record.sid}.json"
    assert api.get(path)["media_url"] == f"http://127.0.0.1:8080{api.root}/Recordings/{record.sid}"
    api.delete(path)
    api.refused("GET", path, 404, 20404)
    api.refused("DELETE", path, 404, 20404)
    assert api.get("Recordings.json")["recordings"] == []
    assert api.get(f"Calls/{record.call_sid}/Recordings.json")["recordings"] == []
    assert api.get(f"{path}?IncludeSoftDeleted=true")["status"] == "deleted"
    api.clock.now_ns = 40 * DAY
    (kept,) = api.get("Recordings.json?IncludeSoftDeleted=true")["recordings"]
    assert kept["status"] == "deleted"
    api.clock.now_ns += 1
    assert api.get("Recordings.json?IncludeSoftDeleted=true")["recordings"] == []
    api.refused("GET", f"{path}?IncludeSoftDeleted=true", 404, 20404)


def test_a_recording_is_deleted_below_its_call(api: Api, tmp_path: Path) -> None:
    record = api.service.finished(tmp_path)
    api.delete(f"Calls/{record.call_sid}/Recordings/{record.sid}.json")
    assert record.status == "deleted"
