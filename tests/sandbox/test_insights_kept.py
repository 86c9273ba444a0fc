"""Voice Insights outlive their process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from twilio.rest import Client

from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings

PLAN = """
numbers: {+14155550100: {twiml: "<Response/>"}}
parties:
  alice:
    number: +14155550101
    network: {loss: 20%}
    script: [{say: "Hello, is anybody there?"}, {pause: 2s}, hangup]
"""


def client_of(sandbox: EmbeddedSandbox) -> Client:
    account = sandbox.sandbox.service.account
    client = Client(account.sid, account.auth_token)
    client.api.base_url = client.insights.base_url = sandbox.base_url
    return client


def let_pass(sandbox: EmbeddedSandbox, time: str) -> None:
    body = json.dumps({"by": time}).encode()
    request = Request(f"{sandbox.base_url}/_mediasim/clock/advance", body, method="POST")
    with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
        assert answer.status == 200


def facts(client: Client, sid: str) -> dict[str, Any]:
    call = client.insights.v1.calls(sid)
    shown = call.summary().fetch()
    (named,) = client.insights.v1.conferences.list()
    (part,) = named.conference_participants.list()
    return {
        "tags": shown.tags,
        "edge": shown.carrier_edge,
        "times": (shown.start_time, shown.end_time, shown.properties),
        "events": [(each.timestamp, each.name) for each in call.events.list()],
        "score": call.annotation().fetch().call_score,
        "part": (part.participant_sid, part.join_time, part.leave_time, part.metrics),
        "tagged": named.tags,
    }


def test_measures_and_annotations_are_there_again(tmp_path: Path) -> None:
    settings = Settings(
        config=parse_config(PLAN, base=tmp_path), clock="manual", data=tmp_path / "data"
    )
    with EmbeddedSandbox(settings) as sandbox:
        client = client_of(sandbox)
        twiml = "<Response><Dial><Conference>room</Conference></Dial></Response>"
        made = client.calls.create(to="+14155550101", from_="+14155550100", twiml=twiml)
        assert made.sid is not None
        let_pass(sandbox, "30s")
        client.insights.v1.calls(made.sid).annotation().update(call_score=1)
        before = facts(client, made.sid)
    assert before["tags"] == ["high_packet_loss"]
    assert "no_concurrent_participants" in before["tagged"]
    with EmbeddedSandbox(settings) as sandbox:
        client = client_of(sandbox)
        assert facts(client, made.sid) == before
        client.calls(made.sid).delete()
        assert client.insights.v1.call_summaries.list() == []
