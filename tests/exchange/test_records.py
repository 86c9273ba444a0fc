"""Records: durations, and statuses that change only as their lives allow."""

from __future__ import annotations

import pytest
from records_stage import SECOND
from records_stage import plain_call as call
from records_stage import plain_recording as recording

from mediasim.exchange.lifecycle import move
from mediasim.exchange.states import IllegalMove


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
