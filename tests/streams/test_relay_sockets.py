"""ConversationRelay over real WebSockets: the examples, in pytest, in scenarios; hostile apps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import order_desk
import pytest
import storyteller
import word_echo
from app_sockets import Sockets, sockets
from websockets.asyncio.server import ServerConnection

from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.running.runner import run_scenario
from mediasim.testing import MediasimSandbox
from mediasim.truth.analysis.transcription import plain_words
from mediasim.twilio.relay.session import RelaySession

AFTER = '<Response><Pause length="9"/></Response>'
BOTS = Path(__file__).parents[2] / "scenarios" / "bots"


@pytest.fixture(scope="module")
def apps() -> Iterator[Sockets]:
    with sockets(echo=word_echo.echo, order=order_desk.answer, story=storyteller.tell) as found:
        yield found


def connected(sandbox: MediasimSandbox, url: str, attributes: str = "") -> None:
    noun = f'<ConversationRelay url="{url}" {attributes}/>'
    connect = f'<Connect action="/over">{noun}</Connect>'
    record = "<Start><Recording/></Start>"
    documents = {"/voice": f"<Response>{record}{connect}</Response>", "/over": AFTER}
    sandbox.app(documents)


def over(sandbox: MediasimSandbox) -> dict[str, str]:
    (request,) = (each for each in sandbox.deliveries if each.url.endswith("/over"))
    return request.form


# -- the examples ---------------------------------------------------------------------------


def test_an_echo_in_words(mediasim_sandbox: MediasimSandbox, apps: Sockets) -> None:
    connected(mediasim_sandbox, f"{apps.url}/echo")
    said = "Is my order on its way?"
    script = [{"pause": "1s"}, {"say": said}, {"wait_for": "other-stops"}, "hangup"]
    call = mediasim_sandbox.call(script=script)
    mediasim_sandbox.run_until_idle()
    relay = call.relay
    assert [each.text for each in relay.prompts] == [said]
    assert plain_words(call.heard) == plain_words(f"You said: {said}")
    assert relay.session_status == "completed"
    relay.conversation.assert_response("1s")
    relay.conversation.assert_talk_over(0)
    transcript = call.recordings[0].transcript()
    assert [each.party for each in transcript.utterances] == ["caller", None]
    assert plain_words(transcript.of_channel(2).text) == plain_words(f"You said: {said}")


def test_an_order_line_hands_over(mediasim_sandbox: MediasimSandbox, apps: Sockets) -> None:
    attributes = 'dtmfDetection="true" welcomeGreeting="What is the number of your order?"'
    connected(mediasim_sandbox, f"{apps.url}/order", attributes)
    script: list[Any] = [
        {"wait_for": "other-stops"},
        {"say": "It is four seven one one."},
        {"wait_for": "other-stops"},
        {"dtmf": "1234"},
        {"wait_for": "other-stops"},
        {"say": "I want to talk to a person."},
        {"pause": "9s"},
        "hangup",
    ]
    call = mediasim_sandbox.call(script=script)
    mediasim_sandbox.run_until_idle()
    told = [each["text"] for each in call.relay.log if each["kind"] == "text"]
    assert told == [
        "What is the number of your order?",
        "It left this morning.",
        "Anything else?",
        "It is being packed.",
        "Anything else?",
    ]
    assert json.loads(call.relay.handoff_data or "") == {"reason": "asked for a person"}
    assert over(mediasim_sandbox)["HandoffData"] == call.relay.handoff_data
    assert over(mediasim_sandbox)["SessionStatus"] == call.relay.session_status == "ended"
    call.relay.conversation.assert_greeting("40ms")
    call.relay.conversation.assert_dead_air("3s")


def test_a_storyteller_goes_on_where_it_was_stopped(
    mediasim_sandbox: MediasimSandbox, apps: Sockets
) -> None:
    connected(mediasim_sandbox, f"{apps.url}/story")
    script = [
        {"pause": "3s"},
        {"say": "Wait a moment."},
        {"pause": "4s"},
        {"say": "Stop it, please."},
        {"pause": "5s"},
        "hangup",
    ]
    call = mediasim_sandbox.call(script=script)
    mediasim_sandbox.run_until_idle()
    first, second = call.relay.interrupts
    assert storyteller.STORY.startswith(first.heard)
    assert storyteller.STORY.removeprefix(first.heard).strip().startswith(second.heard)
    assert first.duration_ms == pytest.approx(3200, abs=200)
    assert call.relay.session_status == "ended"
    call.relay.conversation.assert_barge_in("250ms")
    # What the caller heard of the story, word by word, is in the recording.
    heard = call.recordings[0].transcript().of_channel(2).text
    assert heard == f"{first.heard} {second.heard}"


def test_relays_are_listed_and_drawn_beside_streams(
    mediasim_sandbox: MediasimSandbox, apps: Sockets
) -> None:
    connected(mediasim_sandbox, f"{apps.url}/echo")
    call = mediasim_sandbox.call(
        script=[{"pause": "1s"}, {"say": "Hello."}, {"pause": "4s"}, "hangup"]
    )
    mediasim_sandbox.run_until_idle()
    control = f"{mediasim_sandbox.base_url}/_mediasim"
    (listed,) = httpx2.get(f"{control}/streams", params={"call": call.sid}).json()["streams"]
    assert (listed["kind"], listed["session_status"]) == ("relay", "completed")
    assert [each["text"] for each in listed["prompts"]] == ["Hello."]
    (drawn,) = httpx2.get(f"{control}/inspector/calls/{call.sid}").json()["streams"]
    assert (drawn["kind"], drawn["direction"]) == ("relay", "both")
    kinds = [each["kind"] for each in drawn["log"]]
    assert kinds == ["prompt", "text"]
    assert drawn["app"]
    assert drawn["responses"]


# -- hostile apps ---------------------------------------------------------------------------


async def _floods(call: ServerConnection) -> None:
    """Far more messages than can be spoken, without reading any."""
    for number in range(5000):
        message = {"type": "text", "token": "and so on ", "last": number % 50 == 0}
        await call.send(json.dumps(message))
    await call.wait_closed()


async def _babbles(call: ServerConnection) -> None:
    """Noise of all kinds, by a generator of its own."""
    draw = np.random.default_rng(7)
    kinds: list[Any] = ["text", "play", "sendDigits", "language", "end", "", None, 5, [], {}]
    fields = ["token", "last", "source", "loop", "digits", "ttsLanguage", "lang", "preemptible"]
    values = ["x", "", 1, -1, 1e308, None, True, [], {}, "\u0000", "é" * 1000, "Hello. "]
    for _ in range(400):
        message = {
            name: values[draw.integers(len(values))] for name in fields if draw.random() < 0.5
        }
        message["type"] = (
            kinds[draw.integers(4)] if draw.random() < 0.7 else kinds[draw.integers(4, 10)]
        )
        if message["type"] == "end":
            continue
        text = json.dumps(message)
        cut = int(draw.integers(len(text))) if draw.random() < 0.2 else len(text)
        await call.send(text[:cut] if draw.random() < 0.95 else text[:cut].encode())
    await call.wait_closed()


async def _vanishes(call: ServerConnection) -> None:
    await call.recv()
    call.transport.abort()


async def _breaks(call: ServerConnection) -> None:
    await call.recv()
    call.transport.write(b"\xff" * 64)
    await call.wait_closed()


@pytest.mark.parametrize("app", [_floods, _babbles, _vanishes, _breaks])
def test_no_app_stops_a_call(mediasim_sandbox: MediasimSandbox, apps: Sockets, app: Any) -> None:
    apps.handlers["/hostile"] = app
    connected(mediasim_sandbox, f"{apps.url}/hostile", 'interruptible="none"')
    script = [{"pause": "1s"}, {"say": "Is anybody there?"}, {"pause": "2s"}, "hangup"]
    call = mediasim_sandbox.call(script=script)
    mediasim_sandbox.run_until_idle()
    assert call.status == "completed"
    assert call.relay.session_status in ("completed", "failed")
    (recording,) = call.recordings
    recording.assert_heard("caller", channel=1, text="anybody")


# -- in a scenario --------------------------------------------------------------------------


def test_a_scenarios_app_may_be_a_relay_and_is_the_same_every_time(mediasim: Any) -> None:
    scenario: dict[str, Any] = {
        "parties": {
            "caller": {
                "recogniser": {"like": "realistic", "word_error_rate": 0},
                "script": [
                    {"wait_for": "other-stops"},
                    {"say": "I would like to know where my order is."},
                    {"wait_for": {"speech": True}},
                    {"pause": "1s"},
                    {"say": "Good bye."},
                    {"wait_for": {"speech": True}},
                    {"wait_for": "other-stops"},
                    "hangup",
                ],
            }
        },
        "call": {
            "from": "caller",
            "app": {
                "bot": str(BOTS / "word_desk.py"),
                "relay": {"welcomeGreeting": "Good morning."},
            },
            "recording": "dual",
        },
        "expect": [
            {"greeting": "100ms"},
            {"response": "1500ms"},
            {"dead_air": "2s"},
            {"barge_in": "250ms"},
            {"talk_over": "250ms"},
        ],
    }
    runs = [mediasim.simulate(scenario) for _ in range(2)]
    assert [run.result.ok for run in runs] == [True, True], runs[0].result.verdicts
    relay = runs[0].relay()
    assert [each.text for each in relay.prompts] == [
        "I would like to know where my order is.",
        "Good bye.",
    ]
    heard = runs[0].recording().transcript().of_channel(2).text
    assert heard == f"Good morning. {relay.interrupts[0].heard} Good bye."
    first, second = (run.recording().pcm for run in runs)
    assert np.array_equal(first, second)


@pytest.mark.realtime
def test_a_relay_by_the_wall_clock(tmp_path: Path) -> None:
    scenario = parse_scenario(
        {
            "parties": {
                "caller": {
                    "script": [{"say": "Good bye."}, {"wait_for": "other-stops"}, "hangup"],
                }
            },
            "call": {"from": "caller", "app": {"bot": str(BOTS / "word_desk.py"), "relay": {}}},
        }
    )
    relay = run_scenario(scenario, tmp_path, realtime=True).streams["main"]
    assert isinstance(relay, RelaySession)
    assert [each.text for each in relay.prompts] == ["Good bye."]
    assert [each.text for each in relay.log if each.kind == "text"] == ["Good bye."]
    (response,) = relay.figures().responses
    assert response.latency_ms is not None
    assert response.latency_ms > 700


def test_a_bot_beside_a_bot(mediasim_sandbox: MediasimSandbox, apps: Sockets) -> None:
    """One app calls another through the account's own numbers: both hear words."""

    async def asks(call: ServerConnection) -> None:
        async for text in call:
            message = json.loads(text)
            if message["type"] == "prompt":
                end = "left this morning" in message["voicePrompt"]
                reply = (
                    {"type": "end"}
                    if end
                    else {"type": "text", "token": "Four seven one one.", "last": True}
                )
                await call.send(json.dumps(reply))

    apps.handlers["/asks"] = asks
    sandbox = mediasim_sandbox
    greeting = 'welcomeGreeting="Your order number, please?"'
    desk = f'<Connect><ConversationRelay url="{apps.url}/order" {greeting}/></Connect>'
    sandbox.app({"/voice": f"<Response>{desk}</Response>"}, number="+15005550006")
    sandbox.app({"/voice": "<Response/>"}, number="+15005550007")
    asker = f'<Connect><ConversationRelay url="{apps.url}/asks"/></Connect>'
    placed = sandbox.client.calls.create(
        to="+15005550006",
        from_="+15005550007",
        record=True,
        recording_channels="dual",
        twiml=f"<Response>{asker}</Response>",
    )
    sandbox.run_until_idle()
    outgoing, incoming = sandbox.calls
    assert outgoing.sid == placed.sid
    told = [[each.text for each in call.relay.prompts] for call in (outgoing, incoming)]
    assert told[0][0] == "Your order number, please?"
    assert told[1] == ["Four seven one one."]
    assert " ".join(told[0][1:]) == "It left this morning. Anything else?"
    assert [call.relay.session_status for call in (outgoing, incoming)] == ["ended", "completed"]
    incoming.relay.conversation.assert_response("1500ms")
    (recording,) = outgoing.recordings
    recording.assert_dual()
    heard = recording.transcript()
    said = {each.channel: heard.of_channel(each.channel).text for each in heard.utterances}
    assert set(said.values()) == {
        "Your order number, please? It left this morning. Anything else?",
        "Four seven one one.",
    }
