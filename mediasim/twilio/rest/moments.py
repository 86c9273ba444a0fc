"""Filters by date: ``DateCreated``, ``DateCreated<`` and ``DateCreated>``, as a query has them.

A date is a day in UTC, ``2009-07-06``; a date with a time is that second. ``<`` (which a URL shows
as ``DateCreated<=2009-07-06``) means up to and with that moment, midnight for a day; ``>`` from it
on (API description, Recordings and Calls). Times are compared as they are shown, in whole seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dates import Dates
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.params import Params

__all__ = ["Moments"]

_DAY: Final = 86_400
_LONGEST: Final = 40


class Moments:
    """Some stretch of time, in seconds since 1970."""

    __slots__ = ("_dates", "_first", "_last", "any")

    def __init__(self, query: Params, name: str, dates: Dates) -> None:
        """Raises TwilioError for what is no date."""
        self._dates = dates
        firsts: list[float] = []
        lasts: list[float] = []
        if text := query.text(name):
            start, seconds = _read(name, text)
            firsts.append(start)
            lasts.append(start + seconds - 1)
        if text := query.text(name + ">"):
            firsts.append(_read(name, text)[0])
        if text := query.text(name + "<"):
            lasts.append(_read(name, text)[0])
        self.any = not firsts and not lasts
        """Whether every time passes, and none too."""
        self._first = max(firsts, default=float("-inf"))
        self._last = min(lasts, default=float("inf"))

    def holds(self, loop_ns: int | None) -> bool:
        """Whether a time is within; what has none is not, unless all are."""
        if self.any:
            return True
        if loop_ns is None:
            return False
        return self._first <= self._dates.unix_ns(loop_ns) // NS_PER_SECOND <= self._last


def _read(name: str, text: str) -> tuple[float, int]:
    """The first second of what is written, and how many seconds it spans."""
    try:
        found = datetime.fromisoformat(text[:_LONGEST])
    except ValueError:
        raise bad_parameter(
            f"Invalid {name} {text[:_LONGEST]}: expected a date such as 2009-07-06, or"
            " 2009-07-06T20:30:00Z"
        ) from None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return aware.timestamp() // 1, 1 if any(mark in text for mark in ":T ") else _DAY
