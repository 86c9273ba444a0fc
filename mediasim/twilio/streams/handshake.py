"""The handshake of a stream: the check of its URL, the headers of its upgrade, its error codes.

Schemes are ``wss``, and ``ws`` for servers on this machine. A query is left out: values are given
as Parameters. The upgrade is signed as a webhook is, for the URL that is connected to. Codes are
those of Twilio's error dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import urlsplit

from mediasim.twilio.webhooks import HostGuard
from mediasim.twilio.webhooks.address import WebhookUrl, signature

__all__ = ["NAMES", "StreamCode", "StreamFailed", "StreamTarget", "address_of", "target_of"]


class StreamCode(IntEnum):
    """Codes of Twilio's error dictionary for streams."""

    TIMEOUT = 31901
    REFUSED = 31902
    BROKEN = 31903
    HANDSHAKE = 31920
    CLOSED = 31921
    SCHEME = 31922
    MALFORMED_URL = 31923
    PROTOCOL = 31924
    OVERFLOW = 31930
    """Warning of too much audio; as the next two, given once for a stream."""
    MALFORMED_MESSAGE = 31950
    INVALID_MESSAGE = 31951


NAMES: Final[dict[int, str]] = {
    StreamCode.TIMEOUT: "Stream - WebSocket - Connection Timeout",
    StreamCode.REFUSED: "Stream - WebSocket - Connection Refused",
    StreamCode.BROKEN: "Stream - WebSocket - Connection Broken Pipe",
    StreamCode.HANDSHAKE: "Stream - WebSocket - Handshake Error",
    StreamCode.CLOSED: "Stream - WebSocket - Close Error",
    StreamCode.SCHEME: "Stream - WebSocket - URL Schema Not Supported",
    StreamCode.MALFORMED_URL: "Stream - WebSocket - Malformed URL",
    StreamCode.PROTOCOL: "Stream - WebSocket - Protocol Error",
    StreamCode.OVERFLOW: "Stream - Media - Buffer Overflow",
    StreamCode.MALFORMED_MESSAGE: "Stream - Protocol - Malformed Message",
    StreamCode.INVALID_MESSAGE: "Stream - Protocol - Invalid Message",
}
_AS_HTTP: Final = {"ws": "http", "wss": "https"}
_USER_AGENT: Final = "Twilio.TmeWs/1.0"


class StreamFailed(Exception):
    """A stream could not be opened, or broke; ``code`` is Twilio's."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = int(code)


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """The URL to connect to, and the headers of the upgrade."""

    url: str
    headers: dict[str, str]
    query: str
    """The query that was left out of the URL."""


def address_of(url: str) -> WebhookUrl:
    """Read the URL of a stream, with http for ws. Raises StreamFailed if it is wrong."""
    if not url.strip():
        raise StreamFailed(StreamCode.MALFORMED_URL, "a stream needs a URL")
    scheme = urlsplit(url.strip()).scheme.lower() if "://" in url else ""
    if scheme not in _AS_HTTP:
        raise StreamFailed(
            StreamCode.SCHEME, f"{url!r}: a stream's URL begins with wss:// (or ws://)"
        )
    try:
        return WebhookUrl.parse(_AS_HTTP[scheme] + url.strip()[len(scheme) :])
    except ValueError as error:
        raise StreamFailed(StreamCode.MALFORMED_URL, f"{url!r}: {error}") from None


def target_of(
    url: str, guard: HostGuard, auth_token: str, *, keep_query: bool = False
) -> StreamTarget:
    """Read the URL of a Stream. Raises StreamFailed if it is wrong, or its host not allowed.

    ``keep_query``: the query is connected to and signed too, as that of a relay.
    """
    address = address_of(url)
    if (refusal := guard.refusal(address.host)) is not None:
        raise StreamFailed(StreamCode.REFUSED, refusal)
    socket = "wss" if address.scheme == "https" else "ws"
    found = f"{socket}://{address.authority}{address.path}"
    if keep_query and address.query:
        found += f"?{address.query}"
    headers = {"User-Agent": _USER_AGENT, "X-Twilio-Signature": signature(auth_token, found)}
    if address.authorization is not None:
        headers["Authorization"] = address.authorization
    return StreamTarget(found, headers, address.query)
