"""Twilio's own SDK, pointed at a sandbox."""

from __future__ import annotations

from typing import Any

__all__ = ["sdk_client"]


def sdk_client(base_url: str, account_sid: str, auth_token: str) -> Any:
    """A ``twilio.rest.Client``. Raises RuntimeError where the SDK is not installed."""
    try:
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client
    except ImportError:
        raise RuntimeError(
            "mediasim_sandbox.client is Twilio's SDK, which is not installed: pip install twilio"
        ) from None
    client = Client(account_sid, auth_token, http_client=TwilioHttpClient(timeout=60))
    client.api.base_url = base_url
    return client
