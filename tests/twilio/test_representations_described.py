"""The JSON of records, held against Twilio's own description of its API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records_stage import (
    ACCOUNT,
    SECOND,
    answered_call,
    call,
    completed_call,
    conference,
    ended_conference,
    recording,
)

from mediasim.exchange.dates import DEFAULT_EPOCH, Dates
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import (
    CallRecord,
    ChannelMapEntry,
    ConferenceRecord,
    RecordingRecord,
)
from mediasim.twilio.representations import (
    call_json,
    conference_json,
    recording_document,
    recording_json,
    rfc2822,
)

DATES = Dates(datetime(2018, 8, 30, 22, 4, 41, tzinfo=UTC))
SPECIFICATION = Path(__file__).parents[3] / "shared/twilio-openapi/twilio_api_v2010.json"


def canceled_call() -> CallRecord:
    one = call()
    move(one, "canceled", SECOND)
    return one


def completed_recording() -> RecordingRecord:
    one = recording(call())
    move(one, "processing", 9 * SECOND)
    one.samples = 7 * 8000
    move(one, "completed", 9 * SECOND)
    return one


def absent_recording() -> RecordingRecord:
    one = recording(call())
    move(one, "processing", 9 * SECOND)
    one.samples, one.absence = 0, "silent"
    move(one, "absent", 9 * SECOND)
    return one


# Twilio's API description as the judge of shapes.


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    if not SPECIFICATION.exists():
        pytest.skip("Twilio's API description is not beside this checkout")
    found: dict[str, Any] = json.loads(SPECIFICATION.read_text())["components"]["schemas"]
    return found


def problems(schemas: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What in the value is not as its schema says."""
    if "$ref" in schema:
        return problems(schemas, schemas[schema["$ref"].rsplit("/", 1)[1]], value)
    if value is None:
        return [] if schema.get("nullable") or "enum" in schema else ["null"]
    types = {"string": str, "integer": int, "number": float, "object": dict}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        return [f"{value!r} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{value!r} is none of {schema['enum']}"]
    if "pattern" in schema and re.fullmatch(schema["pattern"], value) is None:
        return [f"{value!r} is not like {schema['pattern']}"]
    properties = schema.get("properties")
    if properties is None:
        return []
    if set(properties) != set(value):
        return [f"fields differ: {set(properties) ^ set(value)}"]
    return [
        f"{name}: {problem}"
        for name, inner in properties.items()
        for problem in problems(schemas, inner, value[name])
    ]


@pytest.mark.parametrize("make", [call, answered_call, completed_call, canceled_call])
def test_a_call_is_as_twilios_description_says(
    schemas: dict[str, Any], make: Callable[[], CallRecord]
) -> None:
    shown = call_json(make(), DATES)
    assert problems(schemas, schemas["api.v2010.account.call"], shown) == []


def test_a_call_just_initiated_is_shown_in_words_the_resource_has(schemas: dict[str, Any]) -> None:
    one = call()
    move(one, "initiated", SECOND)
    shown = call_json(one, DATES)
    assert problems(schemas, schemas["api.v2010.account.call"], shown) == []
    assert shown["status"] == "queued"


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:8080"])
@pytest.mark.parametrize("make", [completed_recording, absent_recording, lambda: recording(call())])
def test_a_recording_is_as_twilios_description_says(
    schemas: dict[str, Any], make: Callable[[], RecordingRecord], base_url: str | None
) -> None:
    shown = recording_json(make(), DATES, base_url)
    assert problems(schemas, schemas["api.v2010.account.recording"], shown) == []


@pytest.mark.parametrize("make", [conference, ended_conference])
def test_a_conference_is_as_twilios_description_says(
    schemas: dict[str, Any], make: Callable[[], ConferenceRecord]
) -> None:
    shown = conference_json(make(), DATES)
    assert problems(schemas, schemas["api.v2010.account.conference"], shown) == []


def test_a_completed_call_has_its_times_and_duration() -> None:
    shown = call_json(completed_call(), DATES)
    assert shown["date_created"] == "Thu, 30 Aug 2018 22:04:41 +0000"
    assert shown["start_time"] == "Thu, 30 Aug 2018 22:04:46 +0000"
    assert shown["end_time"] == shown["date_updated"] == "Thu, 30 Aug 2018 22:05:01 +0000"
    assert shown["duration"] == "15"
    assert shown["to_formatted"] == "(415) 867-5309"
    assert shown["from_formatted"] == "+442071838750"


def test_a_call_not_completed_has_neither_end_nor_duration() -> None:
    for one in (call(), answered_call(), canceled_call()):
        shown = call_json(one, DATES)
        assert shown["end_time"] is None
        assert shown["duration"] is None


@pytest.mark.parametrize(
    ("samples", "duration"),
    [(None, None), (0, "0"), (3999, "0"), (4000, "1"), (56_000, "7"), (59_999, "7")],
)
def test_a_recordings_duration_is_in_whole_seconds(
    samples: int | None, duration: str | None
) -> None:
    one = recording(call())
    one.samples = samples
    assert recording_json(one, DATES)["duration"] == duration


def test_a_recording_tells_its_stored_channels_and_where_its_media_is() -> None:
    one = completed_recording()
    shown = recording_json(one, DATES, "http://127.0.0.1:8080")
    assert shown["channels"] == 2
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{one.sid}"
    assert shown["uri"] == path + ".json"
    assert shown["media_url"] == "http://127.0.0.1:8080" + path


def test_the_document_adds_the_channel_map_to_twilios_fields() -> None:
    one = completed_recording()
    one.channel_map.append(
        ChannelMapEntry(
            channel=1,
            leg="caller",
            party="Anna",
            call_sid=one.call_sid,
            track="inbound",
            role="parent",
            words="Anna, who called",
        )
    )
    document = json.loads(json.dumps(recording_document(one, DATES)))
    channel_map = document.pop("channel_map")
    assert document == recording_json(one, DATES)
    assert channel_map["layout"]["rule"] == "dial-mono"
    assert channel_map["channels"] == [
        {
            "channel": 1,
            "leg": "caller",
            "party": "Anna",
            "call_sid": one.call_sid,
            "track": "inbound",
            "role": "parent",
            "words": "Anna, who called",
        }
    ]


def test_dates_are_the_epoch_plus_loop_time_in_gmt() -> None:
    assert rfc2822(DATES, 0) == "Thu, 30 Aug 2018 22:04:41 +0000"
    assert rfc2822(DATES, 3600 * SECOND) == "Thu, 30 Aug 2018 23:04:41 +0000"
    east = Dates(datetime(2018, 8, 31, 0, 4, 41, tzinfo=timezone(timedelta(hours=2))))
    assert rfc2822(east, 0) == rfc2822(DATES, 0)
    assert Dates().at(0) == DEFAULT_EPOCH


@given(st.integers(0, 10**18))
def test_a_date_never_lies_ahead_of_the_clock(loop_ns: int) -> None:
    shown = datetime.strptime(rfc2822(DATES, loop_ns), "%a, %d %b %Y %H:%M:%S %z")
    elapsed = (shown - DATES.epoch) // timedelta(seconds=1)
    assert elapsed == loop_ns // SECOND
