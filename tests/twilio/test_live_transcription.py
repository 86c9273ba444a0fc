"""Real-time transcription: the words of calls, told to the app as they are said."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

import pytest
from twilio.base.exceptions import TwilioRestException

from mediasim.recogniser.settings import RecogniserSettings
from mediasim.truth.analysis.recording import AnalysisError
from mediasim.truth.analysis.transcription import plain_words

SAID = "Hello, is my order on its way?"
ANSWER = "It left this morning."
KIND = "realtime-transcription"
BOB = "+15005550123"


def starting(attributes: str, inside: str = "") -> str:
    return (
        f'<Start><Transcription statusCallbackUrl="/told" {attributes}>'
        f"{inside}</Transcription></Start>"
    )


def talk(sandbox: Any, twiml: str, *script: Any, **answers: Any) -> Any:
    """Place a call to an app with this document; return the call once all is over."""
    sandbox.app({"/voice": f"<Response>{twiml}</Response>", "/told": "", **answers})
    steps = script or ({"pause": "1s"}, {"say": SAID}, {"pause": "4s"}, "hangup")
    call = sandbox.call(script=list(steps))
    sandbox.run_until_idle()
    return call


def told(sandbox: Any, event: str = "") -> list[dict[str, str]]:
    """The parameters of each callback, in the order of what they tell."""
    sent = sandbox.deliveries.of(KIND)
    return [each.form for each in sent if event in each.form["TranscriptionEvent"]]


def heard(sandbox: Any, *, final: bool = True) -> list[tuple[str, str]]:
    """(track, words) of the results."""
    return [
        (each["Track"], json.loads(each["TranscriptionData"])["transcript"])
        for each in told(sandbox, "content")
        if each["Final"] == str(final).lower()
    ]


def codes(sandbox: Any) -> list[int]:
    return [each.error_code for each in sandbox.service.notifications]


def test_what_the_app_is_told_of_both_tracks(mediasim_sandbox: Any) -> None:
    attributes = (
        'name="mine" inboundTrackLabel="customer" outboundTrackLabel="agent" languageCode="en-GB"'
        ' hints="order, invoice"'
    )
    say = f'<Pause length="5"/><Say>{ANSWER}</Say><Pause length="9"/>'
    script = ({"pause": "1s"}, {"say": SAID}, {"pause": "9s"}, "hangup")
    call = talk(mediasim_sandbox, starting(attributes) + say, *script)
    first, *contents, last = told(mediasim_sandbox)
    (sid,) = {each["TranscriptionSid"] for each in (first, *contents, last)}
    assert sid.startswith("GT")
    configuration = json.loads(first.pop("ProviderConfiguration"))
    assert configuration == {
        "profanityFilter": "true",
        "speechModel": "telephony",
        "enableAutomaticPunctuation": "true",
        "hints": "order, invoice",
    }
    assert first.pop("Timestamp").endswith("Z")
    assert first == {
        "AccountSid": mediasim_sandbox.account_sid,
        "CallSid": call.sid,
        "TranscriptionSid": sid,
        "SequenceId": "1",
        "TranscriptionEvent": "transcription-started",
        "TranscriptionEngine": "google",
        "Name": "mine",
        "Track": "both_tracks",
        "InboundTrackLabel": "customer",
        "OutboundTrackLabel": "agent",
        "PartialResults": "false",
        "LanguageCode": "en-GB",
    }
    assert heard(mediasim_sandbox) == [("inbound_track", SAID), ("outbound_track", ANSWER)]
    for each in contents:
        assert json.loads(each["TranscriptionData"])["confidence"] == 1.0
        assert (each["LanguageCode"], each["Final"]) == ("en-GB", "true")
        assert "Stability" not in each
    assert last["TranscriptionEvent"] == "transcription-stopped"
    assert set(last) == {*contents[0]} - {"LanguageCode", "Track", "TranscriptionData", "Final"}
    sequence = [int(each["SequenceId"]) for each in told(mediasim_sandbox)]
    assert sequence == [1, 2, 3, 4]
    assert codes(mediasim_sandbox) == []


def test_partial_results_have_stability_and_grow(mediasim_sandbox: Any) -> None:
    talk(mediasim_sandbox, starting('partialResults="true"') + '<Pause length="9"/>')
    partial = [words for _, words in heard(mediasim_sandbox, final=False)]
    assert len(partial) > 2
    assert all(SAID.startswith(words) for words in partial)
    for each in told(mediasim_sandbox, "content"):
        whole = each["Final"] == "true"
        assert ("confidence" in json.loads(each["TranscriptionData"])) == whole
        assert whole or 0 <= float(each["Stability"]) < 1
    assert heard(mediasim_sandbox) == [("inbound_track", SAID)]


def test_a_bridged_party_is_on_the_outbound_track_to_its_last_word(mediasim_sandbox: Any) -> None:
    """The callee hangs up with its last word, so that no silence ends its utterance."""
    sandbox = mediasim_sandbox
    sandbox.party("bob", [{"wait_for": "other-stops"}, {"say": ANSWER}, "hangup"], number=BOB)
    talk(
        sandbox, starting("") + f"<Dial>{BOB}</Dial>", {"pause": "2s"}, {"say": SAID}, {"pause": 9}
    )
    assert heard(sandbox) == [("inbound_track", SAID), ("outbound_track", ANSWER)]
    assert told(sandbox)[-1]["TranscriptionEvent"] == "transcription-stopped"


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ('track="outbound_track"', []),
        ('enableAutomaticPunctuation="false"', ["hello is my order on its way"]),
        ('profanityFilter="false" speechModel="long"', [SAID]),
    ],
)
def test_attributes_that_change_what_is_told(
    mediasim_sandbox: Any, attributes: str, words: list[str]
) -> None:
    talk(mediasim_sandbox, starting(attributes) + '<Pause length="9"/>')
    assert [each for _, each in heard(mediasim_sandbox)] == words


def test_profane_words_are_masked_unless_the_filter_is_off(mediasim_sandbox: Any) -> None:
    both = starting('name="a"') + starting('name="b" profanityFilter="false"')
    oath = "Where is my damn order?"
    talk(mediasim_sandbox, both + '<Pause length="9"/>', {"say": oath}, {"pause": "3s"}, "hangup")
    assert {words for _, words in heard(mediasim_sandbox)} == {oath, "Where is my d*** order?"}


@pytest.mark.parametrize("engine", ["google", "deepgram"])
def test_provider_data_is_what_the_engine_returns(mediasim_sandbox: Any, engine: str) -> None:
    attributes = f'enableProviderData="true" transcriptionEngine="{engine}"'
    talk(mediasim_sandbox, starting(attributes) + '<Pause length="9"/>')
    (each,) = told(mediasim_sandbox, "content")
    raw = json.loads(each["TranscriptionProviderData"])
    (found,) = (raw.get("channel") or raw)["alternatives"]
    assert found["transcript"] == SAID
    assert len(found["words"]) == len(SAID.split())
    first = found["words"][0]
    start = first["start"] if engine == "deepgram" else float(first["startOffset"].rstrip("s"))
    assert 0.9 < start < 1.6


def test_hinted_words_are_not_taken_for_others(mediasim_sandbox: Any) -> None:
    mediasim_sandbox.recogniser(substitutions="100%")
    talk(mediasim_sandbox, starting('hints="my order"') + '<Pause length="9"/>')
    ((_, words),) = heard(mediasim_sandbox)
    assert words != SAID
    wrong, right = plain_words(words), plain_words(SAID)
    assert [word for word in wrong if word in right] == ["my", "order"]


def test_a_name_is_unique_and_stops(mediasim_sandbox: Any) -> None:
    twiml = (
        starting('name="a"') * 2 + '<Pause length="1"/><Stop><Transcription name="a"/></Stop>'
        '<Stop><Transcription name="b"/></Stop><Pause length="5"/>'
    )
    talk(mediasim_sandbox, twiml, {"pause": "3s"}, {"say": SAID}, "hangup")
    events = [each["TranscriptionEvent"].partition("-")[2] for each in told(mediasim_sandbox)]
    assert sorted(events) == ["error", "started", "stopped"]
    (error,) = told(mediasim_sandbox, "error")
    assert error["TranscriptionErrorCode"] == "32650"
    assert "already in use" in error["TranscriptionError"]
    assert codes(mediasim_sandbox) == [12200, 12200]


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('transcriptionEngine="whisper"', 32650),
        ('languageCode="English, please"', 32650),
        ('speechModel="nova-2"', 32651),
        ('transcriptionEngine="deepgram" speechModel="telephony"', 32651),
    ],
)
def test_a_wrong_configuration_is_an_error_and_starts_nothing(
    mediasim_sandbox: Any, attributes: str, code: int
) -> None:
    talk(mediasim_sandbox, starting(attributes) + '<Pause length="3"/>')
    (error,) = told(mediasim_sandbox)
    assert error["TranscriptionErrorCode"] == str(code)
    assert error["TranscriptionEvent"] == "transcription-error"
    assert codes(mediasim_sandbox) == [code]


def test_started_and_stopped_by_rest(mediasim_sandbox: Any) -> None:
    sandbox = mediasim_sandbox
    app = sandbox.app({"/voice": '<Response><Pause length="30"/></Response>', "/told": ""})
    call = sandbox.call(script=[{"pause": "4s"}, {"say": SAID}, {"pause": "30s"}])
    sandbox.advance("1s")
    of_call = sandbox.client.calls(call.sid)
    made = of_call.transcriptions.create(
        name="mine", status_callback_url=f"{app.url}/told", track="inbound_track"
    )
    assert (made.status, made.name, made.call_sid) == ("in-progress", "mine", call.sid)
    with pytest.raises(TwilioRestException) as taken:
        of_call.transcriptions.create(name="mine")
    assert taken.value.status == 400
    with pytest.raises(TwilioRestException) as wrong:
        of_call.transcriptions.create(transcription_engine="whisper")
    assert (wrong.value.status, wrong.value.code) == (400, 32650)
    sandbox.advance("8s")
    stopped = of_call.transcriptions("mine").update(status="stopped")
    assert (stopped.sid, stopped.status) == (made.sid, "stopped")
    sandbox.run_until_idle()
    assert heard(sandbox) == [("inbound_track", SAID)]
    assert len(told(sandbox)) == 3
    with pytest.raises(TwilioRestException) as ended:
        of_call.transcriptions.create()
    assert ended.value.status == 400


def test_what_was_transcribed_is_on_the_calls_timeline(mediasim_sandbox: Any) -> None:
    sandbox = mediasim_sandbox
    call = talk(sandbox, starting('name="mine" partialResults="true"') + '<Pause length="9"/>')
    with urlopen(f"{sandbox.base_url}/_mediasim/inspector/calls/{call.sid}", timeout=9) as answer:
        moments = json.load(answer)["moments"]
    assert [each["text"] for each in moments if KIND in each["kind"]] == [
        "transcription mine started",
        f"transcription mine, inbound_track: {SAID}",
        "transcription mine stopped",
    ]


def test_the_order_holds_within_a_track_only_in_bad_weather(mediasim_sandbox: Any) -> None:
    sandbox = mediasim_sandbox
    sandbox.weather(webhook_reorder_tracks=True)
    twiml = starting('partialResults="true"') + f"<Pause length='1'/><Say>{ANSWER}</Say><Pause/>"
    sent: list[dict[str, str]] = []

    def tell(asked: Any) -> str:
        sent.append(dict(asked.params))
        return ""

    answers = {"/told": tell}
    script = ({"pause": "1.5s"}, {"say": SAID}, {"pause": 4})
    talk(sandbox, twiml + "<Pause length='3'/>", *script, **answers)
    sequence = [int(each["SequenceId"]) for each in sent]
    assert sequence != sorted(sequence)
    assert (sequence[0], sequence[-1]) == (1, len(sequence))
    for track in ("inbound_track", "outbound_track"):
        of_track = [int(each["SequenceId"]) for each in sent if each.get("Track") == track]
        assert of_track == sorted(of_track)


@pytest.mark.parametrize("real_audio", ["ignore", "transcribe"])
def test_words_that_cannot_be_known_are_told_of(
    mediasim_sandbox: Any, monkeypatch: pytest.MonkeyPatch, real_audio: str
) -> None:
    """A line that is taken for a real one: nothing recognises it, or what does breaks."""

    def broken(pcm: Any, party: str) -> list[Any]:
        raise AnalysisError("the model cannot be read")

    monkeypatch.setattr("mediasim.recogniser.real_audio.heard_words", broken)
    for module in ("recogniser.live", "twilio.live_transcription.manager"):
        monkeypatch.setattr(f"mediasim.{module}.knows_words", lambda call: False)
    settings = RecogniserSettings(real_audio=real_audio)  # type: ignore[arg-type]
    mediasim_sandbox.service.recognisers.settings = settings
    talk(mediasim_sandbox, starting('track="inbound_track"') + '<Pause length="9"/>')
    (note,) = mediasim_sandbox.service.notifications
    assert note.error_code == 32651
    errors = [each["TranscriptionError"] for each in told(mediasim_sandbox, "error")]
    if real_audio == "transcribe":
        assert errors == ["the model cannot be read"]
        assert told(mediasim_sandbox)[-1]["TranscriptionEvent"] == "transcription-stopped"
    else:
        assert (note.log, "real_audio: transcribe" in note.message_text) == ("1", True)


def test_a_service_has_the_transcript_once_it_has_ended(mediasim_sandbox: Any) -> None:
    sandbox = mediasim_sandbox
    service = sandbox.client.intelligence.v2.services.create("support")
    say = f'<Pause length="5"/><Say>{ANSWER}</Say><Pause length="9"/>'
    script = ({"pause": "1s"}, {"say": SAID}, {"pause": "9s"}, "hangup")
    talk(sandbox, starting('intelligenceService="support"') + say, *script)
    (transcript,) = sandbox.client.intelligence.v2.transcripts.list()
    assert (transcript.service_sid, transcript.status) == (service.sid, "completed")
    sentences = transcript.sentences.list()
    assert [(each.media_channel, each.transcript) for each in sentences] == [
        (1, SAID),
        (2, ANSWER),
    ]
    assert 0.9 < float(sentences[0].start_time) < 1.6
