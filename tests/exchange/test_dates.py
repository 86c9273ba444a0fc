from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasim.exchange.dates import DEFAULT_EPOCH, Dates
from mediasim.twilio.representations import rfc2822

SECOND = 1_000_000_000


def test_dates_are_written_as_twilio_writes_them() -> None:
    dates = Dates(datetime(2018, 8, 30, 22, 4, 40, tzinfo=UTC))
    assert rfc2822(dates, SECOND) == "Thu, 30 Aug 2018 22:04:41 +0000"
    assert rfc2822(dates, 2 * SECOND - 1) == "Thu, 30 Aug 2018 22:04:41 +0000"
    assert rfc2822(dates, 3600 * 2 * SECOND) == "Fri, 31 Aug 2018 00:04:40 +0000"


def test_an_epoch_of_another_zone_is_shown_in_gmt() -> None:
    summer = timezone(timedelta(hours=2))
    dates = Dates(datetime(2026, 7, 1, 1, 30, tzinfo=summer))
    assert rfc2822(dates, 0) == "Tue, 30 Jun 2026 23:30:00 +0000"
    assert dates.unix_ns(0) == Dates(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)).unix_ns(0)


def test_an_epoch_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="2026-01-05T09:00:00 needs a time zone"):
        Dates(datetime(2026, 1, 5, 9))  # noqa: DTZ001


def test_the_default_is_a_monday_morning() -> None:
    assert DEFAULT_EPOCH.weekday() == 0
    assert rfc2822(Dates(), 0) == "Mon, 05 Jan 2026 09:00:00 +0000"


@given(
    since=st.timedeltas(timedelta(days=7000), timedelta(days=50_000)),
    loop_ns=st.integers(0, 10**15),
)
def test_a_date_and_its_count_of_nanoseconds_are_the_same_moment(
    since: timedelta, loop_ns: int
) -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    dates = Dates(start + since)
    shown = (dates.at(loop_ns) - start) // timedelta(microseconds=1)
    assert dates.unix_ns(loop_ns) // 1000 == shown
