"""Parameters that find records by a date: ``DateCreated``, ``DateCreated<``, ``DateCreated>``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.dates import Dates
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.params import Params

__all__ = ["DateFilter", "date_names"]

_DAY: Final = 86_400
_LONGEST_DATE: Final = 40


def date_names(name: str) -> tuple[str, ...]:
    """Return the names of the parameters that :class:`DateFilter` reads."""
    return name, f"{name}<", f"{name}>"


class DateFilter:
    """A filter by date: ``DateCreated``, ``DateCreated<`` and ``DateCreated>`` of a query.

    A date is a day in UTC, ``2009-07-06``, and so is its midnight, ``2009-07-06T00:00:00Z``, which
    the Python SDK sends for a date; any other date with a time is that second. ``<`` (which a URL
    shows as ``DateCreated<=2009-07-06``) includes times up to that one, midnight for a day;
    ``>`` those from it on (API description, Recordings and Calls). Times are compared in whole
    seconds, as in the JSON.
    """

    __slots__ = ("_dates", "_first", "_last", "any")

    def __init__(self, query: Params, name: str, dates: Dates) -> None:
        """Read a filter. Raises TwilioError (400) if a value is no date."""
        self._dates = dates
        firsts: list[float] = []
        lasts: list[float] = []
        if text := query.text(name):
            start, seconds = _span(name, text)
            firsts.append(start)
            lasts.append(start + seconds - 1)
        if text := query.text(name + ">"):
            firsts.append(_span(name, text)[0])
        if text := query.text(name + "<"):
            lasts.append(_span(name, text)[0])
        self.any = not firsts and not lasts
        """Whether the query has no such filter."""
        self._first = max(firsts, default=float("-inf"))
        self._last = min(lasts, default=float("inf"))

    def matches(self, loop_ns: int | None) -> bool:
        """Tell whether a loop time in nanoseconds passes; None passes only without a filter."""
        if self.any:
            return True
        if loop_ns is None:
            return False
        return self._first <= self._dates.unix_ns(loop_ns) // NS_PER_SECOND <= self._last


def _span(name: str, text: str) -> tuple[float, int]:
    """Return the first Unix second of a date, and the number of seconds that it spans."""
    try:
        found = datetime.fromisoformat(text[:_LONGEST_DATE])
    except ValueError:
        raise bad_parameter(
            f"Invalid {name} {text[:_LONGEST_DATE]}: expected a date such as 2009-07-06, or"
            " 2009-07-06T20:30:00Z"
        ) from None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    first = aware.timestamp() // 1
    return first, 1 if first % _DAY else _DAY
