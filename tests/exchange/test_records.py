"""Records: durations, and statuses that change only as their lives allow."""

from __future__ import annotations

import pytest

from mediasim.exchange.layout import recording_layout
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import (
    CallRecord,
    RecordingRecord,
)
from mediasim.exchange.states import IllegalMove

SECOND = 1_000_000_000
ACCOUNT = "AC" + "0" * 32


def call(**more: object) -> CallRecord:
    given = {
        "sid": "CA1",
        "account_sid": ACCOUNT,
        "to": "+14155550101",
        "from_": "sip:ann@example.com",
        "direction": "inbound",
        "status": "queued",
        "created_ns": SECOND,
        **more,
    }
    return CallRecord(**given)  # type: ignore[arg-type]


def recording(samples: int | None = None) -> RecordingRecord:
    layout = recording_layout("dial", "dual")
    record = RecordingRecord("RE1", ACCOUNT, "CA1", "DialVerb", layout, SECOND, 2 * SECOND)
    record.samples = samples
    return record


@pytest.mark.parametrize(
    ("milliseconds", "duration"), [(0, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (61_000, 61)]
)
def test_durations_are_of_the_nearest_second(milliseconds: int, duration: int) -> None:
    record = call(status="ringing")
    move(record, "in-progress", 7)
    move(record, "completed", 7 + milliseconds * 1_000_000)
    assert record.duration_seconds() == duration
    assert recording(milliseconds * 8).duration_seconds() == duration


def test_a_status_changes_only_as_calls_do() -> None:
    record = call(status="ringing")
    move(record, "in-progress", 0)
    with pytest.raises(IllegalMove):
        move(record, "ringing", SECOND)
    move(record, "completed", 2 * SECOND)
    with pytest.raises(IllegalMove):
        move(record, "in-progress", 3 * SECOND)
    assert record.updated_ns == 2 * SECOND
    with pytest.raises(IllegalMove):
        call(status="completed")
