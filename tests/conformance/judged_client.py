"""Twilio's Python SDK, pointed at a sandbox; each answer is held against Twilio's description."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from api_description import check_response
from sandbox_process import Sandbox
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

__all__ = ["judged_client"]


class _Judging(TwilioHttpClient):  # type: ignore[misc]
    """The SDK's own way to send requests, and a look at what comes back."""

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        response = super().request(method, url, *args, **options)
        if response.status_code == 204:
            assert response.text == ""
            body = None
        else:
            assert response.headers["Content-Type"] == "application/json"
            body = json.loads(response.text)
        check_response(method, urlsplit(url).path, response.status_code, body)
        return response


def judged_client(sandbox: Sandbox, username: str = "", password: str = "") -> Client:
    """A client with the account's credentials, or with others for the same account."""
    client = Client(
        username or sandbox.account_sid,
        password or sandbox.auth_token,
        sandbox.account_sid,
        http_client=_Judging(timeout=30),
    )
    client.api.base_url = sandbox.url
    return client
