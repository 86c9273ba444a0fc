"""Recordings by the official Python SDK: started, paused, stopped, told of, listed, deleted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from number_plan import ALICE, ALICE_HZ, APP_NUMBER, BOB, BOB_HZ, DEAF, number_plan
from sandbox_process import Sandbox, running_sandbox
from sdk_refusals import refused
from sound_checks import heard, level
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from user_app import UserApp

NOTHING = "RE" + "0" * 32
BRIDGED = f"<Dial><Number>{BOB}</Number></Dial>"


def a_talk(stepped: Sandbox, app: UserApp) -> str:
    """Alice talks to Bob; both have just begun. The call's SID."""
    app.replies["/voice"] = BRIDGED
    sid = stepped.call(APP_NUMBER, "alice", {"tone": {"hz": ALICE_HZ, "for": "10s"}})
    stepped.advance(1.5)
    return sid


# -- of a call under way --------------------------------------------------------------------------


def test_started_and_stopped(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    sid = a_talk(stepped, app)
    recording = stepped_client.calls(sid).recordings.create(
        recording_channels="dual",
        recording_status_callback=f"{app.url}/recorded",
        recording_status_callback_event=["in-progress", "completed", "absent"],
    )
    assert (recording.status, recording.channels, recording.track) == ("in-progress", 2, "both")
    assert (recording.source, recording.call_sid) == ("StartCallRecordingAPI", sid)
    assert (recording.duration, recording.price, recording.error_code) == (None, None, None)
    stepped.advance(2)
    recording = recording.update(status="stopped")
    assert recording.status == "completed"
    assert recording.duration == "2"
    stepped.advance(0)
    assert app.told("/recorded", "RecordingStatus") == ["in-progress", "completed"]
    assert app.told("/recorded", "RecordingDuration") == [None, "2"]
    assert refused(recording.update, status="in-progress")[0] == 400
    channels = stepped.samples(recording.sid, "?RequestedChannels=2")
    assert channels.shape == (2, 16_000)
    assert [heard(channel, ALICE_HZ, BOB_HZ) for channel in channels] == [{ALICE_HZ}, {BOB_HZ}]


@pytest.mark.parametrize(("behavior", "seconds"), [("silence", 3), ("skip", 2), (None, 3)])
def test_twilio_current_is_paused_and_resumed(
    stepped: Sandbox, stepped_client: Client, app: UserApp, behavior: str | None, seconds: int
) -> None:
    call = stepped_client.calls(a_talk(stepped, app))
    created = call.recordings.create()
    stepped.advance(1)
    how = {} if behavior is None else {"pause_behavior": behavior}
    assert call.recordings("Twilio.CURRENT").update(status="paused", **how).status == "paused"
    assert call.recordings(created.sid).fetch().status == "paused"
    stepped.advance(1)
    assert call.recordings("Twilio.CURRENT").update(status="in-progress").status == "in-progress"
    stepped.advance(1)
    ended = call.recordings("Twilio.CURRENT").update(status="stopped")
    assert (ended.sid, ended.duration) == (created.sid, str(seconds))
    (mixed,) = stepped.samples(created.sid)
    assert len(mixed) == seconds * 8000
    loud = [level(mixed, ALICE_HZ, start, start + 1) > -40 for start in range(seconds)]
    assert loud == ([True, False, True] if seconds == 3 else [True, True])
    assert refused(call.recordings("Twilio.CURRENT").update, status="stopped") == (404, 20404)


def test_twilio_current_of_two_is_refused(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    call = stepped_client.calls(a_talk(stepped, app))
    first, second = call.recordings.create(), call.recordings.create()
    assert refused(call.recordings("Twilio.CURRENT").update, status="paused")[0] == 400
    assert call.recordings(first.sid).update(status="stopped").status in ("completed", "absent")
    stepped.advance(1)
    assert call.recordings("Twilio.CURRENT").update(status="paused").sid == second.sid


@pytest.mark.parametrize(("track", "hz"), [("inbound", ALICE_HZ), ("outbound", BOB_HZ)])
def test_one_track(
    stepped: Sandbox, stepped_client: Client, app: UserApp, track: str, hz: int
) -> None:
    call = stepped_client.calls(a_talk(stepped, app))
    recording = call.recordings.create(recording_track=track, recording_channels="dual")
    assert (recording.track, recording.channels) == (track, 1)
    stepped.advance(2)
    recording.update(status="stopped")
    (channel,) = stepped.samples(recording.sid)
    assert heard(channel, ALICE_HZ, BOB_HZ) == {hz}


def test_a_child_s_recording_is_its_parent_s(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    parent = a_talk(stepped, app)
    (child,) = stepped_client.calls.list(parent_call_sid=parent)
    recording = stepped_client.calls(child.sid).recordings.create()
    assert recording.call_sid == parent


def test_a_recording_ends_with_its_call(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    sid = a_talk(stepped, app)
    created = stepped_client.calls(sid).recordings.create(
        recording_status_callback=f"{app.url}/recorded", recording_status_callback_method="GET"
    )
    stepped.run_out()
    (recording,) = stepped_client.calls(sid).recordings.list()
    assert (recording.sid, recording.status) == (created.sid, "completed")
    (asked,) = (each for each in app.asked if each.path == "/recorded")
    assert (asked.method, asked.params["RecordingSid"]) == ("GET", created.sid)


def test_of_a_call_that_is_not_under_way(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    call = stepped_client.calls.create(to=DEAF, from_=APP_NUMBER, twiml="<Response/>", timeout=5)
    stepped.advance(1)
    assert refused(call.recordings.create) == (400, 21220)
    stepped.run_out()
    assert refused(call.recordings.create) == (400, 21220)


def test_wrong_parameters(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    call = stepped_client.calls(a_talk(stepped, app))
    for wrong in (
        {"recording_channels": "surround"},
        {"recording_track": "third"},
        {"trim": "hair"},
        {"recording_status_callback": "nowhere"},
    ):
        assert refused(call.recordings.create, **wrong)[0] == 400
    recording = call.recordings.create()
    assert refused(recording.update, status="rewound")[0] == 400
    assert refused(recording.update, status="paused", pause_behavior="beep")[0] == 400
    assert refused(call.recordings(NOTHING).fetch) == (404, 20404)
    assert refused(call.recordings(NOTHING).update, status="stopped") == (404, 20404)


# -- by TwiML -------------------------------------------------------------------------------------


def test_a_dial_recorded_in_two_channels(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/voice"] = (
        '<Dial record="record-from-answer-dual" recordingStatusCallback="/recorded"'
        f' action="/after"><Number>{BOB}</Number></Dial>'
    )
    parent = sandbox.call(APP_NUMBER, "alice")
    sandbox.run_out()
    (recording,) = client.recordings.list()
    assert (recording.source, recording.channels, recording.call_sid) == ("DialVerb", 2, parent)
    channels = sandbox.samples(recording.sid, ".wav?RequestedChannels=2")
    assert [heard(channel, ALICE_HZ, BOB_HZ) for channel in channels] == [{ALICE_HZ}, {BOB_HZ}]
    (after,) = app.of("/after")
    assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
    assert after["RecordingSid"] == recording.sid
    (child,) = client.calls.list(parent_call_sid=parent)
    assert after["DialCallSid"] == child.sid
    assert app.told("/recorded", "RecordingSource") == ["DialVerb"]
    assert [each.path for each in app.asked].index("/recorded") > 0


def test_a_voicemail(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/voice"] = '<Record action="/after" timeout="2" recordingStatusCallback="/told"/>'
    app.replies["/after"] = "<Hangup/>"
    call = sandbox.call(
        APP_NUMBER,
        "alice",
        {"pause": "1s"},
        {"noise": {"kind": "babble", "for": "3s", "level": -20}},
        {"pause": "9s"},
    )
    sandbox.run_out()
    (recording,) = client.recordings.list()
    assert (recording.source, recording.channels, recording.call_sid) == ("RecordVerb", 1, call)
    (after,) = app.of("/after")
    assert (after["RecordingSid"], after["Digits"]) == (recording.sid, "")
    assert after["RecordingUrl"] == recording.media_url
    assert app.told("/told", "RecordingStatus") == ["completed"]
    assert sandbox.download(recording.sid, ".wav?RequestedChannels=2")[0] == 400


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("", "completed"),
        ("discard", "absent"),
        ("profile: 2022-05", "absent"),
    ],
)
def test_a_silent_recording_is_kept_or_told_as_absent(
    app: UserApp, tmp_path: Path, options: str, status: str
) -> None:
    app.replies["/voice"] = (
        '<Record action="/after" timeout="2" playBeep="false" recordingStatusCallback="/told"'
        ' recordingStatusCallbackEvent="completed absent"/>'
    )
    app.replies["/after"] = "<Hangup/>"
    config = number_plan(app.url)
    if options == "discard":
        config = config.replace("processing: 0s", "silent: discard")
    else:
        config += f"{options}\n"
    with running_sandbox("--clock", "virtual", config=config, folder=tmp_path) as sandbox:
        sandbox.call(APP_NUMBER, "quiet")
        sandbox.run_out()
        assert app.told("/told", "RecordingStatus") == [status]
        assert len(app.of("/after")) == (status == "completed")


# -- found and deleted ----------------------------------------------------------------------------


def three_recordings(stepped: Sandbox, client: Client, app: UserApp) -> list[str]:
    """Of one call, ten seconds apart, oldest first."""
    app.replies["/voice"] = "<Pause length='60'/>"
    call = client.calls(stepped.call(APP_NUMBER, ALICE))
    stepped.advance(1)
    sids = []
    for _ in range(3):
        recording = call.recordings.create()
        sids.append(recording.sid)
        stepped.advance(2)
        recording.update(status="stopped")
        stepped.advance(10)
    return sids


def test_recordings_are_listed_by_every_filter(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    sids = three_recordings(stepped, stepped_client, app)
    listed = stepped_client.recordings
    assert [each.sid for each in listed.list()] == sids[::-1]
    second = listed(sids[1]).fetch()
    assert [each.sid for each in listed.list(date_created=second.date_created)] == [sids[1]]
    after = second.date_created + timedelta(seconds=1)
    assert [each.sid for each in listed.list(date_created_after=after)] == [sids[2]]
    assert [each.sid for each in listed.list(date_created_before=after)] == sids[1::-1]
    assert len(listed.list(date_created=second.date_created.date().isoformat())) == 3
    assert listed.list(date_created="2001-01-01") == []
    assert len(listed.list(call_sid=second.call_sid)) == 3
    assert listed.list(call_sid="CA" + "0" * 32) == []
    assert listed.list(conference_sid="CF" + "0" * 32) == []
    of_call = stepped_client.calls(second.call_sid).recordings
    day = second.date_created.date()  # below a call the SDK tells no time of day
    assert len(of_call.list(date_created=day)) == len(of_call.list(date_created_after=day)) == 3
    assert of_call.list(date_created_before=day) == []
    assert [each.sid for each in of_call.list(page_size=1)] == sids[::-1]
    assert refused(listed.list, date_created="yesterday")[0] == 400


def test_a_deleted_recording_is_shown_to_who_asks_for_it(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    sids = three_recordings(stepped, stepped_client, app)
    recordings = stepped_client.recordings
    call_sid = recordings(sids[0]).fetch().call_sid
    assert recordings(sids[0]).delete()
    assert stepped_client.calls(call_sid).recordings(sids[1]).delete()
    assert [each.sid for each in recordings.list()] == [sids[2]]
    assert [each.sid for each in stepped_client.calls(call_sid).recordings.list()] == [sids[2]]
    assert [each.status for each in recordings.list(include_soft_deleted=True)] == [
        "completed",
        "deleted",
        "deleted",
    ]
    assert refused(recordings(sids[0]).fetch) == (404, 20404)
    assert recordings(sids[0]).fetch(include_soft_deleted=True).status == "deleted"
    assert refused(recordings(sids[0]).delete) == (404, 20404)
    for ending in ("", ".wav", ".mp3", ".wav?RequestedChannels=1"):
        assert stepped.download(sids[0], ending)[0] == 404


def test_a_recording_under_way_is_not_deleted(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    recording = stepped_client.calls(a_talk(stepped, app)).recordings.create()
    assert refused(stepped_client.recordings(recording.sid).delete) == (409, 20009)
    stepped.run_out()
    assert stepped_client.recordings(recording.sid).delete()


# -- their words ----------------------------------------------------------------------------------


def test_a_voicemail_is_transcribed(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    app.replies["/voice"] = (
        '<Record timeout="3" action="/done" transcribe="true" transcribeCallback="/words"/>'
    )
    spoken = {"say": "Please call me back as soon as you can."}
    sid = stepped.call(APP_NUMBER, "quiet", {"pause": "2s"}, spoken)
    stepped.advance(10)
    (recording,) = stepped_client.recordings.list(call_sid=sid)
    (begun,) = recording.transcriptions.list()
    assert (begun.status, begun.transcription_text) == ("in-progress", "")
    stepped.advance(20)
    done = stepped_client.transcriptions(begun.sid).fetch()
    assert (done.status, done.type) == ("completed", "fast")
    assert done.transcription_text == "Please call me back as soon as you can."
    assert (done.recording_sid, done.duration) == (recording.sid, recording.duration)
    assert app.told("/words", "TranscriptionText") == [done.transcription_text]
    assert app.told("/words", "TranscriptionStatus") == ["completed"]
    assert [each.sid for each in stepped_client.transcriptions.list()] == [done.sid]
    url = f"{stepped.url}{done.uri}".replace(".json", ".txt")
    text = TwilioHttpClient().request("GET", url, auth=stepped_client.auth)
    assert (text.status_code, text.text) == (200, done.transcription_text)
    assert stepped_client.transcriptions(done.sid).delete()
    assert refused(stepped_client.recordings(recording.sid).transcriptions(done.sid).fetch) == (
        404,
        20404,
    )
