"""ConversationRelay: what an app is told of a call's words, and how its words become speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, AccountStage
from app_in_reach import Apps, Line, Message, streaming
from test_twiml_calls import codes, words

from mediasim.audio.dtmf import DtmfDetector
from mediasim.net.stream_port import StreamRefused
from mediasim.recogniser.settings import RecogniserSettings
from mediasim.truth.analysis.transcription import plain_words
from mediasim.twilio.relay.session import RelaySession

URL = "ws://127.0.0.1:5001/relay"
SAID = "one two three four five"
SPEECH = (words(3, 2.0), SAID)
LONG = "The order left this morning, and it will be with you on Friday before noon at the latest."


class Call:
    """One call to an app over a relay, and what came of it."""

    def __init__(
        self,
        directory: Path,
        on: Callable[[Line, Message], None],
        *steps: Any,
        attributes: str = "",
        inside: str = "",
        after: str = "<Hangup/>",
        answers: dict[str, Any] | None = None,
        recogniser: RecogniserSettings | None = None,
        record: bool = False,
        refusal: StreamRefused | None = None,
        connect: str = 'action="/over"',
    ) -> None:
        self.apps = Apps(relay=on)
        self.apps.refusal = refusal
        start = "<Start><Recording/></Start>" if record else ""
        noun = f'<ConversationRelay url="{URL}" {attributes}>{inside}</ConversationRelay>'
        twiml = f"<Response>{start}<Connect {connect}>{noun}</Connect>{after}</Response>"

        async def main(account: AccountStage) -> None:
            account.number(APP_NUMBER, "/voice")
            account.app.answers |= {"/voice": twiml, "/over": "<Response><Hangup/></Response>"}
            account.app.answers |= answers or {}
            if recogniser is not None:
                account.service.recognisers.settings = recogniser
            phone = account.telephone(ALICE, *steps)
            account.service.place_inbound(ALICE, APP_NUMBER, phone)

        self.account = streaming(directory, self.apps, main)

    @property
    def line(self) -> Line:
        (line,) = self.apps.lines
        return line

    def told(self, kind: str) -> list[Message]:
        return [each for each in self.line.messages if each["type"] == kind]

    @property
    def session(self) -> RelaySession:
        (session,) = self.account.service.relays.all()
        return session

    def spoken(self) -> list[dict[str, Any]]:
        """What the truth of its recording has of the app's speech."""
        exchange = self.account.exchange
        truth = exchange.store.truth(exchange.catalogue.recordings()[0].sid)
        found: list[dict[str, Any]] = truth["channels"][1]["intervals"]
        return found

    @property
    def over(self) -> dict[str, str]:
        """The parameters of the action."""
        (params,) = self.account.app.asked("/over")
        return params


def silent(line: Line, message: Message) -> None:
    """An app that says nothing."""


def text(token: str, **more: Any) -> Message:
    return {"type": "text", "token": token, "last": True, **more}


def says(*messages: Message, to: str = "setup") -> Callable[[Line, Message], None]:
    """An app that answers the first message of a kind with these."""

    def on(line: Line, message: Message) -> None:
        if (
            message["type"] == to
            and len([each for each in line.messages if each["type"] == to]) == 1
        ):
            for each in messages:
                line.tell(each)

    return on


def echo(line: Line, message: Message) -> None:
    """An app that says what it has been told, and hangs up when it has been told to."""
    if message["type"] == "prompt":
        line.tell(text(f"You said {message['voicePrompt']}"))


# -- what the app is told -------------------------------------------------------------------


