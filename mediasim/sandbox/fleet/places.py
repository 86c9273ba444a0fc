"""Which process a request is for, told from its method and path alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.resource import ACCOUNT, Owner
from mediasim.twilio.rest.table import RESOURCES

__all__ = ["Place", "Where", "control_place", "rest_place"]

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
    lists = {path: each for each in RESOURCES for path in each.paths if not path.endswith("}")}
    resource = lists.get(f"{ACCOUNT}/{first}")
    if resource is None:
        return _HERE
    if not rest:
        operation = resource.paths[f"{ACCOUNT}/{first}"].get(method)
        return Place(Where.ANYONE) if operation and operation.places_call else _HERE
    if resource.stored is None or resource.stored.owner is Owner.FRONT:
        return _HERE
    # What is not stored, as a call's streams are not, is only known where it happens.
    live = {path.split("/")[-1] for path, each in lists.items() if each.stored is None}
    writes = resource.stored.owner is Owner.WORKER and method not in _READS
    if writes or not live.isdisjoint(rest[1:]):
        return Place(Where.OWNER, resource.stored.kind, rest[0])
    return _HERE


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
