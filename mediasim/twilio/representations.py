"""The JSON of the exchange's calls, conferences and recordings in Twilio's API.

Fields, types and names follow Twilio's API description 2010-04-01 (account-level resources).
Where it leaves room we chose: a call's ``start_time`` is when it was answered, so that start time
and duration add up to ``end_time``; prices stay null, for nothing is billed. Dates are RFC 2822 in
GMT, as in ``Thu, 30 Aug 2018 22:04:41 +0000``; a begun second is shown as that second, so that no
date lies ahead of the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from email.utils import format_datetime
from typing import Any, Final, Protocol

from mediasim.exchange.dates import Dates
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.exchange.trim import Absence

__all__ = [
    "ABSENCE_CODES",
    "API_VERSION",
    "account_path",
    "call_json",
    "conference_json",
    "dates_json",
    "encryption_details",
    "error_code",
    "iso8601",
    "iso_dates_json",
    "recording_document",
    "recording_json",
    "rfc2822",
    "snake_case",
    "subresource_uris",
    "timestamp",
    "xml_text",
]

API_VERSION: Final = "2010-04-01"
ABSENCE_CODES: Final[dict[Absence, int]] = {
    "too-short": 16101,
    "silent": 16102,
    "no-public-key": 16105,
}
"""Codes of Twilio's error dictionary for why a recording is absent."""

_CALL_SUBRESOURCES: Final = (
    *("Notifications", "Recordings", "Payments", "Events", "Siprec", "Streams", "Transcriptions"),
    *("UserDefinedMessageSubscriptions", "UserDefinedMessages"),
)


def account_path(account_sid: str) -> str:
    """Return the path of an account's resources."""
    return f"/{API_VERSION}/Accounts/{account_sid}"


def xml_text(text: str) -> str:
    """Return a text without what XML has no way to write: most control characters."""
    return "".join(char for char in text if char >= " " or char in "\t\n\r")


def rfc2822(dates: Dates, loop_ns: int) -> str:
    """Format a loop time in nanoseconds as a date of RFC 2822 in GMT."""
    return format_datetime(dates.at(loop_ns))


def iso8601(dates: Dates, loop_ns: int | None) -> str | None:
    """Format a loop time in nanoseconds as the newer APIs do: ``2021-08-25T03:40:25Z``."""
    return None if loop_ns is None else f"{dates.at(loop_ns):%Y-%m-%dT%H:%M:%SZ}"


def timestamp(dates: Dates, loop_ns: int, precision: str = "auto") -> str:
    """Format a loop time in nanoseconds as callbacks do: ``2021-08-25T03:40:25.123456Z``.

    ``precision`` is that of :meth:`datetime.datetime.isoformat`: ``milliseconds``.
    """
    return dates.at(loop_ns).isoformat(timespec=precision).replace("+00:00", "Z")


class _Dated(Protocol):
    created_ns: int
    updated_ns: int


def dates_json(record: _Dated, dates: Dates) -> dict[str, str]:
    """Return ``date_created`` and ``date_updated``, which most resources have."""
    return {
        "date_created": rfc2822(dates, record.created_ns),
        "date_updated": rfc2822(dates, record.updated_ns),
    }


def iso_dates_json(record: _Dated, dates: Dates) -> dict[str, str | None]:
    """Return ``date_created`` and ``date_updated`` as the newer APIs have them."""
    return {
        "date_created": iso8601(dates, record.created_ns),
        "date_updated": iso8601(dates, record.updated_ns),
    }


def subresource_uris(path: str, names: Iterable[str]) -> dict[str, str]:
    """Return the paths of the resources below one, by their names in snake case."""
    return {snake_case(name): f"{path}/{name}.json" for name in names}


def snake_case(name: str) -> str:
    """Return a name in snake case: ``incoming_phone_numbers``, ``sip``."""
    if name.isupper():
        return name.lower()
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")


