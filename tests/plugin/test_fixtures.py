"""The fixtures, in plain tests and in those on a loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mediasim.documents.diagnostics import ScenarioError
from mediasim.testing import Mediasim, MediasimSandbox

SCENARIO: dict[str, Any] = {
    "parties": {"alice": {"script": [{"say": "Hello."}, "hangup"]}, "bob": {}},
    "call": {"from": "alice", "to": "bob", "recordings": [{"name": "both", "channels": "dual"}]},
}
MESSAGE = [{"wait_for": {"quiet": "1s"}}, {"say": "Please call me back."}]
VOICEMAIL = {"/voice": '<Say>Hello.</Say><Record timeout="2" action="/bye"/>', "/bye": "<Hangup/>"}


# -- mediasim -----------------------------------------------------------------------------------


def test_a_scenario_is_simulated_as_dict_parts_or_file(mediasim: Mediasim, tmp_path: Path) -> None:
    by_dict, by_parts = mediasim.simulate(SCENARIO), mediasim.simulate(**SCENARIO)
    file = tmp_path / "hello.yaml"
    file.write_text(
        "parties: {alice: {script: [{say: Hello.}, hangup]}, bob: {}}\n"
        "call: {from: alice, to: bob, recordings: [{name: both, channels: dual}]}\n"
        "expect: [{channels: 2}, {channels: 1}]\n"
    )
    by_file = mediasim.simulate(file)
    for run in (by_dict, by_parts, by_file):
        (recording,) = run.recordings
        assert recording.name == "both"
        assert recording.pcm.shape[0] == 2
        assert recording.truth.channels[0].intervals[0].text == "Hello."
        assert recording.download().pcm.shape == recording.pcm.shape
        assert run.calls[0].status == "completed"
    by_dict.assert_ok()
    assert by_dict.recording("both").sid == by_parts.recording().sid
    with pytest.raises(AssertionError, match=r"channels: expected is 1, found 2"):
        by_file.assert_ok()
    with pytest.raises(LookupError, match="there is no recording tape; there are: both"):
        by_file.recording("tape")


def test_a_wrong_scenario_is_told(mediasim: Mediasim) -> None:
    with pytest.raises(ScenarioError, match="did you mean 'parties'"):
        mediasim.simulate(party={})
    with pytest.raises(TypeError, match="found neither"):
        mediasim.simulate()


async def test_on_a_loop_a_simulation_is_awaited(mediasim: Mediasim) -> None:
    runs = await asyncio.gather(mediasim.simulate(SCENARIO), mediasim.simulate(SCENARIO))
    assert runs[0].recording().sid == runs[1].recording().sid
    mediasim.simulate(SCENARIO).recording().assert_heard("alice", channel=1)
    wrong = mediasim.simulate("no-such-file.yaml")
    with pytest.raises(ScenarioError, match="no-such-file"):
        await wrong


# -- mediasim_sandbox ---------------------------------------------------------------------------


def test_a_call_waits_for_time_to_pass(mediasim_sandbox: MediasimSandbox) -> None:
    app = mediasim_sandbox.app(VOICEMAIL)
    call = mediasim_sandbox.call(script=MESSAGE)
    assert call.status == "ringing"
    mediasim_sandbox.advance(2)
    assert call.status == "in-progress"
    mediasim_sandbox.run_until_idle()
    assert call.status == "completed"
    assert [each.path for each in app.asked] == ["/voice", "/bye"]
    (recording,) = call.recordings
    recording.assert_heard("caller", 1, "call me back")
    recording.assert_aligned()
    assert [each.status for each in mediasim_sandbox.client.calls.list()] == ["completed"]


def test_a_party_is_made_to_act(mediasim_sandbox: MediasimSandbox) -> None:
    menu = '<Gather numDigits="1" action="/chosen" timeout="60"/>'
    app = mediasim_sandbox.app({"/voice": menu, "/chosen": "<Pause length='30'/>"})
    call = mediasim_sandbox.call()
    mediasim_sandbox.advance("5s")
    call.press("7")
    mediasim_sandbox.advance("5s")
    assert app.asked[-1].params["Digits"] == "7"
    call.hang_up()
    mediasim_sandbox.advance("5s")
    assert call.status == "completed"


@pytest.mark.parametrize("dial", ["<Number>{bob}</Number>", "<Conference>us</Conference>"])
def test_a_party_holds_and_comes_back(mediasim_sandbox: MediasimSandbox, dial: str) -> None:
    """Told one thing after the other, it still knows whom it holds."""
    bob = mediasim_sandbox.party("bob", [{"pause": "60s"}])
    twiml = f"<Dial>{dial.format(bob=bob)}</Dial>"
    mediasim_sandbox.app({"/voice": twiml})
    call = mediasim_sandbox.call()
    if "Conference" in dial:
        mediasim_sandbox.call("bob")
    mediasim_sandbox.advance("3s")
    call.act("hold")
    mediasim_sandbox.advance("3s")
    call.act("resume")
    mediasim_sandbox.advance("9s")
    kinds = [event.kind for event in mediasim_sandbox.service.exchange.events.log]
    assert [kind for kind in kinds if kind in ("call.held", "call.resumed")] == [
        "call.held",
        "call.resumed",
    ]
    call.hang_up()
    mediasim_sandbox.run_until_idle()


def test_what_never_ends_is_told(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app({"/voice": "<Pause length='600'/>"})
    call = mediasim_sandbox.call()
    with pytest.raises(AssertionError, match=f"after 60s it is not over: {call.sid} from"):
        mediasim_sandbox.run_until_idle("1m")


def test_who_calls_whom_must_be_clear(mediasim_sandbox: MediasimSandbox) -> None:
    with pytest.raises(ValueError, match="register one with app"):
        mediasim_sandbox.call()
    with pytest.raises(ScenarioError, match="unknown step"):
        mediasim_sandbox.party("bob", [{"sing": "la"}])
    with pytest.raises(TypeError, match="found int"):
        mediasim_sandbox.app(7)


class TestWithAPlan:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        return {"parties": {"bob": {"answer": "busy"}}, "account": {"sid": "AC" + "0" * 32}}

    def test_parties_of_the_plan_and_others_are_called(
        self, mediasim_sandbox: MediasimSandbox
    ) -> None:
        assert mediasim_sandbox.account_sid == "AC" + "0" * 32
        number = mediasim_sandbox.party("carol", "Hello.", answer="3s")
        create = mediasim_sandbox.client.calls.create
        hang_up = "<Response><Pause length='2'/><Hangup/></Response>"
        for to in ("client:bob", number, "client:carol"):
            create(to=to, from_="+15005550006", twiml=hang_up)
        mediasim_sandbox.run_until_idle()
        statuses = [call.status for call in mediasim_sandbox.calls]
        assert statuses == ["busy", "completed", "completed"]


def test_its_environment_points_an_app_at_it(mediasim_sandbox: MediasimSandbox) -> None:
    environment = mediasim_sandbox.environment
    assert environment["MEDIASIM_BASE_URL"] == mediasim_sandbox.base_url
    assert environment["TWILIO_ACCOUNT_SID"] == mediasim_sandbox.account_sid
    assert environment["TWILIO_AUTH_TOKEN"] == mediasim_sandbox.auth_token


async def test_on_a_loop_time_is_awaited_and_the_loop_may_serve_the_app(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.split()[1])
        body = b"<Response><Say>Hello.</Say></Response>"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        mediasim_sandbox.app(f"http://127.0.0.1:{port}")
        call = mediasim_sandbox.call()
        await mediasim_sandbox.advance(1)
        await mediasim_sandbox.run_until_idle()
    assert asked == ["/voice"]
    assert call.status == "completed"


def test_apps_are_asgi_wsgi_or_answers(mediasim_sandbox: MediasimSandbox) -> None:
    async def by_asgi(request: Request) -> Response:
        form = await request.form()
        return Response(f"<Response><Say>{form['To']}</Say></Response>", media_type="text/xml")

    def by_wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [b"<Response><Pause/></Response>"]

    asgi = Starlette(routes=[Route("/voice", by_asgi, methods=["POST"])])
    mediasim_sandbox.app(asgi, number="+15005550001")
    mediasim_sandbox.app(by_wsgi, number="+15005550002")
    answers = {"/voice": lambda asked: f"<Say>{asked.params['From']}</Say>"}
    mediasim_sandbox.app(answers, number="+15005550003")
    for number in range(1, 4):
        mediasim_sandbox.call(to=f"+1500555000{number}")
    mediasim_sandbox.run_until_idle()
    assert [call.status for call in mediasim_sandbox.calls] == ["completed"] * 3
    assert {each.attempts[-1].response_body for each in mediasim_sandbox.deliveries} == {
        "<Response><Say>+15005550001</Say></Response>",
        "<Response><Pause/></Response>",
        "<Response><Say>+14155550123</Say></Response>",
    }


# -- what was said and heard --------------------------------------------------------------------


def test_a_call_knows_whom_it_is_between_and_the_last_words(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    bob = mediasim_sandbox.party("bob", [{"say": "Bob here."}, {"wait_for": "other-stops"}])
    mediasim_sandbox.app({"/voice": f"<Say>One moment, please.</Say><Dial>{bob}</Dial>"})
    call = mediasim_sandbox.call(
        script=[{"wait_for": "other-stops"}, {"wait_for": "other-stops"}, {"say": "Good bye Bob."}]
    )
    assert (call.said, call.heard) == ("", "")
    mediasim_sandbox.advance("300ms")
    assert (call.said, call.heard) == ("", "One")
    mediasim_sandbox.run_until_idle()
    first, second = mediasim_sandbox.calls
    assert (first.from_, first.to, first.direction) == (
        "+14155550123",
        "+15005550006",
        "inbound",
    )
    assert (second.to, second.direction) == (bob, "outbound-dial")
    assert (first.said, first.heard) == ("Good bye Bob.", "Bob here.")
    assert (second.said, second.heard) == ("Bob here.", "Good bye Bob.")


def test_the_last_words_heard_in_a_conference(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app({"/voice": "<Dial><Conference>us</Conference></Dial>"})
    anna = mediasim_sandbox.call(script=[{"pause": "3s"}, {"say": "Anna speaks."}, {"pause": "9s"}])
    carl = mediasim_sandbox.call("+14155550199", script=[{"pause": "8s"}, {"say": "Carl does."}])
    mediasim_sandbox.advance("6s")
    assert (anna.said, carl.said, anna.heard, carl.heard) == (
        "Anna speaks.",
        "",
        "",
        "Anna speaks.",
    )
    mediasim_sandbox.advance("6s")
    assert (anna.heard, carl.heard) == ("Carl does.", "Anna speaks.")
    anna.hang_up()
    carl.hang_up()
    mediasim_sandbox.run_until_idle()


def test_the_calls_of_a_run_know_their_words(mediasim: Mediasim) -> None:
    run = mediasim.simulate(SCENARIO)
    alice, bob = run.calls
    assert (alice.said, alice.heard) == ("Hello.", "")
    assert (bob.said, bob.heard) == ("", "Hello.")
    assert alice.direction == "inbound"
    assert bob.parent_call_sid == alice.sid
    assert [each.status for each in run.calls] == ["completed", "completed"]
