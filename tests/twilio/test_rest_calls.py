"""Calls: creating, listing, updating, deleting them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rest_stage import ALICE, APP, BOB, DAY, SECOND, Api

from mediasim.exchange.lifecycle import move
from mediasim.twilio.requests import (
    Callback,
    CallRequest,
    CallUpdate,
    RecordingRequest,
    TwimlSource,
)


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def the_request(api: Api) -> CallRequest:
    (ask,) = api.service.asked
    assert isinstance(ask, CallRequest)
    return ask


def test_a_call_by_url(api: Api) -> None:
    made = api.post("Calls.json", 201, To=BOB, From=ALICE, Url=f"{APP}/voice", Unknown="ignored")
    assert made["status"] == "queued"
    assert made["uri"] == f"{api.root}/Calls/{made['sid']}.json"
    assert the_request(api) == CallRequest(BOB, ALICE, TwimlSource(f"{APP}/voice"))
    assert api.get(f"Calls/{made['sid']}.json") == made


def test_a_call_with_everything(api: Api) -> None:
    api.post(
        "Calls.json",
        201,
        To="client:bob",
        From=ALICE,
        Twiml="<Response/>",
        Timeout="20",
        TimeLimit="90",
        SendDigits="wW1234#",
        StatusCallback=f"{APP}/status#rc=2",
        StatusCallbackMethod="get",
        StatusCallbackEvent=["initiated", "ringing answered"],
        Record="True",
        RecordingChannels="dual",
        RecordingTrack="inbound",
        RecordingStatusCallback=f"{APP}/recording",
        RecordingStatusCallbackEvent="in-progress completed",
        Trim="do-not-trim",
    )
    assert the_request(api) == CallRequest(
        "client:bob",
        ALICE,
        TwimlSource(twiml="<Response/>"),
        status_callback=Callback(f"{APP}/status#rc=2", "GET", ("initiated", "ringing", "answered")),
        timeout_seconds=20,
        time_limit_seconds=90,
        send_digits="wW1234#",
        recording=RecordingRequest(
            "dual",
            "inbound",
            "do-not-trim",
            Callback(f"{APP}/recording", "POST", ("in-progress", "completed")),
        ),
    )


def test_url_goes_before_twiml_and_an_application_before_both(api: Api) -> None:
    sid = api.post("Applications.json", 201, VoiceUrl=f"{APP}/app")["sid"]
    form = {"To": BOB, "From": ALICE, "Url": f"{APP}/voice", "Twiml": "<Response/>"}
    api.post("Calls.json", 201, **form)
    api.post("Calls.json", 201, **form, ApplicationSid=sid, StatusCallback=f"{APP}/status")
    first, second = api.service.asked
    assert first.source == TwimlSource(f"{APP}/voice")
    assert second.application_sid == sid
    assert second.status_callback is None


GOOD = {"To": BOB, "From": ALICE, "Url": f"{APP}/voice"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21201),
        ({"To": "+15005550001"}, 21217),
        ({"To": "someone"}, 21211),
        ({"To": "+1555" * 500}, 21211),
        ({"From": ""}, 21213),
        ({"From": "+15005550001"}, 21212),
        ({"From": "nobody"}, 21212),
        ({"Url": ""}, 21205),
        ({"Url": "voice"}, 21205),
        ({"Url": "ftp://127.0.0.1/voice"}, 21205),
        ({"Url": "http://127.0.0.1:99999/voice"}, 21205),
        ({"Url": "http://a@b@127.0.0.1/voice"}, 21205),
        ({"Url": f"{APP}/{'x' * 5000}"}, 21205),
        ({"FallbackUrl": "voice"}, 21205),
        ({"Method": "PUT"}, 21209),
        ({"StatusCallbackMethod": "PUT"}, 21209),
        ({"Timeout": "601"}, 21208),
        ({"Timeout": "0"}, 21208),
        ({"Timeout": "a minute"}, 21208),
        ({"Timeout": "9" * 400}, 21208),
        ({"SendDigits": "hello"}, 21206),
        ({"SendDigits": "1" * 33}, 21206),
        ({"ApplicationSid": "AP" + "0" * 32}, 21218),
        ({"Record": "maybe"}, 20001),
        ({"Record": "true", "RecordingChannels": "stereo"}, 20001),
        ({"Record": "true", "RecordingTrack": "left"}, 20001),
        ({"Record": "true", "Trim": "hair"}, 20001),
        ({"Record": "true", "RecordingStatusCallback": "here"}, 21609),
        ({"Record": "true", "RecordingStatusCallbackEvent": "later"}, 20001),
        ({"TimeLimit": "-1"}, 20001),
        ({"MachineDetection": "Perhaps"}, 21234),
        ({"MachineDetection": "Enable", "MachineDetectionTimeout": "90"}, 21234),
        ({"Url": "", "Twiml": "x" * 4001}, 20001),
    ],
)
def test_wrong_calls_are_refused_with_twilios_code(
    api: Api, change: dict[str, str], code: int
) -> None:
    api.refused("POST", "Calls.json", 400, code, data=GOOD | change)
    assert api.service.catalogue.calls() == []


def test_without_parameters_the_number_to_call_is_missed(api: Api) -> None:
    assert "'To'" in api.refused("POST", "Calls.json", 400, 21201)


def test_a_wrong_callback_is_a_warning_and_the_call_goes_on(api: Api) -> None:
    api.post("Calls.json", 201, **GOOD, StatusCallback="here")
    api.post(
        "Calls.json", 201, **GOOD, StatusCallback=f"{APP}/s", StatusCallbackEvent=["answered", "x"]
    )
    first, second = api.service.asked
    assert first.status_callback is None
    assert second.status_callback == Callback(f"{APP}/s", events=("answered",))
    notes = [(each.error_code, each.log) for each in api.service.notifications]
    assert notes == [(21609, "1"), (21626, "1")]
    assert api.service.notifications[0].call_sid == api.service.catalogue.calls()[0].sid


@pytest.mark.parametrize(
    ("given", "ignored"),
    [
        ({"CallReason": "Hello", "Byoc": "x"}, "CallReason, Byoc"),
        ({"RecordingChannels": "stereo", "Trim": "hair"}, "RecordingChannels, Trim"),
        ({"Record": "false", "RecordingTrack": "left"}, "RecordingTrack"),
        ({"StatusCalback": f"{APP}/status"}, "StatusCalback"),
        ({"Twiml": "<Response/>"}, "Twiml"),
    ],
)
def test_what_is_given_in_vain_is_a_warning(api: Api, given: dict[str, str], ignored: str) -> None:
    made = api.post("Calls.json", 201, **GOOD, **given)
    (note,) = api.get(f"Calls/{made['sid']}/Notifications.json")["notifications"]
    assert (note["error_code"], note["log"]) == ("20001", "1")
    assert note["message_text"] == f"Call parameters are ignored here: {ignored}"


def test_an_applications_call_takes_nothing_else(api: Api) -> None:
    sid = api.post("Applications.json", 201, FriendlyName="Mine")["sid"]
    api.post("Calls.json", 201, **GOOD, ApplicationSid=sid, StatusCallback="here")
    (note,) = api.service.notifications
    assert note.message_text == "Call parameters are ignored here: Url, StatusCallback"


def test_a_verdict_that_is_sent_nowhere_is_a_warning(api: Api) -> None:
    api.post("Calls.json", 201, **GOOD, MachineDetection="Enable", AsyncAmd="true")
    assert [(note.error_code, note.log) for note in api.service.notifications] == [(21262, "1")]


def test_what_says_nothing_is_no_warning(api: Api) -> None:
    call = api.post("Calls.json", 201, **GOOD, MachineDetection="", Record="true", Trim="")
    api.post(f"Calls/{call['sid']}/Recordings.json", 201, RecordingChannels="dual")
    assert api.service.notifications == []


def test_a_warning_is_of_the_call_below_which_it_was_asked(api: Api) -> None:
    call = api.service.call_in_progress()
    api.post(f"Calls/{call.sid}/Recordings.json", 201, Channels="dual")
    api.post("Queues.json", 201, FriendlyName="line", Size="3")
    first, second = api.service.notifications
    assert (first.call_sid, second.call_sid) == (call.sid, None)
    assert first.message_text == "Recording parameters are ignored here: Channels"


def test_a_call_is_updated(api: Api) -> None:
    call = api.service.call_in_progress()
    path = f"Calls/{call.sid}.json"
    api.post(path, Url=f"{APP}/next", Method="GET", FallbackUrl=f"{APP}/fallback")
    api.post(path, Twiml="<Response/>", StatusCallback=f"{APP}/status", TimeLimit="60")
    assert api.post(path, Status="completed")["status"] == "completed"
    assert api.service.asked == [
        CallUpdate(source=TwimlSource(f"{APP}/next", "GET", f"{APP}/fallback")),
        CallUpdate(
            source=TwimlSource(twiml="<Response/>"),
            status_callback=Callback(f"{APP}/status"),
            time_limit_seconds=60,
        ),
        CallUpdate(status="completed"),
    ]
    api.refused("POST", path, 400, 21220, data={"Status": "completed"})


def test_wrong_updates(api: Api) -> None:
    path = f"Calls/{api.service.call_in_progress().sid}.json"
    api.refused("POST", path, 400, 20001, data={"Status": "busy"})
    api.refused("POST", path, 400, 21205, data={"Url": "next"})
    api.refused("POST", f"Calls/CA{'0' * 32}.json", 404, 20404, data={"Status": "completed"})
    assert api.service.asked == []


def test_a_call_is_forgotten(api: Api) -> None:
    call = api.service.call()
    path = f"Calls/{call.sid}.json"
    api.refused("DELETE", path, 409, 20009)
    move(call, "canceled", 0)
    api.delete(path)
    words = api.refused("GET", path, 404, 20404)
    assert words == f"The requested resource {api.root}/{path} was not found"


def test_lists_by_party_parent_and_status(api: Api) -> None:
    first = api.service.call_in_progress()
    child = api.service.call(to="client:carol", from_=ALICE, parent_call_sid=first.sid)
    ringing = api.service.call(to="+15550100003")
    move(ringing, "initiated", 0)

    def found(query: str) -> list[str]:
        return [call["sid"] for call in api.get(f"Calls.json{query}")["calls"]]

    assert found("") == [ringing.sid, child.sid, first.sid]
    assert found(f"?To=%2B{BOB[1:]}") == [first.sid]
    assert found(f"?To=+{BOB[1:]}") == [first.sid]
    assert found("?To=client:carol") == [child.sid]
    assert found(f"?From={ALICE[1:]}") == [ringing.sid, child.sid, first.sid]
    assert found(f"?ParentCallSid={first.sid}") == [child.sid]
    assert found("?Status=in-progress") == [first.sid]
    assert found("?Status=queued") == [ringing.sid, child.sid]
    assert found("?Status=queued&To=client:carol&Foo=bar") == [child.sid]
    api.refused("GET", "Calls.json?Status=initiated", 400, 20001)


def test_lists_by_date(api: Api) -> None:
    calls = []
    for day in range(3):
        api.clock.now_ns = day * DAY
        call = api.service.call_in_progress()
        api.clock.now_ns += 60 * SECOND
        move(call, "completed", api.service.now_ns)
        calls.append(call.sid)
    api.service.call()

    def found(query: str) -> list[int]:
        listed: list[Any] = api.get(f"Calls.json?{query}")["calls"]
        return sorted(calls.index(call["sid"]) for call in listed)

    assert found("StartTime=2026-01-06") == [1]
    assert found("StartTime%3C=2026-01-06") == [0]
    assert found("StartTime%3E=2026-01-06") == [1, 2]
    assert found("StartTime>=2026-01-06&StartTime<=2026-01-07") == [1]
    assert found("StartTime%3E=2026-01-06T09:00:01Z") == [2]
    assert found("StartTime%3C=2026-01-06T09:00:00Z") == [0, 1]
    assert found("StartTime=2026-01-06T10:00:00%2B01:00") == [1]
    assert found("EndTime=2026-01-07") == [2]
    assert found("EndTime%3C=2026-01-05 09:01:00") == [0]
    for wrong in ("yesterday", "2026-13-01", "06/11/2019", "9" * 200):
        api.refused("GET", f"Calls.json?StartTime={wrong}", 400, 20001)