def test_the_setup_says_whose_call_it_is(tmp_path: Path) -> None:
    inside = '<Parameter name="order" value="4711"/>'
    call = Call(tmp_path, silent, 1.0, "hangup", inside=inside)
    record = call.account.exchange.catalogue.calls()[0]
    assert call.line.messages[0] == {
        "type": "setup",
        "sessionId": call.session.record.sid,
        "accountSid": record.account_sid,
        "parentCallSid": "",
        "callSid": record.sid,
        "from": ALICE,
        "to": APP_NUMBER,
        "forwardedFrom": "",
        "callType": "PSTN",
        "callerName": "",
        "direction": "inbound",
        "callStatus": "RINGING",
        "customParameters": {"order": "4711"},
    }
    assert call.session.record.sid.startswith("VX")
    assert len(call.session.record.sid) == 34


def test_the_upgrade_is_signed_with_its_query(tmp_path: Path) -> None:
    from twilio.request_validator import RequestValidator

    call = Call(tmp_path, silent, 0.5, "hangup", attributes="", inside="")
    line = call.line
    token = call.account.service.account.auth_token
    assert RequestValidator(token).validate(line.url, {}, line.headers["X-Twilio-Signature"])


def test_what_the_caller_says_is_a_prompt(tmp_path: Path) -> None:
    call = Call(tmp_path, silent, 1.0, SPEECH, 2.0, "hangup", attributes='language="en-GB"')
    assert call.told("prompt") == [
        {"type": "prompt", "voicePrompt": SAID, "lang": "en-GB", "last": True}
    ]
    (prompt,) = call.session.prompts
    assert (prompt.text, prompt.said, prompt.last) == (SAID, SAID, True)


def test_partial_prompts_come_before_the_last(tmp_path: Path) -> None:
    call = Call(tmp_path, silent, 1.0, SPEECH, 2.0, "hangup", attributes='partialPrompts="true"')
    told = call.told("prompt")
    assert len(told) > 2
    assert [each["last"] for each in told] == [False] * (len(told) - 1) + [True]
    assert all(SAID.startswith(each["voicePrompt"]) for each in told)


def test_the_recogniser_of_the_call_decides_what_is_heard_and_when(tmp_path: Path) -> None:
    late = RecogniserSettings(final_delay_ns=1_000_000_000, substitutions=1.0)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    steps = (1.0, SPEECH, 4.0, "hangup")
    calls = [
        Call(tmp_path / "a", silent, *steps),
        Call(tmp_path / "b", silent, *steps, recogniser=late),
    ]
    (first,), (second,) = (each.session.prompts for each in calls)
    assert second.at - first.at == pytest.approx(1.0, abs=0.001)
    assert second.said == SAID
    assert not set(plain_words(second.text)) & set(SAID.split())


@pytest.mark.parametrize("detection", ["true", "false"])
def test_keys_are_told_where_they_are_asked_for(tmp_path: Path, detection: str) -> None:
    attributes = f'dtmfDetection="{detection}"'
    call = Call(tmp_path, silent, 1.0, "#5", 1.0, "##", 1.0, "hangup", attributes=attributes)
    told = [each["digit"] for each in call.told("dtmf")]
    assert told == (["5", "#"] if detection == "true" else [])


# -- what the app says ----------------------------------------------------------------------


def test_the_apps_words_are_spoken_into_the_call_and_the_recording(tmp_path: Path) -> None:
    call = Call(tmp_path, says(text("Good morning. What can I do?")), 6.0, "hangup", record=True)
    pcm = call.account.media()
    assert np.abs(pcm[1][8000:24000].astype(int)).max() > 1000
    assert not pcm[0].any()
    heard = [each["word"] for interval in call.spoken() for each in interval["words"]]
    assert plain_words(" ".join(heard)) == plain_words("Good morning. What can I do?")


def test_the_greeting_is_the_first_that_is_said(tmp_path: Path) -> None:
    call = Call(tmp_path, silent, 4.0, "hangup", attributes='welcomeGreeting="Good morning."')
    assert call.session.figures().greeting_ms == pytest.approx(0, abs=40)
    assert [each.text for each in call.session.log if each.kind == "text"] == ["Good morning."]


