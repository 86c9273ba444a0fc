"""Parts of a file, and whether to send it at all: Range and conditional requests.

RFC 9110: preconditions in the order of section 13.2.2; byte ranges by section 14. A Range header
that is not understood is ignored; so is one of more than 16 parts or of more bytes than the file
has, which section 14.2 allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["Validators", "precondition", "wanted_ranges"]

_MOST_PARTS: Final = 16
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one state of a file from another."""

    etag: str
    """Strong, with its quotes."""
    modified: int
    """In whole seconds since 1970."""


def precondition(headers: Mapping[str, str], validators: Validators) -> int | None:
    """The status that a conditional GET is answered with, 304 or 412; None: go on."""
    if (match := headers.get("if-match")) is not None:
        if not _listed(match, validators.etag):
            return 412
    elif validators.modified > (_seconds(headers.get("if-unmodified-since")) or _NEVER):
        return 412
    if (match := headers.get("if-none-match")) is not None:
        return 304 if _listed(match.replace("W/", ""), validators.etag) else None
    if (since := _seconds(headers.get("if-modified-since"))) is not None:
        return 304 if validators.modified <= since else None
    return None


def wanted_ranges(
    headers: Mapping[str, str], size: int, validators: Validators
) -> list[range] | None:
    """The parts to send, in order; none that could be sent: 416; None: the whole file."""
    header = headers.get("range")
    if header is None or not _still_the_same(headers.get("if-range"), validators):
        return None
    unit, _, text = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(parts) <= _MOST_PARTS:
        return None
    found: list[range] = []
    for part in parts:
        match = re.fullmatch(r"([0-9]{0,18})-([0-9]{0,18})", part)
        if match is None or match[0] == "-":
            return None
        first, last = match[1], match[2]
        if not first:
            wanted = range(max(size - int(last), 0), size)
        elif last and int(last) < int(first):
            return None
        else:
            wanted = range(int(first), min(int(last) + 1, size) if last else size)
        if wanted:
            found.append(wanted)
    return found if sum(map(len, found)) <= size else None


def _still_the_same(if_range: str | None, validators: Validators) -> bool:
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range == validators.etag
    return _seconds(if_range) == validators.modified


def _listed(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in (each.strip() for each in header.split(","))


def _seconds(date: str | None) -> int | None:
    if date is None:
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None
