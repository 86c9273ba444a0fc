"""Media streams in tests: an app's conversation measured, in the sandbox and in simulated runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mediasim.testing import Mediasim, MediasimSandbox, Simulated

BOT = Path(__file__).parents[2] / "scenarios" / "bots" / "order_line.py"
TONE = {"tone": {"hz": 400, "for": "1s", "level": -12}}
SCRIPT = [{"pause": "2s"}, TONE, {"pause": "6s"}, TONE, {"pause": "1s"}]
"""It listens to the greeting, asks once, and then says something into silence."""


def a_bot(answers: int, *, after: int = 25, seconds: int = 2, greets: bool = False) -> Starlette:
    """An app: its TwiML leads to its own WebSocket, where it answers so many times, so many
    frames after the caller has stopped."""
    payload = "Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+P" * 166 * seconds

    async def voice(request: Request) -> Response:
        host = request.headers["host"]
        twiml = f'<Connect><Stream url="ws://{host}/media" name="bot"/></Connect>'
        return Response(f"<Response>{twiml}</Response>", media_type="text/xml")

    async def media(socket: WebSocket) -> None:
        await socket.accept()
        left, quiet, heard = answers, 0, False
        try:
            while True:
                message = json.loads(await socket.receive_text())
                if greets and message["event"] == "start":
                    said = {"streamSid": message["streamSid"], "media": {"payload": payload}}
                    await socket.send_text(json.dumps({"event": "media", **said}))
                if message["event"] != "media":
                    continue
                is_quiet = message["media"]["payload"].startswith("////////")
                quiet = quiet + 1 if is_quiet else 0
                heard = heard or not is_quiet
                if heard and left and quiet == after:
                    heard, left = False, left - 1
                    content = {"payload": payload}
                    message = {"streamSid": message["streamSid"], "media": content}
                    await socket.send_text(json.dumps({"event": "media", **message}))
        except WebSocketDisconnect:
            pass

    return Starlette(
        routes=[Route("/voice", voice, methods=["POST"]), WebSocketRoute("/media", media)]
    )


def failure(assertion: Callable[..., object], *args: Any, **keys: Any) -> str:
    with pytest.raises(AssertionError) as failed:
        assertion(*args, **keys)
    return str(failed.value)


def test_a_sandboxs_app_is_measured(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app(a_bot(1))
    call = mediasim_sandbox.call(script=[*SCRIPT, "hangup"])
    mediasim_sandbox.advance("4s")
    assert call.stream.status == "in-progress"
    mediasim_sandbox.run_until_idle()
    stream = call.stream
    assert (stream.name, stream.status, stream.error) == ("bot", "stopped", None)
    talk = stream.conversation
    assert talk.latencies_ms[1] is None, "it had nothing to say to the second"
    assert talk.latencies_ms[0] == pytest.approx(500, abs=60)
    assert talk.greeting_ms is not None
    assert talk.reactions_ms == []
    talk.assert_response("700ms", unanswered=1)
    talk.assert_talk_over(0)
    assert stream.figures().unanswered == 1
    message = failure(talk.assert_response, 9)
    assert "expected response: within 9s" in message
    assert "null: the app never answered what was said from" in message
    assert "caller ··" in message


def test_two_apps_that_call_each_other_are_both_measured(mediasim_sandbox: MediasimSandbox) -> None:
    desk, customer = "+14155550111", "+14155550112"
    mediasim_sandbox.app(a_bot(1, greets=True), number=desk)
    served = mediasim_sandbox.app(a_bot(2, after=40), number=customer)
    sid = mediasim_sandbox.client.calls.create(
        to=desk,
        from_=customer,
        url=f"{served.url}/voice",
        record=True,
        recording_channels="dual",
    ).sid
    mediasim_sandbox.advance("20s")
    mediasim_sandbox.client.calls(sid).update(status="completed")
    mediasim_sandbox.run_until_idle()

    by_direction = {call.direction: call for call in mediasim_sandbox.calls}
    calls, called = by_direction["outbound-api"], by_direction["inbound"]
    of_customer, of_desk = calls.stream.conversation, called.stream.conversation
    of_desk.assert_greeting("100ms")
    assert of_customer.latencies_ms == pytest.approx([800, 800], abs=60)
    assert of_desk.latencies_ms[0] == pytest.approx(500, abs=60)
    assert of_desk.latencies_ms[1] is None, "it had one answer"
    for each in (of_customer, of_desk):
        each.assert_talk_over(0)
    (recording,) = calls.recordings
    recording.assert_dual()
    recording.conversation().assert_response("1s")


def test_an_app_that_never_answers_has_no_latency(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app(a_bot(0))
    call = mediasim_sandbox.call(script=[*SCRIPT, "hangup"])
    mediasim_sandbox.run_until_idle()
    talk = call.stream.conversation
    assert talk.latencies_ms == [None, None]
    assert talk.greeting_ms is None
    assert talk.figures.worst_latency_ms is None
    for assertion in (
        talk.assert_greeting,
        talk.assert_response,
        talk.assert_barge_in,
        talk.assert_talk_over,
        talk.assert_dead_air,
    ):
        assert "found    null: the " in failure(assertion, "1h")


def test_a_recordings_conversation_is_the_streams(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app(a_bot(2))
    call = mediasim_sandbox.call(script=[*SCRIPT, "hangup"])
    mediasim_sandbox.advance("1s")
    mediasim_sandbox.client.calls(call.sid).recordings.create(recording_channels="dual")
    mediasim_sandbox.run_until_idle()
    (recording,) = call.recordings
    talk = recording.conversation()
    heard = call.stream.conversation.latencies_ms
    assert None not in heard
    assert [it for it in talk.latencies_ms if it is not None] == pytest.approx(heard, abs=20)
    talk.assert_response("700ms")
    assert "two channels; asked for 1 and 3" in failure(recording.conversation, app=3)


def test_a_call_without_streams_is_told(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app({"/voice": "<Pause length='1'/>"})
    call = mediasim_sandbox.call()
    mediasim_sandbox.run_until_idle()
    with pytest.raises(LookupError, match="there are: none"):
        assert call.stream
    mediasim_sandbox.app(
        {"/voice": '<Connect><Stream url="ws://127.0.0.1:9/"/></Connect>'}, number="+15005550001"
    )
    call = mediasim_sandbox.call(to="+15005550001")
    mediasim_sandbox.run_until_idle()
    words = failure(lambda: call.stream.conversation.assert_greeting(1))
    assert "never reached its app: 31902" in words


@pytest.fixture
def run(mediasim: Mediasim) -> Simulated:
    script = [
        {"wait_for": "other-stops"},
        {"say": "Where is my order?"},
        {"wait_for": {"speech": True}},
        {"pause": "1s"},
        {"say": "It is a present."},
        {"wait_for": {"speech": True}},
        {"wait_for": "other-stops"},
        "hangup",
    ]
    return mediasim.simulate(
        parties={"caller": {"script": script}},
        call={"from": "caller", "app": str(BOT), "recording": "dual"},
    )


def test_a_simulated_apps_conversation_is_measured(run: Simulated) -> None:
    talk = run.stream("main").conversation
    talk.assert_greeting("100ms")
    talk.assert_response("600ms")
    talk.assert_barge_in("300ms")
    talk.assert_talk_over("300ms")
    talk.assert_dead_air("1s")
    (reaction,) = talk.reactions_ms
    assert reaction is not None
    assert 0 < reaction <= 300
    assert [each["kind"] for each in run.stream().log].count("clear") == 1
    of_file = run.recording().conversation()
    assert of_file.latencies_ms == pytest.approx(talk.latencies_ms, abs=20)
    assert of_file.reactions_ms == pytest.approx(talk.reactions_ms, abs=20)
    message = failure(talk.assert_barge_in, "20ms")
    assert f"  found    {reaction} ms, at " in message
    app = message.splitlines()[6]
    assert app.startswith("  app    █")
    assert message.splitlines()[7].strip().startswith(("^ 0:0", "0:0"))
    with pytest.raises(LookupError, match="there are: main"):
        run.stream("other")
