"""What is refused, as the official Python SDK tells of it: status and code of the exception."""

from __future__ import annotations

from typing import Any

import pytest
from judged_client import judged_client
from number_plan import APP_NUMBER, QUIET
from sandbox_process import Sandbox
from sdk_refusals import refused
from twilio.rest import Client

NOBODY = "CA" + "0" * 32


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"to": "+15005550001"}, 21217),
        ({"to": "+15005550002"}, 21214),
        ({"to": "+15005550003"}, 21215),
        ({"to": "+15005550004"}, 21216),
        ({"to": "nobody"}, 21211),
        ({"to": "1" * 600}, 21211),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "nobody"}, 21212),
        ({"twiml": None, "url": "nowhere"}, 21205),
        ({"twiml": None, "url": "file:///etc/passwd"}, 21205),
        ({"twiml": None}, 21205),
        ({"twiml": None, "application_sid": "AP" + "0" * 32}, 21218),
        ({"method": "BREW"}, 21209),
        ({"send_digits": "call me"}, 21206),
    ],
)
def test_wrong_parameters(client: Client, params: dict[str, Any], code: int) -> None:
    right = {"to": QUIET, "from_": APP_NUMBER, "twiml": "<Response/>"}
    asked = {name: value for name, value in {**right, **params}.items() if value is not None}
    assert refused(client.calls.create, **asked) == (400, code)
    assert client.calls.list() == []


def test_unknown_sids(client: Client) -> None:
    call = client.calls(NOBODY)
    for work in (call.fetch, call.update, call.delete, call.recordings.list, call.events.list):
        assert refused(work) == (404, 20404)


def test_wrong_credentials(sandbox: Sandbox) -> None:
    stranger = judged_client(sandbox, password="wrong")
    assert refused(stranger.calls.list) == (401, 20003)
    assert refused(judged_client(sandbox, username="AC" + "0" * 32).calls.list) == (401, 20003)
    other = Client(sandbox.account_sid, sandbox.auth_token, "AC" + "1" * 32)
    other.api.base_url = sandbox.url
    assert refused(other.calls.list) == (401, 20003)
