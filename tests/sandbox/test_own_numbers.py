"""Calls from the account to itself: two calls, and both apps run."""

from __future__ import annotations

from typing import Any

import pytest

from mediasim.testing import MediasimSandbox

FIRST, SECOND = "+14155550100", "+14155550200"
Rows = list[tuple[str, str, str, str, str]]


def rows(sandbox: MediasimSandbox) -> Rows:
    """Direction, from, to, status and whether it has a parent, of all calls."""
    found = [each.record for each in sandbox.calls]
    return [
        (it.direction, it.from_, it.to, it.status, "child" if it.parent_call_sid else "")
        for it in found
    ]


def apps(sandbox: MediasimSandbox, first: Any, second: Any, **more: Any) -> Any:
    """An app with two numbers, each with a document or several by path."""
    served = sandbox.app({"/first": first, "/second": second, **more}, voice=None)
    numbers = sandbox.client.incoming_phone_numbers
    numbers.create(phone_number=FIRST, voice_url=f"{served.url}/first")
    numbers.create(
        phone_number=SECOND, voice_url=f"{served.url}/second", status_callback=f"{served.url}/end"
    )
    return served


def notes(sandbox: MediasimSandbox) -> list[str]:
    return [f"{it.error_code} {it.message_text}" for it in sandbox.client.notifications.list()]


