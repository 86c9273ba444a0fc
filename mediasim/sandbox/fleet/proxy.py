"""Which process a request is for, told from its method and path alone, and how it is passed on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from starlette.types import Receive, Scope, Send

from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.resource import ACCOUNT, Owner
from mediasim.twilio.rest.table import RESOURCES

if TYPE_CHECKING:
    import httpx2

__all__ = [
    "RequestOwner",
    "Where",
    "control_place",
    "pass_on",
    "rest_place",
]

_ACCOUNT: Final = re.compile(rf"/{API_VERSION}/Accounts/[^/.]+/(.+)")
_SUFFIX: Final = re.compile(r"\.(?:json|xml)$")
_READS: Final = ("GET", "HEAD", "OPTIONS")


class Where(Enum):
    """Who answers."""

    HERE = "here"
    """The front, from its own records."""
    OWNER = "owner"
    """The worker that has what the path names; the front if none has."""
    ANYONE = "anyone"
    """A worker that is chosen: a call is to be placed."""
    ALL = "all"
    """The front, and then every worker is told the same."""
    EACH = "each"
    """Every worker; their lists make one."""
    RESET = "reset"
    """Every worker, then the front."""


@dataclass(frozen=True, slots=True)
class RequestOwner:
    """Where a request belongs."""

    where: Where
    kind: str = ""
    """Of the record whose owner is meant."""
    key: str = ""
    """Its SID; a conference's may be its name."""


_HERE: Final = RequestOwner(Where.HERE)


def rest_place(method: str, path: str) -> RequestOwner:
    """Of a request to Twilio's API."""
    match = _ACCOUNT.fullmatch(path)
    if match is None:
        return _HERE
    first, *rest = _SUFFIX.sub("", match[1]).split("/")
    lists = {path: each for each in RESOURCES for path in each.paths if not path.endswith("}")}
    resource = lists.get(f"{ACCOUNT}/{first}")
    if resource is None:
        return _HERE
    if not rest:
        operation = resource.paths[f"{ACCOUNT}/{first}"].get(method)
        return RequestOwner(Where.ANYONE) if operation and operation.places_call else _HERE
    if resource.stored is None or resource.stored.owner is Owner.FRONT:
        return _HERE
    # What is not stored, as a call's streams are not, is only known where it happens.
    live = {path.split("/")[-1] for path, each in lists.items() if each.stored is None}
    writes = resource.stored.owner is Owner.WORKER and method not in _READS
    if writes or not live.isdisjoint(rest[1:]):
        return RequestOwner(Where.OWNER, resource.stored.kind, rest[0])
    return _HERE


def control_place(method: str, path: str) -> RequestOwner:
    """Of a request to the control API; ``path`` is below its prefix."""
    match [part for part in path.split("/") if part]:
        case ["calls"] if method == "POST":
            return RequestOwner(Where.ANYONE)
        case ["calls", sid, _] | ["inspector", "calls", sid]:
            return RequestOwner(Where.OWNER, "call", sid)
        case ["streams"]:
            return RequestOwner(Where.EACH)
        case ["weather", *_] if method not in _READS:
            return RequestOwner(Where.ALL)
        case ["clock", "rate"]:
            return RequestOwner(Where.ALL)
        case ["reset"]:
            return RequestOwner(Where.RESET)
    return _HERE


# -- passing on ----------------------------------------------------------------------------------

_OF_THE_CONNECTION: Final = (
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
)
"""Headers that say nothing to anybody further on (RFC 9110 section 7.6.1)."""
_OF_THIS_HOST: Final = (b"host", b"origin")


async def pass_on(
    client: httpx2.AsyncClient, url: str, scope: Scope, body: bytes | Receive | None, send: Send
) -> None:
    """Ask another process the same, and answer what it answers.

    ``url`` is where that process is; ``body`` has been read, or is still to come. Raises
    httpx2.HTTPError if it does not answer.
    """
    target = url + scope["raw_path"].decode("ascii")
    if scope["query_string"]:
        target += f"?{scope['query_string'].decode('ascii')}"
    dropped = (*_OF_THE_CONNECTION, *_OF_THIS_HOST)
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in dropped]
    content = _stream(body) if callable(body) else body
    request = client.build_request(scope["method"], target, headers=headers, content=content)
    answer = await client.send(request, stream=True)
    try:
        kept = [pair for pair in answer.headers.raw if pair[0].lower() not in _OF_THE_CONNECTION]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        async for piece in answer.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()


async def _stream(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
