"""A stream's handshake: its URL, checked, its upgrade's headers, and how it may fail or break.

``wss``, and ``ws`` for what listens on this machine. No query: values are given as Parameters.
The upgrade is signed as a webhook is, for the URL as it is connected to. Codes are those of
Twilio's error dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mediasim.twilio.webhooks import HostGuard
from mediasim.twilio.webhooks.address import WebhookUrl, signature

__all__ = [
    "BROKEN",
    "CLOSED",
    "HANDSHAKE",
    "INVALID_MESSAGE",
    "MALFORMED_MESSAGE",
    "MALFORMED_URL",
    "NAMES",
    "OVERFLOW",
    "PROTOCOL",
    "REFUSED",
    "SCHEME",
    "TIMEOUT",
    "StreamFailed",
    "StreamTarget",
    "address_of",
    "target_of",
]

TIMEOUT: Final = 31901
REFUSED: Final = 31902
BROKEN: Final = 31903
HANDSHAKE: Final = 31920
CLOSED: Final = 31921
SCHEME: Final = 31922
MALFORMED_URL: Final = 31923
PROTOCOL: Final = 31924
OVERFLOW: Final = 31930
"""A warning, as are the next two: each is given once for a stream."""
MALFORMED_MESSAGE: Final = 31950
INVALID_MESSAGE: Final = 31951
NAMES: Final = {
    TIMEOUT: "Stream - WebSocket - Connection Timeout",
    REFUSED: "Stream - WebSocket - Connection Refused",
    BROKEN: "Stream - WebSocket - Connection Broken Pipe",
    HANDSHAKE: "Stream - WebSocket - Handshake Error",
    CLOSED: "Stream - WebSocket - Close Error",
    SCHEME: "Stream - WebSocket - URL Schema Not Supported",
    MALFORMED_URL: "Stream - WebSocket - Malformed URL",
    PROTOCOL: "Stream - WebSocket - Protocol Error",
    OVERFLOW: "Stream - Media - Buffer Overflow",
    MALFORMED_MESSAGE: "Stream - Protocol - Malformed Message",
    INVALID_MESSAGE: "Stream - Protocol - Invalid Message",
}
_AS_HTTP: Final = {"ws": "http", "wss": "https"}
_USER_AGENT: Final = "Twilio.TmeWs/1.0"


class StreamFailed(Exception):
    """A stream did not come about, or broke; has Twilio's code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """What to connect to, and with which headers."""

    url: str
    headers: dict[str, str]
    query: str
    """What was left out."""


def address_of(url: str) -> WebhookUrl:
    """Read a stream's URL, ws for http. Raises StreamFailed."""
    if not url.strip():
        raise StreamFailed(MALFORMED_URL, "a stream needs a URL")
    scheme = urlsplit(url.strip()).scheme.lower() if "://" in url else ""
    if scheme not in _AS_HTTP:
        raise StreamFailed(SCHEME, f"{url!r}: a stream's URL begins with wss:// (or ws://)")
    try:
        return WebhookUrl.parse(_AS_HTTP[scheme] + url.strip()[len(scheme) :])
    except ValueError as error:
        raise StreamFailed(MALFORMED_URL, f"{url!r}: {error}") from None


def target_of(url: str, guard: HostGuard, auth_token: str) -> StreamTarget:
    """Where a stream's URL leads to. Raises StreamFailed."""
    address = address_of(url)
    if (refusal := guard.refusal(address.host)) is not None:
        raise StreamFailed(REFUSED, refusal)
    socket = "wss" if address.scheme == "https" else "ws"
    found = f"{socket}://{address.authority}{address.path}"
    headers = {"User-Agent": _USER_AGENT, "X-Twilio-Signature": signature(auth_token, found)}
    if address.authorization is not None:
        headers["Authorization"] = address.authorization
    return StreamTarget(found, headers, address.query)