def test_a_rest_call_to_an_own_number_runs_both_apps(mediasim_sandbox: MediasimSandbox) -> None:
    """A test of an IVR by the same account: one side speaks and presses, the other gathers."""
    served = apps(
        mediasim_sandbox,
        "<Pause length='1'/><Play digits='wwww4#'/><Pause length='3'/><Say>Thank you, robot.</Say>",
        "<Gather input='dtmf' action='/pressed'><Say>Press a key.</Say></Gather>",
        **{
            "/pressed": "<Record timeout='4' trim='do-not-trim' action='/bye'/>",
            "/bye": "<Hangup/>",
            "/end": None,
            "/status": None,
        },
    )
    call = mediasim_sandbox.client.calls.create(
        to=SECOND,
        from_=FIRST,
        url=f"{served.url}/first",
        record=True,
        recording_channels="dual",
        status_callback=f"{served.url}/status",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    mediasim_sandbox.run_until_idle()
    assert rows(mediasim_sandbox) == [
        ("outbound-api", FIRST, SECOND, "completed", ""),
        ("inbound", FIRST, SECOND, "completed", ""),
    ]
    (pressed,) = (it.params for it in served.asked if it.path == "/pressed")
    assert (pressed["Digits"], pressed["Direction"]) == ("4", "inbound")
    assert pressed["CallSid"] != call.sid
    events = [it.params["CallStatus"] for it in served.asked if it.path == "/status"]
    assert events == ["initiated", "ringing", "in-progress", "completed"]
    assert [it.params["CallStatus"] for it in served.asked if it.path == "/end"] == ["completed"]
    both, message = mediasim_sandbox.recordings
    both.assert_dual()
    assert both.pcm[1, 4 * 8000 : 9 * 8000].any()  # the app's own words, sent
    assert message.pcm[0].any()  # the same words, as the other number received them
    assert notes(mediasim_sandbox) == []


def test_dial_of_an_own_number_is_a_child_and_another_inbound_call(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    served = apps(
        mediasim_sandbox,
        f"<Dial action='/over' record='record-from-answer-dual'>{SECOND}</Dial>",
        "<Gather input='dtmf' numDigits='1' action='/key'><Pause length='9'/></Gather>",
        **{"/key": "<Say>You pressed a key.</Say>", "/over": "<Hangup/>", "/end": None},
    )
    script = [
        {"say": "Hello, this is the caller."},
        {"pause": "1s"},
        {"dtmf": "7"},
        {"pause": "9s"},
    ]
    mediasim_sandbox.call("+14155550123", FIRST, script=script)
    mediasim_sandbox.run_until_idle()
    assert rows(mediasim_sandbox) == [
        ("inbound", "+14155550123", FIRST, "completed", ""),
        ("outbound-dial", "+14155550123", SECOND, "completed", "child"),
        ("inbound", "+14155550123", SECOND, "completed", ""),
    ]
    (key,) = (it.params for it in served.asked if it.path == "/key")
    assert key["Digits"] == "7"  # of the caller's telephone events, through the bridge
    (over,) = (it.params for it in served.asked if it.path == "/over")
    assert (over["DialCallStatus"], over["DialBridged"]) == ("completed", "true")
    (recording,) = mediasim_sandbox.recordings
    recording.assert_heard("caller", channel=1, text="this is the caller")
    assert recording.pcm[1].any()


def test_what_is_said_over_the_line_is_known_word_for_word(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    """The truth of the second call's recordings, and what is transcribed, is whose it is."""
    served = apps(
        mediasim_sandbox,
        f"<Dial>{SECOND}</Dial>",
        "<Record timeout='3' trim='do-not-trim' playBeep='false' action='/end'"
        " transcribe='true' transcribeCallback='/text'/>",
        **{"/end": "<Hangup/>", "/text": None},
    )
    words = "Please call me back about the order of last week."
    mediasim_sandbox.call("+14155550123", FIRST, script=[{"say": words}])
    mediasim_sandbox.run_until_idle()
    (message,) = mediasim_sandbox.recordings
    message.assert_heard("caller", channel=1, text="the order of last week")
    message.assert_aligned()
    assert message.truth.channels[0].unscripted == ()
    assert [it.params["TranscriptionText"] for it in served.asked if it.path == "/text"] == [words]


def test_an_own_number_takes_part_in_a_conference(mediasim_sandbox: MediasimSandbox) -> None:
    apps(
        mediasim_sandbox,
        "<Dial><Conference>room</Conference></Dial>",
        "<Pause length='2'/><Say>Hello, conference.</Say>",
        **{"/end": None},
    )
    mediasim_sandbox.call("+14155550123", FIRST, script=[{"pause": "9s"}, "hangup"])
    mediasim_sandbox.advance("2s")
    sdk = mediasim_sandbox.client
    participant = sdk.conferences("room").participants.create(from_=FIRST, to=SECOND)
    mediasim_sandbox.run_until_idle()
    assert [row[0] for row in rows(mediasim_sandbox)] == ["inbound", "outbound-api", "inbound"]
    assert {row[3] for row in rows(mediasim_sandbox)} == {"completed"}
    assert participant.call_sid == mediasim_sandbox.calls[1].sid
    assert notes(mediasim_sandbox) == []


def test_an_app_answers_what_the_other_app_says(mediasim_sandbox: MediasimSandbox) -> None:
    served = apps(
        mediasim_sandbox,
        "<Pause length='3'/><Say>I would like to speak to sales.</Say><Pause length='9'/>",
        "<Start><Recording channels='dual'/></Start>"
        "<Gather input='speech' action='/said' speechTimeout='2'><Say>Whom?</Say></Gather>",
        **{"/said": "<Hangup/>", "/end": None},
    )
    mediasim_sandbox.client.calls.create(to=SECOND, from_=FIRST, url=f"{served.url}/first")
    mediasim_sandbox.run_until_idle()
    (said,) = (it.params for it in served.asked if it.path == "/said")
    assert said["SpeechResult"] == "I would like to speak to sales."
    (recording,) = mediasim_sandbox.recordings
    recording.assert_dual()
    recording.assert_heard("number-14155550100", channel=1, text="speak to sales")
    recording.assert_aligned()
    recording.assert_no_crosstalk()


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ("<Reject reason='busy'/>", "busy"),
        ("<Reject/>", "no-answer"),
        ("<Dial answerOnBridge='true' timeout='60'>+14155550177</Dial>", "no-answer"),
    ],
)
def test_an_own_number_that_does_not_answer(
    second: str, status: str, mediasim_sandbox: MediasimSandbox
) -> None:
    mediasim_sandbox.party("nobody", number="+14155550177", answer="no-answer")
    served = apps(
        mediasim_sandbox,
        f"<Dial timeout='20' action='/over'>{SECOND}</Dial>",
        second,
        **{"/over": "<Hangup/>", "/end": None},
    )
    mediasim_sandbox.call("+14155550123", FIRST)
    mediasim_sandbox.run_until_idle()
    (over,) = (it.params for it in served.asked if it.path == "/over")
    assert over["DialCallStatus"] == status
    assert [row[3] for row in rows(mediasim_sandbox)][1:3] == [status, status]


def test_numbers_that_call_each_other_in_a_circle_are_stopped(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    apps(mediasim_sandbox, f"<Dial>{SECOND}</Dial>", f"<Dial>{FIRST}</Dial>", **{"/end": None})
    mediasim_sandbox.call("+14155550123", FIRST)
    mediasim_sandbox.run_until_idle()
    assert {row[3] for row in rows(mediasim_sandbox)} <= {"completed", "failed"}
    assert [note for note in notes(mediasim_sandbox) if "in a circle" in note] == [
        f"13224 {SECOND}: the account's own numbers call each other in a circle"
    ]
    assert len(rows(mediasim_sandbox)) == 22


def test_a_number_with_an_application_and_dialled_applications(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    """The application's own settings count, and its SID is told to it in every request."""
    sdk = mediasim_sandbox.client
    served = mediasim_sandbox.app({"/app": "<Say>Application.</Say>", "/end": None}, voice=None)
    made = sdk.applications.create(
        friendly_name="Other", voice_url=f"{served.url}/app", status_callback=f"{served.url}/end"
    )
    sdk.incoming_phone_numbers.create(phone_number=SECOND, voice_application_sid=made.sid)
    parent = "<Response><Dial><Application{}>{}<Parameter name='a' value='b c'/></Application>"
    parent += "</Dial></Response>"
    noun = f"<ApplicationSid>{made.sid}</ApplicationSid>"
    party = mediasim_sandbox.party("alice", [{"pause": "9s"}])
    sdk.calls.create(to=SECOND, from_=FIRST, twiml="<Response><Pause length='9'/></Response>")
    sdk.calls.create(to=party, from_=FIRST, twiml=parent.format("", noun))
    sdk.calls.create(
        to=party,
        from_=FIRST,
        twiml=parent.format(" customerId='me' copyParentTo='true'", made.sid + " "),
    )
    sdk.calls.create(to=f"app:{made.sid}?x=1", from_=FIRST, twiml="<Response><Pause/></Response>")
    mediasim_sandbox.run_until_idle()
    told = [it.params for it in served.asked if it.path == "/app"]
    assert {params["ApplicationSid"] for params in told} == {made.sid}
    assert {params["Direction"] for params in told} == {"inbound"}
    account = mediasim_sandbox.account_sid
    names = ("To", "CustomerId", "a", "x")
    assert sorted(tuple(it.get(name, "") for name in names) for it in told) == sorted([
        (SECOND, "", "", ""),
        (made.sid, account, "b c", ""),
        (party, "me", "b c", ""),
        (made.sid, account, "", "1"),
    ])  # fmt: skip
    ends = [it.params for it in served.asked if it.path == "/end"]
    assert [(it["ApplicationSid"], it["CallStatus"]) for it in ends] == [
        (made.sid, "completed")
    ] * 4
    assert notes(mediasim_sandbox) == []


def test_an_unknown_application_fails_the_dial(mediasim_sandbox: MediasimSandbox) -> None:
    served = mediasim_sandbox.app(
        {
            "/voice": "<Dial action='/over'><Application>AP1</Application></Dial>",
            "/over": "<Hangup/>",
        }
    )
    mediasim_sandbox.call()
    mediasim_sandbox.run_until_idle()
    (over,) = (it.params for it in served.asked if it.path == "/over")
    assert over["DialCallStatus"] == "failed"
    assert notes(mediasim_sandbox) == ["13224 there is no TwiML application AP1 in this account"]


@pytest.mark.parametrize(
    ("written", "called"),
    [
        ("415-555-0150", "+14155550150"),
        ("<Number>(415) 555-0150</Number>", "+14155550150"),
        ("<Number>1 415 555 0150</Number>", "+14155550150"),
        ("undefined", None),
        ("<Number>None</Number>", None),
        ("+1", None),
        ("<Number/>", None),
        ("<Client></Client>", None),
    ],
)
def test_numbers_are_dialled_as_they_are_written(
    written: str, called: str | None, mediasim_sandbox: MediasimSandbox
) -> None:
    mediasim_sandbox.party("bob", [{"pause": "1s"}, "hangup"], number="+14155550150")
    served = mediasim_sandbox.app(
        {"/voice": f"<Dial action='/over'>{written}</Dial>", "/over": "<Hangup/>"}
    )
    mediasim_sandbox.call()
    mediasim_sandbox.run_until_idle()
    (over,) = (it.params for it in served.asked if it.path == "/over")
    if called is None:
        assert over["DialCallStatus"] == "failed"
        assert "DialCallSid" not in over
        (note,) = notes(mediasim_sandbox)
        assert note.startswith("13223 Dial: Invalid phone number format")
    else:
        assert over["DialCallStatus"] == "completed"
        assert [row[2] for row in rows(mediasim_sandbox)][1:] == [called]
        assert notes(mediasim_sandbox) == []
