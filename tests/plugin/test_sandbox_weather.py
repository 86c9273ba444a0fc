"""Bad weather in a sandbox: what the app meets, and what the delivery log says of it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator

from mediasim.documents.diagnostics import ScenarioError
from mediasim.testing import MediasimSandbox
from mediasim.testing.apps import ServedApp

VOICEMAIL = {
    "/voice": '<Record timeout="2" action="/bye" recordingStatusCallback="/recorded"/>',
    "/bye": "<Hangup/>",
    "/recorded": None,
    "/status": None,
}
SIGNATURE = "X-Twilio-Signature"
CALLER = [{"wait_for": "other-stops"}, {"say": "Please call me back."}]


def voicemail(sandbox: MediasimSandbox, **spell: Any) -> ServedApp:
    """A message is left in that weather."""
    app = sandbox.app(VOICEMAIL, status="/status")
    sandbox.call(script=CALLER)
    with sandbox.weather(**spell):
        sandbox.run_until_idle()
    return app


def told(app: ServedApp) -> list[str]:
    """The callbacks the app heard, in order."""
    return [each.path for each in app.asked if each.path in ("/recorded", "/status")]


def test_callbacks_come_twice(mediasim_sandbox: MediasimSandbox) -> None:
    app = voicemail(mediasim_sandbox, webhook_duplicate=2)
    assert told(app) == ["/status", "/status", "/recorded", "/recorded"]
    first, second = mediasim_sandbox.deliveries.of("recording-status")
    assert second.injected == ["duplicate 2 of 2"]
    assert second.duplicate_of == first.id
    tokens = {each.attempts[0].headers["I-Twilio-Idempotency-Token"] for each in (first, second)}
    assert len(tokens) == 1


def test_callbacks_are_dropped_by_kind(mediasim_sandbox: MediasimSandbox) -> None:
    app = voicemail(mediasim_sandbox, webhook_drop=True, only="recording-status")
    assert told(app) == ["/status"]
    (dropped,) = mediasim_sandbox.deliveries.injected
    assert (dropped.state, dropped.injected, dropped.attempts) == ("failed", ["dropped"], [])


def test_callbacks_are_late_and_hold_up_no_others(mediasim_sandbox: MediasimSandbox) -> None:
    app = voicemail(mediasim_sandbox, webhook_delay="20s", only="recording-status")
    assert told(app) == ["/status", "/recorded"]
    (late,) = mediasim_sandbox.deliveries.injected
    assert late.sent_ns == late.queued_ns + 20_000_000_000
    assert late.injected == ["delayed by 20 s"]


def test_callbacks_overtake_one_another(mediasim_sandbox: MediasimSandbox) -> None:
    app = voicemail(mediasim_sandbox, webhook_reorder=True)
    assert told(app) == ["/recorded", "/status"]
    (held,) = mediasim_sandbox.deliveries.injected
    assert held.injected == ["held back for the next one to overtake it"]


def test_nobody_to_overtake_it_a_callback_comes_late(mediasim_sandbox: MediasimSandbox) -> None:
    app = voicemail(mediasim_sandbox, webhook_reorder=True, only="recording-status", times=1)
    assert sorted(told(app)) == ["/recorded", "/status"]


def test_an_answer_is_lost_and_the_callback_comes_again(mediasim_sandbox: MediasimSandbox) -> None:
    app = voicemail(mediasim_sandbox, webhook_status=503, only="recording-status")
    assert told(app) == ["/status", "/recorded", "/recorded"]
    (delivery,) = mediasim_sandbox.deliveries.of("recording-status")
    assert [attempt.status for attempt in delivery.attempts] == [503, 204]
    assert delivery.attempts[0].injected == "the app's answer, 204, was lost"
    assert delivery.state == "delivered"


def test_a_callback_comes_before_the_answer(mediasim_sandbox: MediasimSandbox) -> None:
    app = mediasim_sandbox.app({"/status": None}, voice=None)
    number = mediasim_sandbox.party("bob", "Hello.")
    call: dict[str, Any] = {
        "to": number,
        "from_": "+15005550006",
        "twiml": "<Response><Hangup/></Response>",
        "status_callback": f"{app.url}/status",
        "status_callback_event": ["initiated", "answered", "completed"],
    }
    with mediasim_sandbox.weather(webhook_early=True):
        created = mediasim_sandbox.client.calls.create(**call)
        early = [each for each in app.asked if each.params["CallSid"] == created.sid]
    assert [each.params["CallStatus"] for each in early] == ["initiated"]
    (delivery,) = mediasim_sandbox.deliveries.injected
    assert delivery.injected == ["sent before the request that caused it was answered"]


def test_media_come_late_slowly_and_not_whole(mediasim_sandbox: MediasimSandbox) -> None:
    voicemail(mediasim_sandbox, webhook_duplicate=1)
    (recording,) = mediasim_sandbox.recordings
    with mediasim_sandbox.weather(media_missing="5s"):
        recording.assert_downloads(status=404)
        mediasim_sandbox.advance(5)
        recording.assert_downloads(channels=1)
    whole = recording.download().content
    with mediasim_sandbox.weather(media_truncated="50%"), pytest.raises(ConnectionError) as cut:
        recording.download()
    assert f"{len(whole) // 2:,} bytes" in str(cut.value)
    with mediasim_sandbox.weather(media_rate=4 * len(whole)):
        began = time.monotonic()
        assert recording.download().content == whole
        assert time.monotonic() - began > 0.2
    assert [each.injected for each in mediasim_sandbox.deliveries.injected] == [
        ["not found, 0 s after it was completed"],
        ["broken off after 50%"],
        [f"sent at {4 * len(whole)} bytes a second"],
    ]


def test_the_api_refuses_and_then_does_not(mediasim_sandbox: MediasimSandbox) -> None:
    client = mediasim_sandbox.client
    mediasim_sandbox.weather(api_status=429, url="/Calls", times=1)
    client.incoming_phone_numbers.list()
    with pytest.raises(TwilioException, match="20429"):
        client.calls.list()
    assert client.calls.list() == []
    (refused,) = mediasim_sandbox.deliveries.injected
    assert (refused.kind, refused.method, refused.injected) == (
        "api-request",
        "GET",
        ["answered 429"],
    )


def test_what_cannot_be_is_told(mediasim_sandbox: MediasimSandbox) -> None:
    with pytest.raises(ScenarioError, match="webhook_duplicates: unknown key"):
        mediasim_sandbox.weather(webhook_duplicates=2)
    with pytest.raises(ScenarioError, match="expected 429, or 500 to 599, found 450"):
        mediasim_sandbox.weather(api_status=450)
    with pytest.raises(ScenarioError, match="but not how"):
        mediasim_sandbox.weather(only="call-status")


# -- from a config, and by the control API ------------------------------------------------------


class TestFromOutside:
    """As other languages have it."""

    @pytest.fixture
    def mediasim_config(self) -> Mapping[str, Any]:
        return {"weather": {"webhook_duplicate": 3, "only": ["call-status"]}}

    def control(
        self, sandbox: MediasimSandbox, method: str, path: str, body: object = None
    ) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{sandbox.base_url}/_mediasim{path}", data, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def test_a_config_s_weather_is_there_from_the_start(
        self, mediasim_sandbox: MediasimSandbox
    ) -> None:
        status, found = self.control(mediasim_sandbox, "GET", "/weather")
        assert status == 200
        assert found == {"weather": [{"id": "1", "webhook_duplicate": 3, "kinds": ["call-status"]}]}

    def test_spells_begin_and_end_by_the_control_api(
        self, mediasim_sandbox: MediasimSandbox
    ) -> None:
        status, spell = self.control(mediasim_sandbox, "POST", "/weather", {"api_status": 503})
        assert (status, spell) == (201, {"id": "2", "api_status": 503})
        assert self.control(mediasim_sandbox, "DELETE", "/weather/1") == (204, None)
        assert self.control(mediasim_sandbox, "DELETE", "/weather/1")[0] == 404
        status, refusal = self.control(mediasim_sandbox, "POST", "/weather", {"api_stat": 503})
        assert status == 422
        assert "did you mean 'api_status'?" in refusal["error"]
        assert self.control(mediasim_sandbox, "DELETE", "/weather") == (204, None)
        assert self.control(mediasim_sandbox, "GET", "/weather")[1] == {"weather": []}


class Pairs(dict[str, str]):
    """A form as Django has it: of a repeated parameter all values can be had."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def getlist(self, name: str) -> list[str]:
        return [value for each, value in self.pairs if each == name]