def test_tokens_become_sentences_as_they_come(tmp_path: Path) -> None:
    tokens = ["Good", " mor", "ning. What", " can I", " do for you? I", " am new."]
    parts: list[Message] = [{"type": "text", "token": each} for each in tokens]
    parts[-1]["last"] = True
    call = Call(tmp_path, says(*parts), 9.0, "hangup")
    said = [each.text for each in call.session.log if each.kind == "text"]
    assert said == ["Good morning.", "What can I do for you?", "I am new."]


def test_what_is_unfinished_is_said_after_a_while(tmp_path: Path) -> None:
    call = Call(tmp_path, says({"type": "text", "token": "Hello there"}), 4.0, "hangup")
    assert [each.text for each in call.session.log if each.kind == "text"] == ["Hello there"]
    assert call.session.figures().greeting_ms == pytest.approx(500, abs=60)


def test_words_are_echoed(tmp_path: Path) -> None:
    call = Call(tmp_path, echo, 1.0, SPEECH, 6.0, "hangup")
    said = [each.text for each in call.session.log if each.kind == "text"]
    assert said == [f"You said {SAID}"]
    (response,) = call.session.figures().responses
    # The utterance's silence, and what the server takes to notice it.
    assert response.latency_ms == pytest.approx(800, abs=100)


def test_a_file_is_played_as_often_as_asked(tmp_path: Path) -> None:
    from test_twiml_calls import wav

    play = {"type": "play", "source": f"{APP}/clip.wav", "loop": 3}
    answers = {"/clip.wav": wav(words(9, 1.0))}
    call = Call(tmp_path, says(play), 5.0, "hangup", answers=answers)
    (span,) = call.session.figures().app
    assert span.ms == pytest.approx(3000, abs=40)


def test_keys_are_sent_as_tones(tmp_path: Path) -> None:
    call = Call(
        tmp_path, says({"type": "sendDigits", "digits": "12w#"}), 3.0, "hangup", record=True
    )
    outbound = call.account.media()[1]
    whole = np.pad(outbound, (0, 8000 - len(outbound) % 160))  # its end was trimmed off
    assert [hit.digit for hit in DtmfDetector().feed(whole)] == ["1", "2", "#"]


def test_languages_change_for_both_ways(tmp_path: Path) -> None:
    change = {"type": "language", "ttsLanguage": "es-ES", "transcriptionLanguage": "es-MX"}
    call = Call(tmp_path, says(change, text("Hola.")), 1.0, SPEECH, 2.0, "hangup")
    assert [each["lang"] for each in call.told("prompt")] == ["es-MX"]
    assert [each.text for each in call.session.log if each.kind == "text"] == ["Hola."]
    assert not call.told("error")


# -- who is cut off by whom -----------------------------------------------------------------


def test_an_interruption_tells_the_words_that_were_heard(tmp_path: Path) -> None:
    call = Call(tmp_path, says(text(LONG)), 2.0, SPEECH, 3.0, "hangup", record=True)
    (told,) = call.told("interrupt")
    (truth,) = call.spoken()
    heard = told["utteranceUntilInterrupt"]
    assert LONG.startswith(heard)
    assert 0 < len(heard) < len(LONG)
    assert heard == " ".join(each["word"] for each in truth["words"])
    assert told["durationUntilInterruptMs"] == (truth["end"] - truth["start"]) // 8
    assert 2000 < told["durationUntilInterruptMs"] < 2300
    assert [each["voicePrompt"] for each in call.told("prompt")] == [SAID]
    (barge_in,) = call.session.figures().barge_ins
    assert barge_in.reaction_ms is not None
    assert barge_in.reaction_ms < 250
    kinds = [each["type"] for each in call.line.messages]
    assert kinds.index("interrupt") < kinds.index("prompt")


