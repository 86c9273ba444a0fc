"""Voice's transcriptions and configurations by the Python SDK, with their signed JSON webhook."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_intelligence import ANSWERS, ASKS, OWN, refused
from twilio.request_validator import RequestValidator
from twilio.rest.voice.v2.configuration import ConfigurationContext
from twilio.rest.voice.v3.transcription import TranscriptionList

from mediasim.testing import MediasimSandbox

AGENT = "+14155550111"
PEOPLE = [
    {"audioChannelIndex": 1, "type": "CUSTOMER"},
    {"audioChannelIndex": 2, "type": "HUMAN_AGENT"},
]


def wants(url: str) -> dict[str, Any]:
    return {
        "unique_name": "batch",
        "description": "All calls",
        "configuration": {
            "configurationType": "Transcription",
            "transcriptionEngine": "deepgram",
            "speechModel": "nova-3",
            "language": "en-US",
            "transcriptionStatusCallback": {"url": url, "method": "POST"},
            "participantDefaults": PEOPLE,
        },
    }


def configured(sandbox: MediasimSandbox, kind: str, wants: dict[str, Any]) -> Any:
    """Create a configuration; ``voice.v2.transcription.create`` of SDK 9.13 reads no answer."""
    request = ConfigurationContext.VoiceV2ConfigurationRequest(wants)
    return sandbox.client.voice.v2.configurations(kind).create(request)


def recorded(sandbox: MediasimSandbox, **params: Any) -> str:
    """Record a call of a customer with an agent; return the recording's SID."""
    sandbox.party("agent", [{"say": ANSWERS}, {"pause": "9s"}], number=AGENT)
    says = [{"pause": "5s"}, {"say": ASKS}, {"pause": "1s"}, "hangup"]
    sandbox.client.calls.create(
        to=sandbox.party("customer", says),
        from_=OWN,
        twiml=f"<Response><Dial>{AGENT}</Dial></Response>",
        record=True,
        **params,
    )
    sandbox.run_until_idle()
    return str(sandbox.client.recordings.list()[0].sid)


@pytest.fixture
def told(mediasim_sandbox: MediasimSandbox) -> Any:
    """The URL of an app, and what it is told, each signed rightly."""
    found: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"].decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        url = f"{served.url}{scope['path']}?{scope['query_string'].decode()}"
        validator = RequestValidator(mediasim_sandbox.auth_token)
        assert validator.validate(url, body, headers["x-twilio-signature"])
        found.append(json.loads(body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    served = mediasim_sandbox.app(app, voice=None)
    return served.url, found


def test_a_recording_is_transcribed_by_a_configuration(
    mediasim_sandbox: MediasimSandbox, told: Any
) -> None:
    sandbox, (url, reports) = mediasim_sandbox, told
    voice = sandbox.client.voice
    made = configured(sandbox, "Transcription", wants(f"{url}/words"))
    assert (made.id or "").startswith("voice_transcriptionconfiguration_")
    assert (made.unique_name, made.description) == ("batch", "All calls")
    assert voice.v2.transcription("batch").fetch().id == made.id
    sid = recorded(sandbox, recording_channels="dual")
    ask = TranscriptionList.CreateV3TranscriptionsRequest
    began = voice.v3.transcriptions.create(
        ask({"transcriptionConfigurationId": made.id, "sourceId": sid})
    )
    assert (began.id or "").startswith("voice_transcription_")
    sandbox.run_until_idle()
    done = voice.v3.transcriptions(began.id).fetch()
    assert (done.status, done.source_id, done.participants) == ("completed", sid, PEOPLE)
    (report,) = reports
    assert (report["id"], report["sourceId"], report["status"]) == (began.id, sid, "completed")
    heard: dict[int, list[str]] = {}
    for each in report["sentences"]:
        heard.setdefault(each["audioChannelIndex"], []).append(each["text"])
        assert " ".join(word["text"] for word in each["words"]) == each["text"]
        assert each["startTimeSeconds"] == each["words"][0]["startTimeSeconds"]
    assert {channel: " ".join(texts) for channel, texts in heard.items()} == {1: ASKS, 2: ANSWERS}
    others = [
        voice.v3.transcriptions.create(
            ask({"transcriptionConfigurationId": made.id, "sourceId": sid})
        ).id
        for _ in range(2)
    ]
    listed = [each.id for each in voice.v3.transcriptions.list(page_size=2)]
    assert listed == [*reversed(others), began.id]
    wrong = ask({"transcriptionConfigurationId": "voice_transcriptionconfiguration_0"})
    assert refused(voice.v3.transcriptions.create, wrong)[0] == 400
    assert voice.v2.transcription(made.id).delete()
    assert refused(voice.v2.transcription(made.id).fetch)[0] == 404


def test_a_recording_is_made_and_transcribed_by_its_configuration(
    mediasim_sandbox: MediasimSandbox, told: Any
) -> None:
    sandbox, (url, reports) = mediasim_sandbox, told
    words = configured(sandbox, "Transcription", wants(f"{url}/words"))
    policy = {
        "unique_name": "policy",
        "configuration": {
            "configurationType": "Recording",
            "compositionPolicy": {"channels": "dual", "trim": "trim-silence", "track": "inbound"},
            "features": [{"type": "transcription", "featureId": words.id}],
        },
    }
    made = configured(sandbox, "Recording", policy)
    sid = recorded(sandbox, recording_configuration_id=made.id)
    recording = sandbox.client.recordings(sid).fetch()
    assert recording.channels == 1  # of the inbound track alone
    sandbox.run_until_idle()
    (report,) = reports
    assert report["sourceId"] == sid
    assert {each["audioChannelIndex"] for each in report["sentences"]} == {1}
    create = sandbox.client.calls.create
    call = {"to": AGENT, "from_": OWN, "twiml": "<Response/>", "record": True}
    both = {"recording_configuration_id": made.id, "recording_channels": "dual"}
    assert refused(create, **call, **both) == (400, refused(create, **call, **both)[1])
    assert refused(create, **call, recording_configuration_id="none")[0] == 400
    named = "record='true' trim='trim-silence' recordingConfigurationId='policy'"
    mixed = f"<Response><Dial {named}>{AGENT}</Dial></Response>"
    sandbox.client.calls.create(to="+14155550101", from_=OWN, twiml=mixed)
    sandbox.run_until_idle()
    notes = [each.message_text or "" for each in sandbox.client.api.account.notifications.list()]
    assert any("recordingConfigurationId and trim were given" in note for note in notes)
    default = sandbox.client.voice.v2.recording_account_default_configuration()
    assert default.__class__.__name__ == "RecordingAccountDefaultConfigurationContext"
    assert refused(default.fetch)[0] == 404
    wanted = {"compositionPolicy": {"track": "inbound"}}
    path = f"{sandbox.client.voice.base_url}/v2/AccountDefaultConfiguration/Recording"
    headers = {"Content-Type": "application/json"}
    answer = sandbox.client.request("POST", path, data={"configuration": wanted}, headers=headers)
    assert answer.status_code == 201
    sandbox.client.calls.create(
        to="+14155550101", from_=OWN, record=True, twiml="<Response><Pause length='3'/></Response>"
    )
    sandbox.run_until_idle()
    assert sandbox.client.recordings.list()[0].channels == 1
    assert default.delete()
