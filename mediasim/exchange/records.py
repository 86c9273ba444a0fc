"""The records of calls, conferences and recordings, and the JSON Twilio shows of them.

A record holds times as loop nanoseconds and lengths as samples; dates and seconds are made when it
is shown. Its status changes only through ``move``, which keeps to the tables of ``states``.

Fields, types and names follow Twilio's API description 2010-04-01 (account-level resources).
Where it leaves room we chose: a call's ``start_time`` is when it was answered, so that start time
and duration add up to ``end_time``; durations are rounded to the nearest second, halves up; a
recording's duration is ``-1`` until it is known; prices stay null, for nothing is billed.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.dates import Dates
from mediasim.exchange.layout import Layout, RoleName, Track
from mediasim.exchange.states import (
    CALL,
    CONFERENCE,
    RECORDING,
    CallStatus,
    ConferenceStatus,
    RecordingStatus,
    check_move,
)

__all__ = [
    "API_VERSION",
    "CallRecord",
    "ChannelMapEntry",
    "ConferenceRecord",
    "Direction",
    "EndReason",
    "RecordingRecord",
    "RecordingSource",
    "SipFacts",
]

API_VERSION: Final = "2010-04-01"

Direction = Literal[
    "inbound", "outbound-api", "outbound-dial", "trunking-originating", "trunking-terminating"
]
RecordingSource = Literal[
    "DialVerb",
    "Conference",
    "OutboundAPI",
    "Trunking",
    "RecordVerb",
    "StartCallRecordingAPI",
    "StartConferenceRecordingAPI",
]

EndReason = Literal[
    "conference-ended-via-api",
    "participant-with-end-conference-on-exit-left",
    "participant-with-end-conference-on-exit-kicked",
    "last-participant-kicked",
    "last-participant-left",
]

_CALL_SUBRESOURCES: Final = {
    "notifications": "Notifications",
    "recordings": "Recordings",
    "payments": "Payments",
    "events": "Events",
    "siprec": "Siprec",
    "streams": "Streams",
    "transcriptions": "Transcriptions",
    "user_defined_message_subscriptions": "UserDefinedMessageSubscriptions",
    "user_defined_messages": "UserDefinedMessages",
}


@dataclass(slots=True)
class SipFacts:
    """What SIP knows of a call that is made by it."""

    call_id: str
    """The Call-ID header of its INVITE."""
    response_code: int | None = None
    """What a telephone of ours has answered in the end, where it was called."""
    domain: str = ""
    """The host that was called, where it has called,"""
    username: str = ""
    """the user it has proved to be,"""
    source_ip: str = ""
    """and where it has called from."""
    headers: dict[str, str] = field(default_factory=dict)
    """The X- headers of what came: the INVITE, or the answer to ours."""


@dataclass(slots=True)
class CallRecord:
    """One call: one leg, as Twilio's Call resource has it."""

    sid: str
    account_sid: str
    to: str
    from_: str
    direction: Direction
    status: CallStatus
    created_ns: int
    updated_ns: int = field(init=False)
    parent_call_sid: str | None = None
    phone_number_sid: str | None = None
    caller_name: str | None = None
    forwarded_from: str | None = None
    answered_ns: int | None = None
    ended_ns: int | None = None
    sip: SipFacts | None = None

    def __post_init__(self) -> None:
        check_move(CALL, None, self.status)
        self.updated_ns = self.created_ns

    def move(self, status: CallStatus, now_ns: int) -> None:
        """Change the status, and keep when it was answered and when it ended.

        Raises IllegalMove where a call cannot change so.
        """
        check_move(CALL, self.status, status)
        self.status = status
        self.updated_ns = now_ns
        if status == "in-progress":
            self.answered_ns = now_ns
        elif CALL.is_final(status):
            self.ended_ns = now_ns

    def duration_seconds(self) -> int | None:
        """Whole seconds from answer to end; None for a call not completed."""
        if self.answered_ns is None or self.ended_ns is None:
            return None
        return _nearest(self.ended_ns - self.answered_ns, NS_PER_SECOND)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """The Call resource."""
        path = f"{_account_path(self.account_sid)}/Calls/{self.sid}"
        completed = self.status == "completed"
        return {
            "sid": self.sid,
            "date_created": dates.rfc2822(self.created_ns),
            "date_updated": dates.rfc2822(self.updated_ns),
            "parent_call_sid": self.parent_call_sid,
            "account_sid": self.account_sid,
            "to": self.to,
            "to_formatted": _formatted(self.to),
            "from": self.from_,
            "from_formatted": _formatted(self.from_),
            "phone_number_sid": self.phone_number_sid,
            # "initiated" is told to status callbacks only; the resource has no such value.
            "status": "queued" if self.status == "initiated" else self.status,
            "start_time": _date_or_none(dates, self.answered_ns),
            "end_time": _date_or_none(dates, self.ended_ns if completed else None),
            "duration": _text_or_none(self.duration_seconds()),
            "price": None,
            "price_unit": "USD",
            "direction": self.direction,
            "answered_by": None,
            "api_version": API_VERSION,
            "forwarded_from": self.forwarded_from,
            "group_sid": None,
            "caller_name": self.caller_name,
            "queue_time": "0",
            "trunk_sid": None,
            "uri": f"{path}.json",
            "subresource_uris": {
                name: f"{path}/{resource}.json" for name, resource in _CALL_SUBRESOURCES.items()
            },
        }


