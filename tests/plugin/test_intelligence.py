"""Conversational Intelligence by the Python SDK: who said what in a recording, by its channels."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator

from mediasim.testing import MediasimSandbox

OWN = "+15005550006"
ASKS = "Hello there. My number is 555 0142. I am angry, may I speak to a manager?"
ANSWERS = "Thank you for calling. This call is recorded."


def talk(sandbox: MediasimSandbox) -> str:
    """Record a call of a customer with an agent; return the recording's SID."""
    number = "+14155550111"
    sandbox.party("agent", [{"say": ANSWERS}, {"pause": "9s"}], number=number)
    says = [{"pause": "5s"}, {"say": ASKS}, {"pause": "1s"}, "hangup"]
    call = sandbox.client.calls.create(
        to=sandbox.party("customer", says),
        from_=OWN,
        twiml=f"<Response><Dial>{number}</Dial></Response>",
        record=True,
        recording_channels="dual",
    )
    sandbox.run_until_idle()
    (recording,) = sandbox.recordings_of(str(call.sid))
    return recording.sid


def meeting(sandbox: MediasimSandbox) -> str:
    """Record a conference of the same two, in one channel; return the recording's SID."""
    script: dict[str, list[Any]] = {
        "agent": [{"say": ANSWERS}],
        "customer": [{"pause": "5s"}, {"say": ASKS}],
    }
    room = "<Conference record='record-from-start' beep='false'>room</Conference>"
    for name, says in script.items():
        sandbox.client.calls.create(
            to=sandbox.party(name, [{"pause": "1s"}, *says, {"pause": "1s"}]),
            from_=OWN,
            twiml=f"<Response><Dial timeLimit='15'>{room}</Dial></Response>",
        )
    sandbox.run_until_idle()
    (recording,) = sandbox.client.recordings.list()
    return str(recording.sid)


def said(sentences: Any) -> dict[int, str]:
    found: dict[int, str] = {}
    for each in sentences:
        found[each.media_channel] = f"{found.get(each.media_channel, '')} {each.transcript}".strip()
    return found


def refused(work: Any, *args: Any, **params: Any) -> tuple[int, str]:
    with pytest.raises(TwilioRestException) as told:
        work(*args, **params)
    return told.value.status, str(told.value.msg)


