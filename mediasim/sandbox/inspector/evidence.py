"""A delivery, and how its signature came about: what an app has to compute to check it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from mediasim.twilio.webhooks import Delivery
from mediasim.twilio.webhooks.address import signature

__all__ = ["evidence"]


def evidence(delivery: Delivery, auth_token: str, seen_as: str | None = None) -> dict[str, Any]:
    """The log's entry and the check of its last request.

    ``seen_as`` is the URL as the app has it, behind a proxy for one: the check is then of that.
    """
    return {"delivery": delivery.to_json(), "signature": _check(delivery, auth_token, seen_as)}


def _check(delivery: Delivery, auth_token: str, seen_as: str | None) -> dict[str, Any] | None:
    if not delivery.attempts:
        return None
    sent = delivery.attempts[-1]
    form = sent.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    params = parse_qsl(sent.body, keep_blank_values=True) if form else []
    url = seen_as or sent.url
    header = sent.headers.get("X-Twilio-Signature", "")
    expected = signature(auth_token, url, params)
    return {
        "header": header,
        "url": url,
        "params": sorted(set(params)),
        "expected": expected,
        "matches": header == expected,
    }