@dataclass(slots=True)
class ConferenceRecord:
    """One conference, as Twilio's Conference resource has it."""

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    status: ConferenceStatus = "init"
    updated_ns: int = field(init=False)
    reason_ended: EndReason | None = None
    call_sid_ending: str | None = None
    """The call that made it end."""

    def __post_init__(self) -> None:
        check_move(CONFERENCE, None, self.status)
        self.updated_ns = self.created_ns

    def move(self, status: ConferenceStatus, now_ns: int) -> None:
        """Change the status. Raises IllegalMove where a conference cannot change so."""
        check_move(CONFERENCE, self.status, status)
        self.status = status
        self.updated_ns = now_ns

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """The Conference resource."""
        path = f"{_account_path(self.account_sid)}/Conferences/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "date_created": dates.rfc2822(self.created_ns),
            "date_updated": dates.rfc2822(self.updated_ns),
            "api_version": API_VERSION,
            "friendly_name": self.friendly_name,
            "region": "us1",
            "sid": self.sid,
            "status": self.status,
            "uri": f"{path}.json",
            "subresource_uris": {
                "participants": f"{path}/Participants.json",
                "recordings": f"{path}/Recordings.json",
            },
            "reason_conference_ended": self.reason_ended,
            "call_sid_ending_conference": self.call_sid_ending,
        }


@dataclass(frozen=True, slots=True)
class ChannelMapEntry:
    """Whose voice one channel of a recording holds, and where it was taken."""

    channel: int
    """Counted from 1."""
    leg: str
    """The leg (or conference) whose audio was taken."""
    party: str | None
    """Who is heard; None where it is a mix, or nobody."""
    call_sid: str | None
    """The call of that leg; None where it is a mix."""
    track: Track
    """The track of ``leg``, ``both`` where it is a mix."""
    role: RoleName
    words: str
    """The same for a reader."""


@dataclass(slots=True)
class RecordingRecord:
    """One recording, as Twilio's Recording resource has it, with its layout and channel map."""

    sid: str
    account_sid: str
    call_sid: str
    """For a two-party call always the parent's."""
    source: RecordingSource
    layout: Layout
    created_ns: int
    start_ns: int
    """When its first sample was taken."""
    conference_sid: str | None = None
    status: RecordingStatus = "in-progress"
    updated_ns: int = field(init=False)
    samples: int | None = None
    """Length of each stored channel; None while it is not known."""
    error_code: int | None = None
    """Why it is absent."""
    channel_map: list[ChannelMapEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_move(RECORDING, None, self.status)
        self.updated_ns = self.created_ns

    def move(self, status: RecordingStatus, now_ns: int) -> None:
        """Change the status. Raises IllegalMove where a recording cannot change so."""
        check_move(RECORDING, self.status, status)
        self.status = status
        self.updated_ns = now_ns

    def duration_seconds(self) -> int:
        """Whole seconds; -1 while not known."""
        return -1 if self.samples is None else _nearest(self.samples, SAMPLE_RATE)

    def to_twilio_json(self, dates: Dates, base_url: str | None = None) -> dict[str, Any]:
        """The Recording resource of the account.

        ``base_url`` is where its media is served, without a final slash; None if nowhere.
        """
        path = f"{_account_path(self.account_sid)}/Recordings/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "call_sid": self.call_sid,
            "conference_sid": self.conference_sid,
            "date_created": dates.rfc2822(self.created_ns),
            "date_updated": dates.rfc2822(self.updated_ns),
            "start_time": dates.rfc2822(self.start_ns),
            "duration": str(self.duration_seconds()),
            "sid": self.sid,
            "price": None,
            "price_unit": "USD",
            "status": self.status,
            "channels": self.layout.reported_channels,
            "source": self.source,
            "error_code": self.error_code,
            "uri": f"{path}.json",
            "encryption_details": None,
            "subresource_uris": {
                "add_on_results": f"{path}/AddOnResults.json",
                "transcriptions": f"{path}/Transcriptions.json",
            },
            "media_url": None if base_url is None else base_url + path,
        }

    def channel_map_json(self) -> dict[str, Any]:
        """Why the recording has its channels, and what each of them is."""
        return {
            "layout": self.layout.to_json(),
            "channels": [asdict(entry) for entry in self.channel_map],
        }

    def document(self, dates: Dates, base_url: str | None = None) -> dict[str, Any]:
        """What stands beside the media: Twilio's fields and, under its own key, the channel map."""
        return {
            **self.to_twilio_json(dates, base_url),
            "channel_map": self.channel_map_json(),
        }


def _account_path(account_sid: str) -> str:
    return f"/{API_VERSION}/Accounts/{account_sid}"


def _formatted(address: str) -> str:
    """``(415) 555-1212`` for a North American number, any other address as it is."""
    match = re.fullmatch(r"\+1(\d{3})(\d{3})(\d{4})", address)
    return address if match is None else "({}) {}-{}".format(*match.groups())


def _nearest(amount: int, unit: int) -> int:
    return (2 * amount + unit) // (2 * unit)


def _date_or_none(dates: Dates, loop_ns: int | None) -> str | None:
    return None if loop_ns is None else dates.rfc2822(loop_ns)


def _text_or_none(number: int | None) -> str | None:
    return None if number is None else str(number)
