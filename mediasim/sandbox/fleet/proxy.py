"""Which process has to answer a request, by its method and path, and how it is passed on."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Scope, Send

from mediasim.sandbox.fleet.ipc import MessagePipe
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.resource import ACCOUNT, Owner
from mediasim.twilio.rest.table import RESOURCES

__all__ = [
    "RequestOwner",
    "Responder",
    "control_owner",
    "pass_on",
    "respond",
    "rest_owner",
]

_ACCOUNT: Final = re.compile(rf"/{API_VERSION}/Accounts/[^/.]+/(.+)")
_SUFFIX: Final = re.compile(r"\.(?:json|xml)$")
_READS: Final = ("GET", "HEAD", "OPTIONS")


class Responder(Enum):
    """Which process answers a request."""

    HERE = "here"
    """The front, from its own records."""
    OWNER = "owner"
    """The worker that carries the record in the path; the front if none does."""
    ANYONE = "anyone"
    """A worker that is chosen: a call is to be placed."""
    ALL = "all"
    """The front, and then every worker."""
    EACH = "each"
    """Every worker; their lists are merged."""
    RESET = "reset"
    """Every worker, then the front."""


@dataclass(frozen=True, slots=True)
class RequestOwner:
    """The process that has to answer a request."""

    responder: Responder
    kind: str = ""
    """Kind of the record whose worker is meant."""
    key: str = ""
    """SID of that record; of a conference also its name."""


_HERE: Final = RequestOwner(Responder.HERE)


def rest_owner(method: str, path: str) -> RequestOwner:
    """Return the owner of a request to Twilio's API."""
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
        return RequestOwner(Responder.ANYONE) if operation and operation.places_call else _HERE
    if resource.stored is None or resource.stored.owner is Owner.FRONT:
        return _HERE
    # What is not stored, as a call's streams are not, is only known where it happens.
    below = {path: each for path, each in lists.items() if path.startswith(ACCOUNT)}
    live = {path.split("/")[-1] for path, each in below.items() if each.stored is None}
    writes = resource.stored.owner is Owner.WORKER and method not in _READS
    if writes or not live.isdisjoint(rest[1:]):
        return RequestOwner(Responder.OWNER, resource.stored.kind, rest[0])
    return _HERE


def control_owner(method: str, path: str) -> RequestOwner:
    """Return the owner of a request to the control API; ``path`` is below its prefix."""
    match [part for part in path.split("/") if part]:
        case ["calls"] if method == "POST":
            return RequestOwner(Responder.ANYONE)
        case ["calls", sid, _] | ["inspector", "calls", sid]:
            return RequestOwner(Responder.OWNER, "call", sid)
        case ["streams"]:
            return RequestOwner(Responder.EACH)
        case ["weather", *_] if method not in _READS:
            return RequestOwner(Responder.ALL)
        case ["clock", "rate"] | ["proxy", *_]:
            return RequestOwner(Responder.ALL)
        case ["reset"]:
            return RequestOwner(Responder.RESET)
    return _HERE


# -- passing on ----------------------------------------------------------------------------------

_FRONTS_OWN: Final = (b"host", b"origin")
"""Headers that name the front's host."""


async def pass_on(pipe: MessagePipe, scope: Scope, body: bytes, send: Send) -> None:
    """Let a worker answer a request, and send its response to the client. Raises PipeClosed."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in _FRONTS_OWN]
    answer = await pipe.request(
        {
            "http": {
                "method": scope["method"],
                "path": scope["path"],
                "query": scope["query_string"].decode("latin-1"),
                "headers": _texts(headers),
                "body": b64encode(body).decode("ascii"),
            }
        }
    )
    await send(
        {
            "type": "http.response.start",
            "status": answer["status"],
            "headers": _pairs(answer["headers"]),
        }
    )
    await send({"type": "http.response.body", "body": b64decode(answer["body"])})


async def respond(app: ASGIApp, request: dict[str, Any]) -> dict[str, Any]:
    """Return an app's response to a request that a front has passed on."""
    path, body = request["path"], b64decode(request["body"])
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request["method"],
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode("ascii"),
        "root_path": "",
        "query_string": request["query"].encode("latin-1"),
        "headers": [(b"host", b"localhost"), *_pairs(request["headers"])],
    }
    received = iter([{"type": "http.request", "body": body, "more_body": False}])
    found: dict[str, Any] = {"status": 500, "headers": []}
    answered = bytearray()

    async def receive() -> Message:
        return next(received, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.update(status=message["status"], headers=_texts(message.get("headers", ())))
        else:
            answered.extend(message.get("body", b""))

    await app(scope, receive, send)
    return {**found, "body": b64encode(answered).decode("ascii")}


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _pairs(headers: Iterable[Sequence[str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
