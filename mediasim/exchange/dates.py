"""Dates: a configured epoch plus the event loop's nanoseconds.

The loop's time zero is the epoch; no wall clock is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["DEFAULT_EPOCH", "Dates"]

DEFAULT_EPOCH: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""The date of loop time zero unless configured: a Monday morning."""
_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Dates:
    """A conversion of loop time into dates.

    Raises ValueError for an epoch without a time zone.
    """

    epoch: datetime = DEFAULT_EPOCH

    def __post_init__(self) -> None:
        if self.epoch.tzinfo is None:
            raise ValueError(f"the epoch {self.epoch.isoformat()} needs a time zone: add +00:00")

    def at(self, loop_ns: int) -> datetime:
        """Return the UTC date of a loop time in nanoseconds, rounded down to the microsecond."""
        return self.epoch.astimezone(UTC) + timedelta(microseconds=loop_ns // 1000)

    def loop_ns(self, date: datetime) -> int:
        """Return the loop time of a date in nanoseconds; one without a time zone is in UTC."""
        aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return (aware - self.epoch) // timedelta(microseconds=1) * 1000

    def unix_ns(self, loop_ns: int) -> int:
        """Return a loop time in nanoseconds as nanoseconds since 1970."""
        return (self.epoch - _UNIX) // timedelta(microseconds=1) * 1000 + loop_ns