SIGNED = {
    "plain": ((), (True, True), []),
    "sorted-query": ((), (False, False), ["the query was sorted after it was signed"]),
    "unescaped-query": (
        *((), (False, False)),
        ["the query was signed before its quotes, commas, colons and the like were escaped"],
    ),
    "unsigned-parameters": (
        *(("CallToken", "StirVerstat"), (True, True)),
        ["CallToken and StirVerstat are not signed"],
    ),
    "repeated-parameter": (
        *((), (True, False)),
        ["a parameter comes twice, with two values, both signed"],
    ),
    "duplicated-parameters": ((), (True, True), ["each parameter comes twice and is signed once"]),
    "port-added": ((), (True, True), []),  # this app's URL has a port already
    "port-removed": ((), (True, True), ["the signed URL lacks its port"]),
    "forged": ((), (False, False), ["it is signed with a token that is not the account's"]),
}
"""Parameters that an app has to leave out; whether Twilio's validator takes all values of a form,
and the last of each; what the delivery log says."""


def test_signatures_are_odd(mediasim_sandbox: MediasimSandbox) -> None:
    """Judged by Twilio's validator, which forgives a port there or not."""
    sandbox, validator = mediasim_sandbox, RequestValidator(mediasim_sandbox.auth_token)
    answers = {"/voice": "<Redirect>/next?b=it's&amp;a=1</Redirect>", "/next": "<Hangup/>"}
    app = sandbox.app({**answers, "/status": None}, status="/status")
    for oddity, (left_out, verdicts, words) in SIGNED.items():
        spell = {} if oddity == "plain" else {"webhook_signature": oddity}
        seen = len(sandbox.deliveries)
        sandbox.call(script=CALLER)
        with sandbox.weather(**spell) if spell else contextlib.nullcontext():
            sandbox.run_until_idle()
        voice, following, status = sandbox.deliveries[seen:]
        assert [each.kind for each in (voice, following, status)] == [
            "twiml",
            "twiml",
            "call-status",
        ]
        (attempt,) = following.attempts
        sent = parse_qsl(attempt.body, keep_blank_values=True)
        form = [pair for pair in sent if pair[0] not in left_out]
        assert (len(form) < len(sent)) is bool(left_out)
        signed = attempt.headers["X-Twilio-Signature"]
        found = tuple(
            validator.validate(attempt.url, kind, signed) for kind in (Pairs(form), dict(form))
        )
        assert (found, following.injected) == (verdicts, words), oddity
        if left_out:
            assert not validator.validate(attempt.url, Pairs(sent), signed)
        query = [name for name, _ in parse_qsl(attempt.url.partition("?")[2])]
        assert query == (["a", "b"] if oddity == "sorted-query" else ["b", "a"])
    assert app.asked[-1].path == "/status"


def test_oddities_of_signatures_add_up_and_are_scoped(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox, validator = mediasim_sandbox, RequestValidator(mediasim_sandbox.auth_token)
    sandbox.app({"/voice": "<Hangup/>", "/status": None}, status="/status?z=1&y=2", method="GET")
    odd = ["unsigned-parameters", "sorted-query", "repeated-parameter", "duplicated-parameters"]
    with sandbox.weather(webhook_signature=odd, only="call-status"):
        sandbox.call(script=CALLER)
        sandbox.run_until_idle()
    voice, status = sandbox.deliveries
    assert voice.injected == []
    assert validator.validate(voice.attempts[0].url, {}, voice.attempts[0].headers[SIGNATURE])
    assert len(status.injected) == 3  # what is in a URL is signed as often as it is sent
    query = parse_qsl(status.attempts[0].url.partition("?")[2])
    assert [value for name, value in query if name == "ApiVersion"] == ["2010-04-01", "2008-08-01"]
    assert ("StirVerstat", "TN-Validation-Passed-A") in query
    with pytest.raises(ScenarioError, match="sorted-query"):
        mediasim_sandbox.weather(webhook_signature="sorted")