@pytest.mark.parametrize("interruptible", ["any", "speech", "dtmf", "none", "true", "false"])
@pytest.mark.parametrize("by", ["speech", "dtmf"])
def test_only_what_may_interrupt_does(tmp_path: Path, interruptible: str, by: str) -> None:
    step = SPEECH if by == "speech" else "#7"
    attributes = f'interruptible="{interruptible}" dtmfDetection="true"'
    call = Call(tmp_path, says(text(LONG)), 1.5, step, 8.0, "hangup", attributes=attributes)
    cut = interruptible in ("any", "true", by)
    assert len(call.told("interrupt")) == cut
    assert [each.by for each in call.session.interrupts] == [by] * cut
    told = call.told("prompt" if by == "speech" else "dtmf")
    assert len(told) == cut, "what is said over the app is not reported, unless it interrupts"


@pytest.mark.parametrize(
    ("report", "prompts", "keys"), [("any", 1, 1), ("speech", 1, 0), ("dtmf", 0, 1)]
)
def test_input_during_the_apps_speech_is_reported_where_asked_for(
    tmp_path: Path, report: str, prompts: int, keys: int
) -> None:
    attributes = (
        f'interruptible="none" dtmfDetection="true" reportInputDuringAgentSpeech="{report}"'
    )
    steps = (1.0, "#7", 0.2, (words(3, 1.0), "yes"), 8.0, "hangup")
    call = Call(tmp_path, says(text(LONG)), *steps, attributes=attributes)
    assert (len(call.told("prompt")), len(call.told("dtmf"))) == (prompts, keys)
    assert not call.told("interrupt")


def test_a_message_says_itself_whether_it_may_be_interrupted(tmp_path: Path) -> None:
    app = says(text(LONG, interruptible=False), text("And more.", interruptible="any"))
    call = Call(tmp_path, app, 1.0, (words(3, 1.0), "yes"), 9.0, "hangup")
    assert not call.told("interrupt")
    greeting = 'welcomeGreeting="Good morning to you all." welcomeGreetingInterruptible="none"'
    call = Call(tmp_path / "2", silent, 0.5, SPEECH, 3.0, "hangup", attributes=greeting)
    assert not call.told("interrupt")


def test_a_less_sensitive_relay_takes_longer_to_be_interrupted(tmp_path: Path) -> None:
    took = {}
    for word in ("high", "medium", "low"):
        attributes = f'interruptSensitivity="{word}"'
        folder = tmp_path / word
        call = Call(folder, says(text(LONG)), 1.0, SPEECH, 3.0, "hangup", attributes=attributes)
        took[word] = call.session.interrupts[0].at
    assert took["medium"] - took["high"] == pytest.approx(0.4, abs=0.001)
    assert took["low"] - took["high"] == pytest.approx(0.8, abs=0.001)


def test_the_next_turn_cuts_off_what_may_be_preempted(tmp_path: Path) -> None:
    def on(line: Line, message: Message) -> None:
        if message["type"] == "setup":
            line.tell(text(LONG, preemptible=True, interruptible=False))
        elif message["type"] == "dtmf":
            line.tell(text("Something else."))

    attributes = 'dtmfDetection="true" reportInputDuringAgentSpeech="dtmf"'
    call = Call(tmp_path, on, 1.0, "#1", 5.0, "hangup", attributes=attributes)
    heard = [each.text for each in call.session.log if each.kind == "preempted"]
    assert len(heard) == 1
    assert LONG.startswith(heard[0])
    assert not call.told("interrupt")
    (span,) = call.session.figures().app
    assert span.ms < 4000


# -- the end --------------------------------------------------------------------------------


def test_the_app_ends_with_handoff_data(tmp_path: Path) -> None:
    end = {"type": "end", "handoffData": '{"reason":"agent"}'}
    call = Call(tmp_path, says(end, to="prompt"), 1.0, SPEECH, 20.0)
    over = call.over
    assert over["SessionId"] == call.session.record.sid
    assert (over["SessionStatus"], over["HandoffData"]) == ("ended", '{"reason":"agent"}')
    assert over["SessionDuration"] == str(call.session.duration_seconds) == "3"
    assert (over["CallStatus"], "ErrorCode" in over) == ("in-progress", False)
    assert call.line.closed


