"""Requests that nobody would think of, made from Twilio's description: schemathesis asks, right and
wrong, and the sandbox answers each as Twilio would, or refuses it with a code.

The run is short and the same each time; ``MEDIASIM_FUZZ_EXAMPLES=5000`` makes it a long one,
with other examples each time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from api_description import check_response, description
from described_operations import operations, template_names
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged_client import judged_client
from number_plan import APP_NUMBER, number_plan
from sandbox_process import Sandbox, running_sandbox
from schemathesis import GenerationMode
from user_app import UserApp

_ASKED = os.environ.get("MEDIASIM_FUZZ_EXAMPLES", "")
EXAMPLES = int(_ASKED) if _ASKED else 60
"""Right requests, and as many wrong ones."""


@dataclass
class Target:
    """What is asked, and whose SIDs there are."""

    sandbox: Sandbox
    session: requests.Session
    operations: dict[str, Any]
    sids: list[str]


@pytest.fixture(scope="module")
def target(app_server: UserApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A sandbox with something of everything in it, whose time is as fast as it can be."""
    schema = schemathesis.openapi.from_dict(_served_description())
    found = {each.label: each for each in map(_right, schema.get_all_operations())}
    folder = tmp_path_factory.mktemp("fuzzed")
    config = number_plan(app_server.url)
    app_server.forget()
    app_server.replies["/voice"] = "<Sing/><Dial><Conference record='true'>room</Conference></Dial>"
    with (
        running_sandbox("--clock", "virtual", config=config, folder=folder) as sandbox,
        requests.Session() as session,
    ):
        session.auth = (sandbox.account_sid, sandbox.auth_token)
        session.trust_env = False
        for name in ("alice", "bob"):
            sandbox.call(APP_NUMBER, name)
        sandbox.run_out()
        client = judged_client(sandbox)
        lists = (client.calls, client.recordings, client.conferences, client.notifications)
        sids = [record.sid for each in lists for record in each.list()]
        sids += [client.queues.create(friendly_name="line").sid, client.applications.create().sid]
        yield Target(sandbox, session, found, sids)
        broken = [
            each.message_text for each in client.notifications.list() if each.error_code == "13000"
        ]
        assert broken == []


def _right(result: Any) -> Any:
    """An operation as schemathesis has read it; wrongly described ones fail here."""
    return result.ok()


def _served_description() -> dict[str, Any]:
    """The description with the served operations alone."""
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in operations():
        paths.setdefault(path, {})[method.lower()] = operation
    return {**description(), "paths": paths, "servers": []}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_any_request_is_answered_or_refused(target: Target, mode: GenerationMode) -> None:
    asked = {
        name: operation.as_strategy(generation_mode=mode)
        for name, operation in target.operations.items()
    }
    account = st.sampled_from([target.sandbox.account_sid] * 8 + ["AC" + "0" * 32])
    known = st.sampled_from(target.sids)

    @settings(
        max_examples=EXAMPLES,
        derandomize=not _ASKED,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(name=st.sampled_from(sorted(asked)), data=st.data())
    def ask(name: str, data: st.DataObject) -> None:
        case = data.draw(asked[name])
        for part in template_names(case.path):
            if part == "AccountSid" or case.path.endswith("Accounts/{Sid}.json"):
                case.path_parameters[part] = data.draw(account)
            elif data.draw(st.booleans()):
                case.path_parameters[part] = data.draw(known)
        judge(case.call(base_url=target.sandbox.url, session=target.session))

    ask()


def judge(response: Any) -> None:
    """It is an answer of the shape described, or an error as all of Twilio's are."""
    status, path = response.status_code, urlsplit(response.request.url).path
    assert status < 500, response.content[:500]
    if status == 204:
        assert response.content == b""
        return
    if path.endswith(".json"):
        check_response(response.request.method, path, status, json.loads(response.content))


def test_the_sandbox_has_lived_through_it(target: Target) -> None:
    health = target.sandbox.control("GET", "/health")
    assert health["status"] == "ok"
    assert target.sandbox.output() == ""
    listed = target.session.get(target.sandbox.account_url("/Recordings.json"))
    assert listed.status_code == 200
