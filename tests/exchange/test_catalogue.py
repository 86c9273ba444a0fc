"""The catalogue, and the lives of what it holds."""

from __future__ import annotations

from datetime import datetime

import pytest
from records_stage import (
    SECOND,
    call,
    completed_call,
    conference,
    ended_conference,
    recording,
)

from mediasim.exchange.catalogue import Catalogue, UnknownSid
from mediasim.exchange.dates import Dates
from mediasim.exchange.lifecycle import move
from mediasim.exchange.states import IllegalMove

# Lives.


def test_records_change_only_as_their_kind_may() -> None:
    with pytest.raises(IllegalMove, match="a call cannot go from 'completed'"):
        move(completed_call(), "ringing", 21 * SECOND)
    with pytest.raises(IllegalMove, match="a recording cannot go"):
        move(recording(call()), "completed", 3 * SECOND)
    with pytest.raises(IllegalMove, match="a conference cannot go"):
        move(ended_conference(), "in-progress", 2 * SECOND)


# Dates.


def test_an_epoch_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        Dates(datetime(2026, 1, 5))  # noqa: DTZ001


# The catalogue.


def test_the_catalogue_finds_in_order_of_creation() -> None:
    catalogue = Catalogue()
    parent, other = call(), call()
    children = [call(parent=parent.sid), call(parent=parent.sid)]
    room = conference()
    for one in (parent, *children, other):
        catalogue.add_call(one)
    catalogue.add_conference(room)
    recordings = [recording(parent), recording(other), recording(parent, conference=room.sid)]
    for each in recordings:
        catalogue.add_recording(each)

    assert catalogue.calls() == [parent, *children, other]
    assert catalogue.calls(parent=parent.sid) == children
    assert catalogue.call(other.sid) is other
    assert catalogue.recordings() == recordings
    assert catalogue.recordings(call=parent.sid) == [recordings[0], recordings[2]]
    assert catalogue.recordings(conference=room.sid) == [recordings[2]]
    assert catalogue.recordings(call=other.sid, conference=room.sid) == []
    assert catalogue.recording(recordings[1].sid) is recordings[1]
    assert catalogue.conferences(name="AHH YEAH") == [room]
    assert catalogue.conferences(name="another") == []
    assert catalogue.conference(room.sid) is room


def test_an_unknown_sid_is_named_and_a_taken_one_refused() -> None:
    catalogue = Catalogue()
    one = call()
    catalogue.add_call(one)
    with pytest.raises(UnknownSid, match="no recording 'RE1' in the catalogue"):
        catalogue.recording("RE1")
    with pytest.raises(ValueError, match="already in the catalogue"):
        catalogue.add_call(one)