def test_the_app_ends_by_closing(tmp_path: Path) -> None:
    call = Call(tmp_path, lambda line, message: line.hang_up(), 20.0)
    assert call.over["SessionStatus"] == "ended"
    assert not codes(call.account)


def test_the_caller_hangs_up_and_the_action_is_told(tmp_path: Path) -> None:
    call = Call(tmp_path, silent, 3.0, "hangup")
    over = call.over
    assert (over["SessionStatus"], over["CallStatus"]) == ("completed", "completed")
    assert call.line.closed


def test_without_an_action_the_next_verb_follows(tmp_path: Path) -> None:
    after = "<Redirect>/next</Redirect>"
    answers = {"/next": "<Response><Hangup/></Response>"}
    app = says({"type": "end"})
    call = Call(tmp_path, app, 20.0, after=after, answers=answers, connect="")
    assert len(call.account.app.asked("/next")) == 1


def test_a_lost_connection_fails_the_session(tmp_path: Path) -> None:
    call = Call(tmp_path, lambda line, message: line.hang_up("broken", 1006), 20.0)
    over = call.over
    assert (over["SessionStatus"], over["ErrorCode"]) == ("failed", "64105")
    assert "WebSocket Ended" in over["ErrorMessage"]
    assert codes(call.account) == [64105]
    assert len(call.apps.lines) == 1, "it is not opened again"


def test_an_app_that_cannot_be_reached_fails_the_session(tmp_path: Path) -> None:
    refusal = StreamRefused("nothing listens there", "refused")
    call = Call(tmp_path, silent, 5.0, refusal=refusal)
    over = call.over
    assert (over["SessionStatus"], over["ErrorCode"]) == ("failed", "39001")
    assert over["SessionDuration"] == "0"
    assert codes(call.account) == [39001]


# -- what is wrong --------------------------------------------------------------------------

WRONG: list[Any] = [
    "no JSON",
    "[]",
    "null",
    "[" * 100_000,
    b"\x00\x01",
    {"foo": "bar"},
    {"type": ["text"]},
    {"type": "speak", "token": "x"},
    {"type": "text"},
    {"type": "text", "token": 5},
    {"type": "text", "token": "x", "last": "true"},
    {"type": "text", "token": "x", "interruptible": "maybe"},
    {"type": "text", "token": "x", "interruptible": 1},
    {"type": "text", "token": "x", "preemptible": "yes"},
    {"type": "text", "token": "x", "lang": 3},
    {"type": "play"},
    {"type": "play", "source": ""},
    {"type": "play", "source": "http://x/", "loop": -1},
    {"type": "play", "source": "http://x/", "loop": 1001},
    {"type": "play", "source": "http://x/", "loop": True},
    {"type": "sendDigits"},
    {"type": "sendDigits", "digits": "1a"},
    {"type": "sendDigits", "digits": ""},
    {"type": "language"},
    {"type": "language", "ttsLanguage": 5},
    {"type": "end", "handoffData": {"reason": "an object"}},
]


def test_each_wrong_message_is_told_and_the_session_goes_on(tmp_path: Path) -> None:
    def on(line: Line, message: Message) -> None:
        if message["type"] != "setup":
            return
        for each in WRONG:
            line.raw(each) if isinstance(each, str | bytes) else line.tell(each)
            line.tell({"type": "text", "token": ""})  # a right one between them

    call = Call(tmp_path, on, 2.0, SPEECH, 2.0, "hangup")
    told = [each["description"] for each in call.told("error")]
    assert len(told) == len(WRONG)
    assert all(each.startswith("Invalid message received: ") for each in told)
    assert all(len(each) < 400 for each in told)
    assert codes(call.account) == [64107] * len(WRONG)
    assert [each["voicePrompt"] for each in call.told("prompt")] == [SAID]
    assert call.over["SessionStatus"] == "completed"


