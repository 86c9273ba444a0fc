"""The HTTP request that Twilio would make: parameters, headers, signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from mediasim.twilio.signature import signature
from mediasim.twilio.webhooks.address import Address

__all__ = ["Outgoing", "outgoing"]

_USER_AGENT: Final = "TwilioProxy/1.1"
_FORM: Final = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request, ready to be sent."""

    method: str
    url: str
    """The one signed."""
    headers: dict[str, str]
    body: bytes


def outgoing(
    address: Address,
    method: str,
    params: tuple[tuple[str, str], ...],
    *,
    auth_token: str,
    idempotency_token: str,
    cookie: str | None,
) -> Outgoing:
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
    return Outgoing(method, url, headers, form.encode("ascii") if posted else b"")
