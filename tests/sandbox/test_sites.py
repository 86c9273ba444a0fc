"""The sites that Twilio hosts, as calls and apps meet them inside the sandbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from starlette.testclient import TestClient

from mediasim.audio.dtmf import DtmfDetector
from mediasim.audio.files import decode_clip
from mediasim.audio.music import STYLES, piece
from mediasim.sandbox.names import SiteApp
from mediasim.testing import MediasimSandbox
from mediasim.twilio.sites import SITES, SiteRequest
from mediasim.twilio.sites.site import SiteResponse

NUMBER = "+14155550100"
WORDS = "Please call me back about the order that I made last week."
CALLER = "+14155550123"
DECLARATION = "<?xml version='1.0' encoding='utf-8'?>\n"


def twimlet(name: str, **params: str) -> str:
    """The URL of a twimlet; a parameter ``Options_1`` is ``Options[1]``."""
    named = {}
    for key, value in params.items():
        word, _, index = key.partition("_")
        named[f"{word}[{index}]" if index else word] = value
    return f"http://twimlets.com/{name}?{urlencode(named)}"


def ask(url: str, **form: str) -> SiteResponse:
    request = SiteRequest("POST", url, urlencode(form).encode())
    return SITES[request.host](request)


def inbound(sandbox: MediasimSandbox, url: str, script: Any = ()) -> Any:
    """Somebody calls a number whose voice URL is this one."""
    sandbox.client.incoming_phone_numbers.create(phone_number=NUMBER, voice_url=url)
    call = sandbox.call(CALLER, NUMBER, script=script)
    sandbox.run_until_idle()
    return call


def verbs(sandbox: MediasimSandbox) -> list[str]:
    """The verbs that were carried out, with what they said."""
    events = sandbox._embedded.sandbox.events
    return [event.text for _, event in events if event.kind == "twiml.verb"]


def notes(sandbox: MediasimSandbox) -> list[str]:
    return [each.message_text for each in sandbox.client.notifications.list()]


# -- by themselves --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "form", "document"),
    [
        (twimlet("echo", Twiml="<Response />"), {}, "<Response />"),
        (
            twimlet("message", Message_1="http://a/b.mp3", Message_0="Hi & bye"),
            {},
            "<Response><Say>Hi &amp; bye</Say><Play>http://a/b.mp3</Play></Response>",
        ),
        (
            twimlet("message", Message="Hi\x00\x01 there"),
            {},
            "<Response><Say>Hi there</Say></Response>",
        ),
        (
            twimlet("holdmusic", Bucket="com.twilio.music.rock", Message="Soon."),
            {},
            "<Response>"
            + "".join(
                "<Play>http://com.twilio.music.rock.s3.amazonaws.com/"
                f"rock-{number}.mp3</Play><Say>Soon.</Say>"
                for number in (1, 2, 3)
            )
            + "<Redirect /></Response>",
        ),
        (
            twimlet("forward", PhoneNumber="415-555-0150", CallerId="+14155550199", Timeout="9"),
            {},
            '<Response><Dial action="http://twimlets.com/forward?Dial=true" timeout="9" '
            'callerId="+14155550199"><Number>415-555-0150</Number></Dial></Response>',
        ),
        (
            twimlet("forward", PhoneNumber="1", FailUrl="http://a/?b=c"),
            {"Dial": "true", "DialCallStatus": "busy"},
            "<Response><Redirect>http://a/?b=c</Redirect></Response>",
        ),
        (
            twimlet("forward", PhoneNumber="1", FailUrl="http://a/"),
            {"Dial": "true", "DialCallStatus": "completed"},
            "<Response><Hangup /></Response>",
        ),
        (
            twimlet("forward", PhoneNumber="1", AllowedCallers_0="(415) 555-0199"),
            {"From": "+14155550123"},
            "<Response><Say>Sorry, you are calling from a number that may not call here. Good bye."
            "</Say><Hangup /></Response>",
        ),
        (
            twimlet("whisper", HumanCheck="1"),
            {"From": "+14"},
            '<Response><Gather numDigits="1"><Say>You are receiving a call from +. 1. 4. Press any '
            "key to accept.</Say></Gather><Hangup /></Response>",
        ),
        (twimlet("whisper.php", HumanCheck="1"), {"Digits": "3"}, "<Response />"),
        (
            twimlet("conference", Password="12345", Name="foo"),
            {"Digits": "1"},
            "<Response><Say>That is not the password.</Say><Gather numDigits=\"5\" "
            'action="http://twimlets.com/conference?Password=12345&amp;Name=foo"><Say>Please enter '
            "the password of this conference.</Say></Gather><Redirect>http://twimlets.com/"
            "conference?Password=12345&amp;Name=foo</Redirect></Response>",
        ),
        (
            twimlet("conference", Name="foo", Music="http://a/b.mp3", Moderators_0="415-555-0123"),
            {"From": "+14155550123"},
            '<Response><Dial><Conference waitUrl="http://a/b.mp3">foo</Conference></Dial></Response>',
        ),
        (
            "https://demo.twilio.com/docs/voice.xml",
            {},
            '<Response><Say voice="alice">Thanks for trying our documentation. Enjoy!</Say>'
            "<Play>https://demo.twilio.com/docs/classic.mp3</Play></Response>",
        ),
    ],
)  # fmt: skip
def test_documents(url: str, form: dict[str, str], document: str) -> None:
    answer = ask(url, **form)
    assert answer.status == 200
    assert answer.content_type.startswith("text/xml")
    assert answer.body.decode().removeprefix(DECLARATION) == document


def test_what_is_not_there_is_told() -> None:
    assert ask("http://twimlets.com/fax").status == 404
    assert b"it has /callme, /conference" in ask("http://twimlets.com/fax").body
    assert ask("http://demo.twilio.com/docs/other.xml").status == 404
    for name, lacking in (("message", "Message"), ("menu", "Options"), ("findme", "PhoneNumbers")):
        (note,) = ask(twimlet(name)).notes
        assert note == f"twimlets.com/{name}: {lacking} is required"
    (note,) = ask(twimlet("holdmusic", Bucket="com.twilio.music.polka")).notes
    assert "there is no Bucket 'com.twilio.music.polka' here: expected com.twilio.mus" in note


def test_buckets_hold_music_of_their_style() -> None:
    for style in STYLES:
        composed = piece(style)
        assert len(composed) > 20 * 8000
        seconds = composed[: len(composed) // 8000 * 8000]
        loud = np.sqrt(np.mean(seconds.reshape(-1, 8000).astype(float) ** 2, axis=1))
        assert loud.min() > 300  # it is heard all the time
        assert DtmfDetector().feed(composed) == []  # and is no key to who gathers some
    address = "http://com.twilio.music.guitars.s3.amazonaws.com/"
    listing = ask(address)
    assert listing.content_type == "application/xml"
    for name in ("guitars-1.mp3", "guitars-2.mp3", "license.txt"):
        assert f"<Key>{name}</Key>" in listing.body.decode()
    known, again = (ask(f"{address}Pitx_-_A_Thought{end}") for end in (".mp3", ".mp3"))
    assert (known.content_type, known.body) == ("audio/mpeg", again.body)
    assert len(decode_clip(known.body).pcm) > 20 * 8000
    assert ask(f"{address}BusyStrings.wav").body.startswith(b"RIFF")
    assert ask(f"{address}list.txt").status == 404
    assert b"synthesizes" in ask(f"{address}license.txt").body


def test_apps_are_answered_as_webhooks_are() -> None:
    """As the proxy of ``mediasim exec`` lets them: by ASGI."""
    client = TestClient(SiteApp(SITES["twimlets.com"]), "http://twimlets.com")
    said = client.post("/message", data={"Message": "Hi"})
    assert said.text == f"{DECLARATION}<Response><Say>Hi</Say></Response>"
    assert said.headers["content-type"] == "text/xml; charset=utf-8"
    assert client.get("/fax").status_code == 404


# -- in calls -------------------------------------------------------------------------------------


def test_a_rest_call_of_the_quickstart_hears_the_demo(mediasim_sandbox: MediasimSandbox) -> None:
    party = mediasim_sandbox.party("alice", [{"pause": "4s"}, "hangup"])
    mediasim_sandbox.client.calls.create(
        to=party, from_=NUMBER, url="http://demo.twilio.com/docs/voice.xml"
    )
    mediasim_sandbox.run_until_idle()
    assert verbs(mediasim_sandbox) == [
        "Say: Thanks for trying our documentation. Enjoy!",
        "Play: http://demo.twilio.com/docs/classic.mp3",
    ]
    assert notes(mediasim_sandbox) == []


def test_samples_of_the_api_and_its_own_recordings_are_played(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    """Under api.twilio.com, as examples have it."""
    sid, token = mediasim_sandbox.account_sid, mediasim_sandbox.auth_token
    party = mediasim_sandbox.party("alice", [{"say": WORDS}, {"pause": "9s"}, "hangup"])
    sdk = mediasim_sandbox.client
    twiml = "<Response><Pause length='5'/></Response>"
    sdk.calls.create(to=party, from_=NUMBER, twiml=twiml, record=True)
    mediasim_sandbox.run_until_idle()
    (first,) = mediasim_sandbox.recordings
    path = f"2010-04-01/Accounts/{sid}/Recordings/{first.sid}.wav"
    twiml = f"<Play>https://{sid}:{token}@api.twilio.com/{path}</Play>"
    twiml = f"<Response><Play>https://api.twilio.com/cowbell.mp3</Play>{twiml}</Response>"
    sdk.calls.create(to=party, from_=NUMBER, twiml=twiml, record=True, recording_channels="dual")
    mediasim_sandbox.run_until_idle()
    second = mediasim_sandbox.recordings[-1]
    assert second.pcm.shape[1] > 9 * 8000
    assert second.pcm[1, :8000].any()
    assert second.pcm[1, 7 * 8000 :].any()
    assert notes(mediasim_sandbox) == []


def test_a_menu_leads_to_a_message(mediasim_sandbox: MediasimSandbox) -> None:
    spoken = twimlet("message", Message_0="You chose two.")
    script = [{"pause": "2s"}, {"dtmf": "9"}, {"pause": "4s"}, {"dtmf": "2"}, {"pause": "5s"}]
    inbound(mediasim_sandbox, twimlet("menu", Message="Choose.", Options_2=spoken), script)
    assert [each for each in verbs(mediasim_sandbox) if each.startswith("Say")] == [
        "Say: Sorry, that is not a valid choice.",
        "Say: You chose two.",
    ]
    assert notes(mediasim_sandbox) == []


def test_findme_rings_one_after_the_other_until_a_key_accepts(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    first = mediasim_sandbox.party("first", [{"pause": "20s"}])
    second = mediasim_sandbox.party(
        "second", [{"pause": "3s"}, {"dtmf": "1"}, {"say": "I am here."}]
    )
    url = twimlet("findme", PhoneNumbers_0=first, PhoneNumbers_1=second, Message="A call for you.")
    call = inbound(mediasim_sandbox, url, [{"pause": "40s"}])
    children = [each for each in mediasim_sandbox.calls if each.sid != call.sid]
    assert [each.record.to for each in children] == [first, second]
    bridged = [
        event.subject
        for _, event in mediasim_sandbox._embedded.sandbox.events
        if event.kind == "call.bridged"
    ]
    assert bridged == [children[1].sid]
    assert notes(mediasim_sandbox) == []


@pytest.mark.parametrize(
    ("name", "numbers", "callee", "connected"),
    [
        ("forward", "PhoneNumber", {}, True),
        ("callme", "PhoneNumber", {"keys": True}, True),
        ("callme", "PhoneNumber", {}, False),
        ("simulring", "PhoneNumbers_0", {"keys": True}, True),
        ("forward", "PhoneNumber", {"answer": "busy"}, False),
    ],
)
def test_calls_are_forwarded_or_go_on_to_the_fail_url(
    name: str,
    numbers: str,
    callee: dict[str, Any],
    connected: bool,
    mediasim_sandbox: MediasimSandbox,
) -> None:
    """The number is written as people write it; who must accept presses a key, or does not."""
    keys = [{"pause": "6s"}, {"dtmf": "5"}] if callee.pop("keys", False) else []
    script = [*keys, {"pause": "20s"}, "hangup"]
    mediasim_sandbox.party("alice", script, number="+14155550150", **callee)
    sorry = twimlet("message", Message_0="Please try later.")
    url = twimlet(name, **{numbers: "(415) 555-0150"}, FailUrl=sorry, Timeout="9")
    inbound(mediasim_sandbox, url, [{"pause": "60s"}, "hangup"])
    bridged = [
        it for _, it in mediasim_sandbox._embedded.sandbox.events if it.kind == "call.bridged"
    ]
    assert bool(bridged) == connected
    assert ("Say: Please try later." in verbs(mediasim_sandbox)) != connected
    assert notes(mediasim_sandbox) == []


def test_voicemail_records_transcribes_and_notes_the_mail(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    url = twimlet("voicemail", Email="you@example.com", Message="Speak.")
    call = inbound(mediasim_sandbox, url, [{"wait_for": {"quiet": "1s"}}, {"say": WORDS}])
    (message,) = call.recordings
    message.assert_heard("caller", channel=1, text="call me back")
    (note,) = notes(mediasim_sandbox)
    assert "to you@example.com: a message from +14155550123" in note
    assert f"/Recordings/{message.sid}.mp3" in note
    assert f'"{WORDS}"' in note


@pytest.mark.parametrize("verb", ["Enqueue", "Conference"])
def test_a_twimlet_is_the_music_of_who_waits(verb: str, mediasim_sandbox: MediasimSandbox) -> None:
    wait = twimlet("holdmusic", Bucket="com.twilio.music.guitars").replace("&", "&amp;")
    noun = f'<Conference waitUrl="{wait}">room</Conference>'
    place = (
        f'<Enqueue waitUrl="{wait}">q</Enqueue>' if verb == "Enqueue" else f"<Dial>{noun}</Dial>"
    )
    start = '<Start><Recording channels="dual"/></Start>'
    mediasim_sandbox.app({"/voice": start + place}, number=NUMBER)
    call = mediasim_sandbox.call(script=[{"pause": "20s"}, "hangup"])
    mediasim_sandbox.run_until_idle()
    (recording,) = call.recordings
    assert recording.pcm.shape[1] > 19 * 8000
    heard = recording.pcm[1, 2 * 8000 : 18 * 8000].astype(float).reshape(16, -1)
    assert np.sqrt(np.mean(heard**2, axis=1)).min() > 300
    assert notes(mediasim_sandbox) == []
