"""The HTTP request that Twilio would make: parameters, headers, signature."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from mediasim.twilio.ports import HttpRequest
from mediasim.twilio.signature import signature
from mediasim.twilio.webhooks.address import Address

__all__ = ["outgoing"]

_USER_AGENT: Final = "TwilioProxy/1.1"
_FORM: Final = "application/x-www-form-urlencoded; charset=UTF-8"


def outgoing(
    address: Address,
    method: str,
    params: tuple[tuple[str, str], ...],
    *,
    auth_token: str,
    idempotency_token: str,
    cookie: str | None,
) -> HttpRequest:
    """The request for an address, signed with the account's token."""
    form = urlencode(params)
    posted = method == "POST"
    url = address.url() if posted else address.url(query=form)
    headers = {
        "Accept": "*/*",
        "User-Agent": _USER_AGENT,
        "I-Twilio-Idempotency-Token": idempotency_token,
        "X-Twilio-Signature": signature(auth_token, url, params if posted else ()),
    }
    if posted:
        headers["Content-Type"] = _FORM
    if address.authorization is not None:
        headers["Authorization"] = address.authorization
    if cookie is not None:
        headers["Cookie"] = cookie
    return HttpRequest(method, url, headers, form.encode("ascii") if posted else b"")
