"""Calls by the official Python SDK: placed, watched, found, changed, ended, forgotten."""

from __future__ import annotations

import json

import pytest
from number_plan import (
    ALICE,
    ALICE_HZ,
    APP_NUMBER,
    BOB,
    BOB_HZ,
    BROKEN,
    BUSY,
    CAROL,
    DEAF,
    QUIET,
)
from sandbox_process import Sandbox
from sdk_refusals import refused
from sound_checks import heard
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from user_app import UserApp

# -- placed ---------------------------------------------------------------------------------------


def test_a_call_by_url(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/outgoing"] = "<Pause length='3'/>"
    call = client.calls.create(to=QUIET, from_=APP_NUMBER, url=f"{app.url}/outgoing?a=1&b=%C3%A9")
    assert (call.status, call.direction, call.to, call._from) == (
        "queued",
        "outbound-api",
        QUIET,
        APP_NUMBER,
    )
    assert call.from_formatted == "(415) 555-0100"
    sandbox.run_out()
    call = call.fetch()
    assert (call.status, call.duration, call.price, call.answered_by) == (
        "completed",
        "3",
        None,
        None,
    )
    assert (call.end_time - call.start_time).total_seconds() == 3
    (asked,) = app.asked
    assert (asked.method, asked.path) == ("POST", "/outgoing")
    assert asked.params["CallSid"] == call.sid
    assert asked.params["AccountSid"] == sandbox.account_sid
    assert (asked.params["CallStatus"], asked.params["Direction"]) == (
        "in-progress",
        "outbound-api",
    )
    assert (asked.params["From"], asked.params["To"]) == (APP_NUMBER, QUIET)
    assert asked.params["ApiVersion"] == "2010-04-01"
    assert asked.headers["user-agent"] == "TwilioProxy/1.1"
    assert "i-twilio-idempotency-token" in asked.headers


def test_a_call_by_get(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/outgoing"] = "<Hangup/>"
    client.calls.create(to=QUIET, from_=APP_NUMBER, url=f"{app.url}/outgoing?a=1", method="GET")
    sandbox.run_out()
    (asked,) = app.asked
    assert (asked.method, asked.params["a"], asked.params["To"]) == ("GET", "1", QUIET)


def test_numbers_may_be_written_otherwise(sandbox: Sandbox, client: Client) -> None:
    call = client.calls.create(to="415 555 0103", from_="(415) 555-0100", twiml="<Response/>")
    assert (call.to, call._from) == (CAROL, APP_NUMBER)


def test_a_call_by_twiml(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    call = client.calls.create(
        to=QUIET, from_="(415) 555-0100", twiml="<Response><Pause length='2'/></Response>"
    )
    sandbox.run_out()
    assert (call.fetch().duration, call._from) == ("2", APP_NUMBER)
    assert app.asked == []


def test_a_call_by_an_application(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/outgoing"] = "<Pause/>"
    application = client.applications.create(
        friendly_name="shop", voice_url=f"{app.url}/outgoing", status_callback=f"{app.url}/ended"
    )
    call = client.calls.create(to=QUIET, from_=APP_NUMBER, application_sid=application.sid)
    sandbox.run_out()
    assert app.told("/outgoing", "CallSid") == [call.sid]
    assert app.told("/ended", "CallStatus") == ["completed"]


def test_a_recorded_call(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/outgoing"] = f"<Dial><Number>{BOB}</Number></Dial>"
    call = client.calls.create(
        to=ALICE,
        from_=APP_NUMBER,
        url=f"{app.url}/outgoing",
        record=True,
        recording_channels="dual",
        recording_track="both",
        trim="do-not-trim",
        recording_status_callback=f"{app.url}/recorded",
        recording_status_callback_event=["in-progress", "completed"],
    )
    sandbox.run_out()
    (recording,) = client.recordings.list()
    assert (recording.call_sid, recording.source, recording.status, recording.channels) == (
        call.sid,
        "OutboundAPI",
        "completed",
        2,
    )
    began, ended = app.of("/recorded")
    assert (began["RecordingStatus"], ended["RecordingStatus"]) == ("in-progress", "completed")
    assert ended["RecordingUrl"] == sandbox.account_url(f"/Recordings/{recording.sid}")
    assert ended["RecordingUrl"] == recording.media_url
    assert ended["RecordingDuration"] == recording.duration
    assert (ended["RecordingChannels"], ended["RecordingSource"]) == ("2", "OutboundAPI")
    assert ended["RecordingTrack"] == "both"
    assert ended["CallSid"] == call.sid
    channels = sandbox.samples(recording.sid, ".wav?RequestedChannels=2")
    assert heard(channels[0], ALICE_HZ, BOB_HZ) == {ALICE_HZ}
    assert heard(channels[1], ALICE_HZ, BOB_HZ) == {BOB_HZ}


def test_what_is_told_of_a_call_and_in_which_order(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    call = client.calls.create(
        to=QUIET,
        from_=APP_NUMBER,
        twiml="<Response><Pause length='61'/></Response>",
        status_callback=f"{app.url}/progress",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    sandbox.run_out()
    assert app.told("/progress", "CallStatus") == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert app.told("/progress", "SequenceNumber") == ["0", "1", "2", "3"]
    assert set(app.told("/progress", "CallSid")) == {call.sid}
    assert set(app.told("/progress", "CallbackSource")) == {"call-progress-events"}
    last = app.of("/progress")[-1]
    assert (last["CallDuration"], last["Duration"]) == ("61", "2")
    assert last["Timestamp"].endswith("+0000")


def test_only_the_end_is_told_unless_more_is_asked_for(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    client.calls.create(
        to=QUIET,
        from_=APP_NUMBER,
        twiml="<Response/>",
        status_callback=f"{app.url}/progress",
        status_callback_method="GET",
    )
    sandbox.run_out()
    assert [(each.method, each.params["CallStatus"]) for each in app.asked] == [
        ("GET", "completed")
    ]


@pytest.mark.parametrize(
    ("to", "status", "told"),
    [
        (BUSY, "busy", ["initiated", "busy"]),
        (DEAF, "no-answer", ["initiated", "ringing", "no-answer"]),
        (BROKEN, "failed", ["initiated", "failed"]),
    ],
)
def test_calls_that_are_not_answered(
    sandbox: Sandbox, client: Client, app: UserApp, to: str, status: str, told: list[str]
) -> None:
    call = client.calls.create(
        to=to,
        from_=APP_NUMBER,
        url=f"{app.url}/outgoing",
        timeout=7,
        status_callback=f"{app.url}/progress",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    sandbox.run_out()
    call = call.fetch()
    assert call.status == status
    assert call.start_time, "it was dialled"
    assert app.told("/progress", "CallStatus") == told
    assert app.of("/outgoing") == []


def test_keys_sent_when_it_answers_and_a_longest_time(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies["/outgoing"] = "<Pause length='60'/>"
    call = client.calls.create(
        to=QUIET,
        from_=APP_NUMBER,
        url=f"{app.url}/outgoing",
        send_digits="ww12#",
        time_limit=5,
        record=True,
        recording_channels="dual",
        trim="do-not-trim",
    )
    sandbox.run_out()
    assert call.fetch().duration == "5"
    (recording,) = call.recordings.list()
    sent = sandbox.samples(recording.sid, "?RequestedChannels=2")[1]
    assert heard(sent, 697, 1209, end=0.9) == set()
    assert heard(sent, 697, 1209, start=1.0, end=1.1) == {697, 1209}


# -- found ----------------------------------------------------------------------------------------


def test_calls_are_listed_newest_first_and_by_every_filter(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies["/voice"] = f"<Dial><Number>{BOB}</Number></Dial>"
    first = sandbox.call(APP_NUMBER, "alice")
    sandbox.run_out()
    client.calls.create(to=BUSY, from_=APP_NUMBER, twiml="<Response/>")
    sandbox.run_out()
    assert [call.to for call in client.calls.list()] == [BUSY, BOB, APP_NUMBER]
    assert [call.to for call in client.calls.list(limit=2)] == [BUSY, BOB]
    assert [call.to for call in client.calls.list(to=BOB)] == [BOB]
    assert [call.to for call in client.calls.list(from_=ALICE)] == [BOB, APP_NUMBER]
    assert [call.to for call in client.calls.list(status="busy")] == [BUSY]
    (child,) = client.calls.list(parent_call_sid=first)
    assert (child.to, child.direction, child.parent_call_sid) == (BOB, "outbound-dial", first)
    began = child.start_time
    for when in (began, began.date().isoformat()):
        assert [call.sid for call in client.calls.list(start_time=when, to=BOB)] == [child.sid]
    assert client.calls.list(start_time_after=began.replace(year=began.year + 1)) == []
    assert len(client.calls.list(start_time_before=began.replace(year=began.year + 1))) == 3


def test_pages_lead_to_each_other(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    for _ in range(7):
        client.calls.create(to=BUSY, from_=APP_NUMBER, twiml="<Response/>")
    page = client.calls.page(page_size=3)
    sizes, sids = [], []
    while page is not None:
        found = list(page)
        sizes.append(len(found))
        sids += [call.sid for call in found]
        last, page = page, page.next_page()
    assert sizes == [3, 3, 1]
    assert sids == [call.sid for call in client.calls.list()]
    assert [call.sid for call in last.previous_page()] == sids[3:6]
    assert [call.sid for call in client.calls.stream(page_size=2, limit=5)] == sids[:5]
    assert refused(client.calls.page, page_size=1001)[0] == 400


def test_errors_and_warnings_are_among_its_notifications(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies["/outgoing"] = "<Sing/><Pause/>"
    call = client.calls.create(to=QUIET, from_=APP_NUMBER, url=f"{app.url}/outgoing")
    sandbox.run_out()
    (noted,) = call.notifications.list()
    assert (noted.error_code, noted.log, noted.call_sid) == ("12200", "1", call.sid)
    assert call.fetch().status == "completed"
    assert call.notifications(noted.sid).fetch().request_url == f"{app.url}/outgoing"
    assert [each.sid for each in client.notifications.list(log=1)] == [noted.sid]
    assert client.notifications.list(log=0) == []
    assert client.notifications(noted.sid).fetch().more_info.endswith("/12200")
    assert refused(client.notifications("NO" + "0" * 32).fetch) == (404, 20404)


def test_its_events_are_the_requests_made_about_it(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    app.replies["/outgoing"] = "<Pause/>"
    call = client.calls.create(
        to=QUIET,
        from_=APP_NUMBER,
        url=f"{app.url}/outgoing",
        status_callback=f"{app.url}/progress",
    )
    sandbox.run_out()
    placed, asked, told = call.events.list()
    assert (placed.request["method"], placed.response["response_code"]) == ("POST", 201)
    assert placed.request["url"].endswith(f"/Accounts/{sandbox.account_sid}/Calls.json")
    assert placed.request["parameters"]["status_callback"] == f"{app.url}/progress"
    assert placed.request["parameters"]["account_sid"] == sandbox.account_sid
    assert call.sid in placed.response["response_body"]
    assert asked.request["url"] == f"{app.url}/outgoing"
    assert asked.request["parameters"]["CallSid"] == call.sid
    assert asked.response["response_code"] == 200
    assert "<Pause/>" in asked.response["response_body"]
    assert (told.request["url"], told.response["response_code"]) == (f"{app.url}/progress", 204)


def test_its_events_are_in_order_with_what_the_app_asked_for(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies.update({"/voice": "<Pause length='60'/>", "/other": "<Pause length='2'/>"})
    sid = stepped.call(APP_NUMBER, "quiet")
    stepped.advance(3)
    call = stepped_client.calls(sid)
    call.update(url=f"{app.url}/other", method="POST")
    with pytest.raises(TwilioRestException):
        call.update(status="sideways")
    stepped.advance(5)
    whole = [
        (each.request["method"], each.request["url"].rsplit("/", 1)[-1])
        for each in call.events.list()
    ]
    assert whole == [
        ("POST", "voice"),
        ("POST", f"{sid}.json"),
        ("POST", f"{sid}.json"),
        ("POST", "other"),
        ("POST", "status"),
    ]
    codes = [each.response["response_code"] for each in call.events.list(page_size=2)]
    assert codes == [200, 200, 400, 200, 204]


# -- payments and messages ------------------------------------------------------------------------


def test_an_agent_takes_a_payment(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    app.replies["/voice"] = f"<Dial>{BOB}</Dial>"
    keys = ({"dtmf": "4111111111111111"}, {"pause": "3s"}, {"dtmf": "1230"})
    sid = stepped.call(APP_NUMBER, "quiet", {"pause": "3s"}, *keys, {"pause": "20s"})
    stepped.advance(3)
    payments, told = stepped_client.calls(sid).payments, f"{app.url}/told"
    payment = payments.create(
        idempotency_key="a",
        status_callback=told,
        charge_amount=12.5,
        security_code=False,
        postal_code=False,
        payment_connector="Mine",
        valid_card_types="visa",
        parameter={"table": "7"},
    )
    assert (payment.sid[:2], payment.call_sid) == ("PK", sid)
    for number, name in enumerate(("payment-card-number", "expiration-date")):
        changed = payments(payment.sid).update(
            idempotency_key=f"b{number}", status_callback=told, capture=name
        )
        assert changed.sid == payment.sid
        stepped.advance(5)
    payments(payment.sid).update(idempotency_key="c", status_callback=told, status="complete")
    stepped.advance(1)
    last = app.of("/told")[-1]
    assert (last["Result"], last["PaymentCardNumber"]) == ("success", "xxxxxxxxxxxx1111")
    assert (last["ChargeAmount"], last["PaymentConnector"]) == ("12.5", "Mine")
    assert app.told("/told", "Required")[1] == "payment-card-number,expiration-date"
    again = payments(payment.sid).update
    assert refused(
        lambda: again(idempotency_key="d", status_callback=told, capture="postal-code")
    ) == (400, 64021)
    assert refused(lambda: again(idempotency_key="e", status_callback=told)) == (400, 64018)


def test_messages_go_to_and_from_a_party(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies["/voice"] = "<Pause length='20'/>"
    sid = stepped.call(
        APP_NUMBER,
        "quiet",
        {"wait_for": {"event": "user-message.received"}},
        {"message": {"content": '{"answer": 42}'}},
        {"message": {"content": '"and more"'}},
    )
    stepped.advance(1)
    call = stepped_client.calls(sid)
    subscription = call.user_defined_message_subscriptions.create(
        callback=f"{app.url}/said", method="POST", idempotency_key="1"
    )
    again = call.user_defined_message_subscriptions.create(
        callback=f"{app.url}/said", method="POST", idempotency_key="1"
    )
    assert (subscription.sid[:2], again.sid) == ("ZY", subscription.sid)
    sent = call.user_defined_messages.create(content='{"question": "?"}')
    assert (sent.sid[:2], sent.call_sid) == ("KX", sid)
    stepped.advance(1)
    first, second = app.of("/said")
    assert json.loads(first["Content"]) == {"answer": 42}
    assert (first["ContentType"], first["SequenceNumber"]) == ("application/json", "0")
    assert (second["SequenceNumber"], second["CallSid"]) == ("1", sid)
    assert first["Sid"] != second["Sid"]
    assert [each.json != "" for each in app.asked if each.path == "/said"] == [True, True]
    assert call.user_defined_message_subscriptions(subscription.sid).delete()
    assert refused(call.user_defined_message_subscriptions(subscription.sid).delete)[0] == 404
    assert refused(lambda: call.user_defined_messages.create(content="{no")) == (400, 32702)
    stepped.advance(30)
    assert refused(lambda: call.user_defined_messages.create(content="{}")) == (400, 21220)


# -- changed and ended ----------------------------------------------------------------------------


def test_a_live_call_is_given_another_document(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies.update({"/voice": "<Pause length='60'/>", "/other": "<Pause length='2'/>"})
    sid = stepped.call(APP_NUMBER, "quiet")
    stepped.advance(3)
    call = stepped_client.calls(sid).update(url=f"{app.url}/other", method="POST")
    assert call.status == "in-progress"
    stepped.advance(1)
    assert app.told("/other", "CallStatus") == ["in-progress"]
    stepped.advance(2)
    assert call.fetch().status == "completed"


def test_a_live_call_is_given_words(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    app.replies["/voice"] = "<Pause length='60'/>"
    sid = stepped.call(APP_NUMBER, "quiet")
    stepped.advance(3)
    stepped_client.calls(sid).update(twiml="<Response><Pause length='1'/></Response>")
    stepped.run_out()
    assert stepped_client.calls(sid).fetch().duration == "4"


def test_a_live_call_is_ended(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    app.replies["/voice"] = "<Pause length='60'/>"
    sid = stepped.call(APP_NUMBER, "quiet")
    stepped.advance(4)
    call = stepped_client.calls(sid).update(
        status="completed", status_callback=f"{app.url}/elsewhere"
    )
    assert call.status in ("in-progress", "completed")
    stepped.advance(1)
    call = call.fetch()
    assert (call.status, call.duration) == ("completed", "4")
    assert app.told("/elsewhere", "CallStatus") == ["completed"]
    assert refused(call.update, status="completed") == (400, 21220)
    assert refused(call.update, twiml="<Response/>") == (400, 21220)


def test_a_ringing_call_is_canceled(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    call = stepped_client.calls.create(to=DEAF, from_=APP_NUMBER, twiml="<Response/>")
    stepped.advance(2)
    assert call.fetch().status == "ringing"
    call.update(status="canceled")
    stepped.advance(1)
    assert call.fetch().status == "canceled"


def test_an_ended_call_is_forgotten(stepped: Sandbox, stepped_client: Client) -> None:
    call = stepped_client.calls.create(to=DEAF, from_=APP_NUMBER, twiml="<Response/>")
    stepped.advance(1)
    assert refused(call.delete) == (409, 20009)
    call.update(status="canceled")
    stepped.advance(1)
    assert call.delete()
    assert refused(call.fetch) == (404, 20404)
    assert stepped_client.calls.list() == []


def test_a_call_is_transcribed_while_it_goes_on(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies["/voice"] = "<Pause length='60'/>"
    sid = stepped.call(APP_NUMBER, "quiet", {"pause": "2s"}, {"say": "Hello there."})
    stepped.advance(1)
    transcriptions = stepped_client.calls(sid).transcriptions
    started = transcriptions.create(
        name="words",
        track="inbound_track",
        status_callback_url=f"{app.url}/words",
        status_callback_method="POST",
        inbound_track_label="customer",
        partial_results=False,
        language_code="en-US",
        transcription_engine="google",
        profanity_filter=True,
        speech_model="telephony",
        hints="hello",
        enable_automatic_punctuation=True,
    )
    assert (started.status, started.name, started.call_sid) == ("in-progress", "words", sid)
    assert started.sid.startswith("GT")
    assert refused(transcriptions.create, name="words") == (400, 20001)
    assert refused(transcriptions.create, speech_model="nova-2") == (400, 32651)
    stepped.advance(5)
    assert transcriptions("words").update(status="stopped").status == "stopped"
    assert refused(transcriptions("other").update, status="stopped") == (404, 20404)
    stepped.advance(1)
    assert app.told("/words", "TranscriptionEvent") == [
        "transcription-started",
        "transcription-content",
        "transcription-stopped",
    ]
    assert "Hello there." in (app.told("/words", "TranscriptionData")[1] or "")
    assert set(app.told("/words", "TranscriptionSid")) == {started.sid}


def test_a_call_is_forked_to_a_recorder(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies["/voice"] = "<Pause length='60'/>"
    sid = stepped.call(APP_NUMBER, "quiet")
    stepped.advance(1)
    siprec = stepped_client.calls(sid).siprec
    fork = siprec.create(
        connector_name="tapes",
        name="tape",
        track="both_tracks",
        status_callback=f"{app.url}/forked",
        parameter1_name="agent",
        parameter1_value="7",
    )
    assert (fork.status, fork.name, fork.call_sid) == ("in-progress", "tape", sid)
    assert fork.sid.startswith("SR")
    assert refused(siprec.create, connector_name="tapes", name="tape") == (400, 20001)
    assert refused(siprec.create, connector_name="nobody") == (400, 31952)
    stepped.advance(2)
    assert siprec("tape").update(status="stopped").status == "stopped"
    assert refused(siprec("other").update, status="stopped") == (404, 20404)
    stepped.advance(1)
    assert app.told("/forked", "SiprecEvent") == ["siprec-started", "siprec-stopped"]
    assert set(app.told("/forked", "SiprecSid")) == {fork.sid}
