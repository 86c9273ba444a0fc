"""Records, as Twilio's API shows them."""

from __future__ import annotations

import re

from records_stage import PLAIN_ACCOUNT as ACCOUNT
from records_stage import SECOND
from records_stage import plain_call as call
from records_stage import plain_recording as recording

from mediasim.exchange.dates import Dates
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import (
    ChannelMapEntry,
    ConferenceRecord,
)
from mediasim.twilio.representations import (
    call_json,
    conference_json,
    recording_document,
    recording_json,
)

DATES = Dates()


# -- calls ----------------------------------------------------------------------------------


def test_a_call_s_times_are_those_of_its_answer_and_its_end() -> None:
    record = call()
    for status, at in (("initiated", 2), ("ringing", 3), ("in-progress", 5), ("completed", 12)):
        move(record, status, at * SECOND)
    shown = call_json(record, DATES)
    assert shown["date_created"] == "Mon, 05 Jan 2026 09:00:01 +0000"
    assert shown["date_updated"] == "Mon, 05 Jan 2026 09:00:12 +0000"
    assert shown["start_time"] == "Mon, 05 Jan 2026 09:00:05 +0000"
    assert shown["end_time"] == "Mon, 05 Jan 2026 09:00:12 +0000"
    assert shown["duration"] == "7"
    assert shown["status"] == "completed"


def test_a_call_under_way_has_no_end_and_one_that_failed_no_length() -> None:
    record = call(status="ringing")
    move(record, "in-progress", 2 * SECOND)
    shown = call_json(record, DATES)
    assert (shown["end_time"], shown["duration"]) == (None, None)
    assert shown["start_time"]
    failed = call(status="ringing")
    move(failed, "no-answer", 9 * SECOND)
    shown = call_json(failed, DATES)
    assert (shown["end_time"], shown["duration"]) == (None, None)
    assert shown["start_time"] == shown["date_created"], "it was dialled"
    canceled = call()
    move(canceled, "canceled", 9 * SECOND)
    assert call_json(canceled, DATES)["start_time"] is None
    assert failed.ended_ns == 9 * SECOND


def test_initiated_is_shown_as_queued() -> None:
    record = call()
    move(record, "initiated", SECOND)
    assert call_json(record, DATES)["status"] == "queued"


def test_numbers_of_north_america_are_shown_as_people_write_them() -> None:
    shown = call_json(call(), DATES)
    assert (shown["to"], shown["to_formatted"]) == ("+14155550101", "(415) 555-0101")
    assert shown["from_formatted"] == shown["from"] == "sip:ann@example.com"
    for foreign in ("+442071838750", "+1415555010", "+141555501011"):
        assert call_json(call(to=foreign), DATES)["to_formatted"] == foreign


# -- recordings -----------------------------------------------------------------------------


def test_a_recording_under_way_has_no_length_yet() -> None:
    shown = recording_json(recording(), DATES)
    assert (shown["duration"], shown["price_unit"]) == (None, None)
    assert (shown["channels"], shown["status"]) == (2, "in-progress")
    assert shown["media_url"] is None


def test_media_is_where_it_is_served() -> None:
    shown = recording_json(recording(8000), DATES, "http://localhost:8080")
    assert shown["media_url"] == (
        f"http://localhost:8080/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE1"
    )


def test_the_channel_map_stands_beside_twilio_s_fields() -> None:
    record = recording(8000)
    entry = ChannelMapEntry(1, "main/ann", "ann", "CA1", "inbound", "parent", "what ann says")
    record.channel_map.append(entry)
    document = recording_document(record, DATES)
    shown = recording_json(record, DATES)
    assert {key: document[key] for key in shown} == shown
    (channel,) = document["channel_map"]["channels"]
    assert channel["party"] == "ann"
    assert document["channel_map"]["layout"]["rule"] == "dial-dual"


# -- all ------------------------------------------------------------------------------------


def test_every_resource_says_where_it_is() -> None:
    conference = ConferenceRecord("CF1", ACCOUNT, "main", SECOND)
    for shown, where in (
        (call_json(call(), DATES), "Calls/CA1"),
        (recording_json(recording(), DATES), "Recordings/RE1"),
        (conference_json(conference, DATES), "Conferences/CF1"),
    ):
        path = f"/2010-04-01/Accounts/{ACCOUNT}/{where}"
        assert shown["uri"] == f"{path}.json"
        assert shown["api_version"] == "2010-04-01"
        for name, uri in shown["subresource_uris"].items():
            camel = "".join(word.capitalize() for word in name.split("_"))
            assert uri == f"{path}/{camel}.json"
        for key in ("date_created", "date_updated"):
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000", shown[key])


def test_a_conference_says_why_it_ended() -> None:
    record = ConferenceRecord("CF1", ACCOUNT, "main", SECOND)
    move(record, "in-progress", 2 * SECOND)
    record.reason_ended = "last-participant-left"
    move(record, "completed", 3 * SECOND)
    shown = conference_json(record, DATES)
    assert (shown["status"], shown["friendly_name"]) == ("completed", "main")
    assert shown["reason_conference_ended"] == "last-participant-left"
    assert shown["call_sid_ending_conference"] is None