def call_json(record: CallRecord, dates: Dates) -> dict[str, Any]:
    """Return the Call resource of a call."""
    path = f"{account_path(record.account_sid)}/Calls/{record.sid}"
    duration = record.duration_seconds()
    ended_ns = record.ended_ns if record.status == "completed" else None
    return {
        "sid": record.sid,
        **dates_json(record, dates),
        "parent_call_sid": record.parent_call_sid,
        "account_sid": record.account_sid,
        "to": record.to,
        "to_formatted": _formatted(record.to),
        "from": record.from_,
        "from_formatted": _formatted(record.from_),
        "phone_number_sid": record.phone_number_sid,
        # Only status callbacks have "initiated"; the resource has no such value.
        "status": "queued" if record.status == "initiated" else record.status,
        "start_time": _date_or_none(dates, record.started_ns),
        "end_time": _date_or_none(dates, ended_ns),
        "duration": None if duration is None else str(duration),
        "price": None,
        "price_unit": "USD",
        "direction": record.direction,
        "answered_by": record.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": record.forwarded_from,
        "group_sid": None,
        "caller_name": record.caller_name,
        "queue_time": str(record.queue_ms),
        "trunk_sid": record.trunk_sid,
        "uri": f"{path}.json",
        "subresource_uris": subresource_uris(path, _CALL_SUBRESOURCES),
    }


def conference_json(record: ConferenceRecord, dates: Dates) -> dict[str, Any]:
    """The Conference resource."""
    path = f"{account_path(record.account_sid)}/Conferences/{record.sid}"
    return {
        "account_sid": record.account_sid,
        **dates_json(record, dates),
        "api_version": API_VERSION,
        "friendly_name": record.friendly_name,
        "region": "us1",
        "sid": record.sid,
        "status": record.status,
        "uri": f"{path}.json",
        "subresource_uris": {
            "participants": f"{path}/Participants.json",
            "recordings": f"{path}/Recordings.json",
        },
        "reason_conference_ended": record.reason_ended,
        "call_sid_ending_conference": record.call_sid_ending,
    }


def recording_json(
    record: RecordingRecord, dates: Dates, base_url: str | None = None
) -> dict[str, Any]:
    """Return the Recording resource of a recording, as below the account.

    ``base_url`` is where media is served, without a final slash; None if nowhere.
    """
    path = f"{account_path(record.account_sid)}/Recordings/{record.sid}"
    seconds = record.duration_seconds()
    return {
        "account_sid": record.account_sid,
        "api_version": API_VERSION,
        "call_sid": record.call_sid,
        "conference_sid": record.conference_sid,
        **dates_json(record, dates),
        "start_time": rfc2822(dates, record.start_ns),
        "duration": None if seconds is None else str(seconds),
        "sid": record.sid,
        "price": None,
        "price_unit": None if seconds is None else "USD",
        "status": record.status,
        # With Twilio this is not the number of channels of a download.
        "channels": record.layout.stored_channels,
        "source": record.source,
        "error_code": error_code(record),
        "uri": f"{path}.json",
        "encryption_details": encryption_details(record),
        "subresource_uris": {
            "add_on_results": f"{path}/AddOnResults.json",
            "transcriptions": f"{path}/Transcriptions.json",
        },
        "media_url": record.external_url or (None if base_url is None else base_url + path),
    }


def recording_document(record: RecordingRecord, dates: Dates) -> dict[str, Any]:
    """Return the JSON that is stored beside a recording's media: its resource and channels."""
    return {**recording_json(record, dates), "channel_map": record.channel_map_json()}


def encryption_details(record: RecordingRecord) -> dict[str, str] | None:
    """Return how a recording is decrypted, as resource and callbacks tell it; None if it needs no
    decryption."""
    if record.encryption is None:
        return None
    return {"type": "rsa-aes", **asdict(record.encryption)}


def error_code(record: RecordingRecord) -> int | None:
    """Return Twilio's code for why a recording is absent; None if it is not."""
    return None if record.absence is None else ABSENCE_CODES[record.absence]


def _formatted(address: str) -> str:
    """Format a North American number as ``(415) 555-1212``; leave any other address as it is."""
    match = re.fullmatch(r"\+1(\d{3})(\d{3})(\d{4})", address)
    return address if match is None else "({}) {}-{}".format(*match.groups())


def _date_or_none(dates: Dates, loop_ns: int | None) -> str | None:
    return None if loop_ns is None else rfc2822(dates, loop_ns)