def test_ten_wrong_messages_in_a_row_end_the_session(tmp_path: Path) -> None:
    app = says(*[{"foo": number} for number in range(12)])
    call = Call(tmp_path, app, 20.0)
    assert (call.line.closed, call.line.close_code) == (True, 1007)
    assert len(call.told("error")) == 10
    over = call.over
    assert (over["SessionStatus"], over["ErrorCode"]) == ("failed", "64105")
    assert codes(call.account) == [64107] * 10 + [64105]


def test_what_cannot_be_played_or_spoken_is_told(tmp_path: Path) -> None:
    app = says(
        {"type": "play", "source": f"{APP}/nothing.wav"},
        {"type": "play", "source": "http://example.com/far.wav"},
        text("Hello.", lang="xx-YY"),
        text("… !"),
    )
    call = Call(tmp_path, app, 4.0, "hangup")
    told = [each["description"] for each in call.told("error")]
    assert len(told) == 3
    assert "nothing.wav" in told[0]
    assert "example.com" in told[1]
    assert told[2].startswith("language")
    assert [each.text for each in call.session.log if each.kind == "text"] == ["Hello."]


def test_far_too_much_to_say_is_left_out(tmp_path: Path) -> None:
    def on(line: Line, message: Message) -> None:
        if message["type"] == "setup":
            line.tell(text("word " * 20_001))
            line.tell(text("Hello."))

    call = Call(tmp_path, on, 2.0, "hangup", attributes='interruptible="none"')
    assert any("left out" in each["description"] for each in call.told("error"))
    assert [each.text for each in call.session.log if each.kind == "text"] == ["Hello."]
    assert call.over["SessionStatus"] == "completed"


def test_attributes_without_effect_are_named(tmp_path: Path) -> None:
    attributes = 'hints="mediasim" speechModel="nova" debug="debugging" speechTimeout="soon"'
    inside = '<Language code="es-ES" speechModel="x"/>'
    call = Call(tmp_path, silent, 1.0, "hangup", attributes=attributes, inside=inside)
    said = [each.message_text for each in call.account.service.notifications]
    assert any("hints" in each for each in said)
    assert any("Language" in each and "speechModel" in each for each in said)
    assert any("debugging" in each for each in said)
    assert any("speechTimeout: expected auto or milliseconds" in each for each in said)


# -- events ---------------------------------------------------------------------------------


def test_events_are_told_where_they_are_asked_for(tmp_path: Path) -> None:
    attributes = 'debug="speaker-events tokens-played"'
    call = Call(tmp_path, echo, 1.0, SPEECH, 6.0, "hangup", attributes=attributes)
    told = [(each["name"], each["value"]) for each in call.told("info")]
    assert told == [
        ("clientSpeaking", "on"),
        ("clientSpeaking", "off"),
        ("agentSpeaking", "on"),
        ("tokensPlayed", f"You said {SAID}"),
        ("agentSpeaking", "off"),
    ]
    stamps = [each["ts"] for each in call.told("info") if "ts" in each]
    assert stamps == sorted(stamps)
    (tmp_path / "2").mkdir()
    assert not Call(tmp_path / "2", echo, 1.0, SPEECH, 6.0, "hangup").told("info")


def test_what_happens_is_in_the_calls_events(tmp_path: Path) -> None:
    call = Call(tmp_path, says(text(LONG)), 2.0, SPEECH, 3.0, "hangup")
    kinds = [each.kind for each in call.account.exchange.events.log]
    found = [each for each in kinds if each.startswith("relay.")]
    assert found == ["relay.started", "relay.interrupt", "relay.prompt", "relay.stopped"]


def test_the_same_call_gives_the_same_messages_and_samples(tmp_path: Path) -> None:
    calls = [
        Call(tmp_path / name, says(text(LONG)), 2.0, SPEECH, 3.0, "hangup", record=True)
        for name in "ab"
    ]
    assert calls[0].line.messages == calls[1].line.messages
    assert np.array_equal(calls[0].account.media(), calls[1].account.media())