def test_both_participants_of_a_dual_recording_are_told_apart(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    sandbox, asked = mediasim_sandbox, []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked.append((scope, headers, body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    served = sandbox.app(app, voice=None)
    client = sandbox.client.intelligence.v2
    service = client.services.create(
        unique_name="desk",
        friendly_name="Desk",
        webhook_url=f"{served.url}/ready",
        webhook_http_method="POST",
    )
    assert (service.sid or "")[:2] == "GA"
    assert (service.language_code, service.version, service.auto_transcribe) == ("en-US", 1, False)
    operators = {each.friendly_name: each.sid for each in client.prebuilt_operators.list()}
    for name in ("Sentiment Analysis", "Escalation Request", "Recording Disclosure"):
        attached = client.operator_attachment(service.sid, operators[name]).create()
        assert attached.operator_sid == operators[name]
    assert len(client.operator_attachments(service.sid).fetch().operator_sids or ()) == 3
    sid = talk(sandbox)
    people = [
        {"channel_participant": 1, "role": "Customer", "full_name": "Ann", "user_id": "ann"},
        {"channel_participant": 2, "role": "Agent"},
    ]
    channel = {"media_properties": {"source_sid": sid}, "participants": people}
    made = client.transcripts.create(service_sid="desk", channel=channel, customer_key="case-7")
    assert (made.status, made.service_sid, (made.sid or "")[:2]) == ("queued", service.sid, "GT")
    assert client.transcripts(made.sid).sentences.list() == []
    sandbox.run_until_idle()

    done = client.transcripts(made.sid).fetch()
    assert (done.status, done.customer_key, done.redaction) == ("completed", "case-7", False)
    assert done.channel == {"type": "voice", **channel}
    assert done.duration == sandbox.client.recordings(sid).fetch().duration or done.duration
    sentences = client.transcripts(made.sid).sentences.list(word_timestamps=True)
    assert said(sentences) == {1: ASKS, 2: ANSWERS}
    assert [each.sentence_index for each in sentences] == list(range(len(sentences)))
    assert sentences[0].transcript == "Thank you for calling."
    for each in sentences:
        first, last = float(each.start_time), float(each.end_time)
        assert 0 <= first < last
        assert each.confidence == "1.0000"
        words = each.words or []
        assert " ".join(str(word["word"]) for word in words) == each.transcript
        assert float(str(words[0]["start_time"])) == first
    plain = client.transcripts(made.sid).sentences.list()
    assert plain[0].words is None
    media = client.transcripts(made.sid).media().fetch()
    assert (media.media_url or "").endswith(f"/Recordings/{sid}.wav")

    results = {each.name: each for each in client.transcripts(made.sid).operator_results.list()}
    assert results["Sentiment Analysis"].predicted_label == "mixed"
    assert results["Escalation Request"].utterance_match
    (found,) = results["Recording Disclosure"].utterance_results or []
    assert sentences[int(str(found["utterance_index"]))].transcript == "This call is recorded."
    again = client.transcripts(made.sid).operator_results(operators["Sentiment Analysis"]).fetch()
    assert again.predicted_label == "mixed"

    ((scope, headers, body),) = asked
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "account_sid": sandbox.account_sid,
        "service_sid": service.sid,
        "transcript_sid": made.sid,
        "customer_key": "case-7",
        "event_type": "voice_intelligence_transcript_available",
    }
    url = f"{served.url}/ready?{scope['query_string'].decode()}"
    signed = headers["x-twilio-signature"]
    assert RequestValidator(sandbox.auth_token).validate(url, body.decode(), signed)
    assert [each.sid for each in client.transcripts.list(source_sid=sid)] == [made.sid]
    assert client.transcripts.list(status="failed") == []

    status, words = refused(client.transcripts.create, service_sid="desk", channel=channel)
    assert (status, "exists already" in words) == (400, True)
    assert client.transcripts(made.sid).delete()
    assert refused(client.transcripts(made.sid).fetch)[0] == 404
    renamed = client.services(service.sid).update(friendly_name="Front desk")
    assert (renamed.friendly_name, renamed.version) == ("Front desk", 2)
    assert client.services("desk").delete()
    assert client.services.list() == []


class TestConferencesInOneChannel:
    """As they were stored before 2024."""

    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        return {"profile": "2022-05"}

    def test_all_recordings_are_transcribed_and_mono_loses_who_spoke(
        self, mediasim_sandbox: MediasimSandbox
    ) -> None:
        sandbox = mediasim_sandbox
        client = sandbox.client.intelligence.v2
        client.services.create(unique_name="all", auto_transcribe=True, auto_redaction=True)
        sid = meeting(sandbox)
        (made,) = client.transcripts.list()
        assert (made.channel or {})["media_properties"] == {"source_sid": sid}
        redacted = client.transcripts(made.sid).sentences.list()
        assert {each.media_channel for each in redacted} == {1}
        text = " ".join(each.transcript or "" for each in redacted)
        assert text == f"{ANSWERS} {ASKS.replace('555 0142.', '[REDACTED] [REDACTED]')}"
        personal = client.transcripts(made.sid).sentences.list(redacted=False)
        assert said(personal) == {1: f"{ANSWERS} {ASKS}"}


def test_what_cannot_be_transcribed_says_why(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox = mediasim_sandbox
    client = sandbox.client.intelligence.v2
    service = client.services.create(unique_name="desk", data_logging=True)
    assert service.data_logging is False
    create = client.transcripts.create
    wrong: dict[str, dict[str, Any]] = {
        "ServiceSid other": {"service_sid": "other", "channel": {}},
        "Channel": {"service_sid": "desk", "channel": {"media_properties": {}}},
        "was not found": {
            "service_sid": "desk",
            "channel": {"media_properties": {"source_sid": "RE" + "0" * 32}},
        },
        "channel_participant": {
            "service_sid": "desk",
            "channel": {
                "media_properties": {"media_url": "https://example.com/a.wav"},
                "participants": [{"channel_participant": 3}],
            },
        },
    }
    for words, params in wrong.items():
        status, told = refused(create, **params)
        assert (status, words in told) == (400, True), told
    forms: list[dict[str, str]] = [
        {"unique_name": "desk"},
        {"unique_name": "x", "language_code": "?"},
    ]
    for params in forms:
        assert refused(client.services.create, **params)[0] == 400
    elsewhere = {"media_properties": {"media_url": "https://example.com/a.wav"}}
    made = create(service_sid="desk", channel=elsewhere)
    sandbox.run_until_idle()
    assert client.transcripts(made.sid).fetch().status == "failed"
    notes = [each.message_text for each in sandbox.client.api.account.notifications.list()]
    assert any("not a recording of this account" in note for note in notes)
    assert any("DataLogging" in note for note in notes)
    # Verify and others have services too: theirs have no unique name, and are not simulated.
    assert refused(sandbox.client.verify.v2.services.create, friendly_name="Mine")[0] == 501
