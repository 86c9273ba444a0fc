"""Records, their SIDs, and the catalogue that holds them."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records_stage import (
    SECOND,
    call,
    completed_call,
    conference,
    ended_conference,
    plain_call,
    plain_recording,
    recording,
)

from mediasim.exchange.dates import Dates
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import Catalogue, SidFactory, UnknownSid, check_recording_sid
from mediasim.exchange.states import IllegalMove
from mediasim.seeds import Seeds


@pytest.mark.parametrize(
    ("milliseconds", "duration"), [(0, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (61_000, 61)]
)
def test_durations_are_of_the_nearest_second(milliseconds: int, duration: int) -> None:
    record = plain_call(status="ringing")
    move(record, "in-progress", 7)
    move(record, "completed", 7 + milliseconds * 1_000_000)
    assert record.duration_seconds() == duration
    assert plain_recording(milliseconds * 8).duration_seconds() == duration


def test_a_status_changes_only_as_calls_do() -> None:
    record = plain_call(status="ringing")
    move(record, "in-progress", 0)
    with pytest.raises(IllegalMove):
        move(record, "ringing", SECOND)
    move(record, "completed", 2 * SECOND)
    with pytest.raises(IllegalMove):
        move(record, "in-progress", 3 * SECOND)
    assert record.updated_ns == 2 * SECOND
    with pytest.raises(IllegalMove):
        plain_call(status="completed")


@pytest.mark.parametrize("prefix", ["AC", "CA", "RE", "XX"])
def test_a_sid_is_its_prefix_and_32_hexadecimal_digits(prefix: str) -> None:
    assert re.fullmatch(f"{prefix}[0-9a-f]{{32}}", SidFactory(Seeds(1)).new(prefix))


def test_the_seed_decides_every_sid() -> None:
    first, second = SidFactory(Seeds(7)), SidFactory(Seeds(7))
    assert [first.new("CA") for _ in range(3)] == [second.new("CA") for _ in range(3)]
    assert SidFactory(Seeds(8)).new("CA") != SidFactory(Seeds(7)).new("CA")


@given(st.lists(st.sampled_from(["CA", "RE", "CF"]), max_size=30))
def test_no_sid_is_moved_by_those_of_other_prefixes(order: list[str]) -> None:
    mixed, alone = SidFactory(Seeds(3)), SidFactory(Seeds(3))
    made = [mixed.new(prefix) for prefix in order]
    assert len(set(made)) == len(made)
    calls = [sid for sid in made if sid.startswith("CA")]
    assert calls == [alone.new("CA") for _ in calls]


@pytest.mark.parametrize("prefix", ["", "C", "ca", "CAL", "C1", "CA\n"])
def test_what_is_not_two_capital_letters_is_no_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="is no SID prefix: one is two capital letters"):
        SidFactory(Seeds(1)).new(prefix)


def test_the_check_of_a_recordings_sid_passes_what_the_factory_makes() -> None:
    sid = SidFactory(Seeds(1)).new("RE")
    assert check_recording_sid(sid) == sid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RE",
        "RE" + "a" * 31,
        "RE" + "a" * 33,
        "RE" + "A" * 32,
        "CA" + "a" * 32,
        "../RE" + "a" * 32,
        "RE" + "a" * 31 + "/",
        "RE" + "a" * 32 + "\n",
    ],
)
def test_the_check_of_a_recordings_sid_refuses_any_other_form(text: str) -> None:
    with pytest.raises(ValueError, match="recording SID"):
        check_recording_sid(text)


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
