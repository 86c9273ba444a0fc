"""Dates are today's where a person or an app looks, and fixed where bytes are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from serving import serving
from typer.testing import CliRunner

from mediasim.cli import app
from mediasim.documents.diagnostics import ScenarioError
from mediasim.exchange.dates import DEFAULT_EPOCH
from mediasim.sandbox.config import parse_config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.testing import MediasimSandbox

NUMBER = "+14155550100"


def test_a_filter_by_the_wall_clock_finds_the_calls_of_a_test(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    party = mediasim_sandbox.party("alice", ["hangup"])
    sdk = mediasim_sandbox.client
    call = sdk.calls.create(to=party, from_=NUMBER, twiml="<Response/>", record=True)
    mediasim_sandbox.run_until_idle()
    now = datetime.now(UTC)
    assert now - timedelta(hours=1, minutes=5) < call.date_created <= now
    assert [it.sid for it in sdk.calls.list(start_time_after=now - timedelta(days=1))] == [call.sid]
    assert len(sdk.recordings.list(date_created_after=now - timedelta(days=1))) == 1


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_serve_dates_from_today_or_as_told(clock: str) -> None:
    for options in ((), ("--epoch", "2031-02-03T04:05:06+01:00")):
        with serving("--in-memory", "--clock", clock, "--seed", "5", *options) as sandbox:
            date = datetime.fromisoformat(sandbox.control("GET", "/clock")["date"])
        begun = date.replace(microsecond=0)
        if options:
            assert (
                timedelta() <= date - datetime(2031, 2, 3, 3, 5, 6, tzinfo=UTC) < timedelta(hours=1)
            )
        else:
            assert timedelta(hours=-1.1) < begun - datetime.now(UTC) < timedelta(hours=1)


def date_of(settings: Settings) -> datetime:
    with EmbeddedSandbox(settings) as embedded:
        service = embedded.sandbox.service
        return service.dates.at(0)


def test_what_is_compared_has_a_fixed_date(tmp_path: Path) -> None:
    assert date_of(Settings(clock="virtual")) == DEFAULT_EPOCH
    plan = parse_config("epoch: 2027-03-04", base=Path())
    told = Settings(clock="manual", config=plan, today=True)
    assert date_of(told) == datetime(2027, 3, 4, tzinfo=UTC)
    stored: dict[str, Any] = {"clock": "virtual", "data": tmp_path}
    later = datetime(2028, 1, 1, tzinfo=UTC)
    assert date_of(Settings(**stored, epoch=later)) == later


def test_a_date_that_is_none_is_told() -> None:
    with pytest.raises(ScenarioError, match="expected a date such as 2026-01-05 or 2026-01-05T"):
        parse_config("epoch: soon", base=Path())
    result = CliRunner().invoke(app, ["serve", "--epoch", "soon"])
    assert result.exit_code == 2
    assert "expected a date such as 2026-01-05" in result.output
