"""Which process a request is for, told from its method and path alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mediasim.twilio.representations import API_VERSION

__all__ = ["Place", "Where", "control_place", "rest_place"]

_ACCOUNT: Final = re.compile(rf"/{API_VERSION}/Accounts/[^/.]+/(.+)")
_SUFFIX: Final = re.compile(r"\.(?:json|xml)$")
_READS: Final = ("GET", "HEAD", "OPTIONS")
_LIVE: Final = ("Streams", "Participants", "Members")
"""Kinds of things that only the process knows in which they are."""
_OWNED: Final = {
    "Calls": "call",
    "Recordings": "recording",
    "Conferences": "conference",
    "Transcriptions": "transcription",
}


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
class Place:
    """Where a request belongs."""

    where: Where
    kind: str = ""
    """Of the record whose owner is meant."""
    key: str = ""
    """Its SID; a conference's may be its name."""


_HERE: Final = Place(Where.HERE)


def rest_place(method: str, path: str) -> Place:
    """Of a request to Twilio's API."""
    match = _ACCOUNT.fullmatch(path)
    if match is None:
        return _HERE
    first, *rest = _SUFFIX.sub("", match[1]).split("/")
    if not rest:
        return Place(Where.ANYONE) if (first, method) == ("Calls", "POST") else _HERE
    live = any(part in _LIVE for part in rest[1:])
    if first == "Queues":
        return Place(Where.OWNER, "queue", rest[0]) if live else _HERE
    if first not in _OWNED or (method in _READS and not live):
        return _HERE
    return Place(Where.OWNER, _OWNED[first], rest[0])


def control_place(method: str, path: str) -> Place:
    """Of a request to the control API; ``path`` is below its prefix."""
    match [part for part in path.split("/") if part]:
        case ["calls"] if method == "POST":
            return Place(Where.ANYONE)
        case ["calls", sid, _] | ["inspector", "calls", sid]:
            return Place(Where.OWNER, "call", sid)
        case ["streams"]:
            return Place(Where.EACH)
        case ["weather", *_] if method not in _READS:
            return Place(Where.ALL)
        case ["clock", "rate"]:
            return Place(Where.ALL)
        case ["reset"]:
            return Place(Where.RESET)
    return _HERE
