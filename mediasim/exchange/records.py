"""The records of calls, conferences and recordings.

A record holds times as loop nanoseconds and lengths as samples. Durations are rounded to the
nearest second, halves up; a recording's is -1 until it is known. A status changes nowhere but in
:mod:`mediasim.exchange.lifecycle`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.layout import Layout
from mediasim.exchange.profiles import RoleName, Track
from mediasim.exchange.states import (
    CALL,
    CONFERENCE,
    RECORDING,
    CallStatus,
    ConferenceStatus,
    RecordingStatus,
    check_move,
)
from mediasim.exchange.trim import Absence

__all__ = [
    "CallRecord",
    "ChannelMapEntry",
    "ConferenceRecord",
    "Direction",
    "EndReason",
    "RecordingRecord",
    "RecordingSource",
    "SipFacts",
]

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
    """One call: one leg."""

    LIFE: ClassVar = CALL

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

    def duration_seconds(self) -> int | None:
        """Whole seconds from answer to end; None for a call not completed."""
        if self.answered_ns is None or self.ended_ns is None:
            return None
        return _nearest(self.ended_ns - self.answered_ns, NS_PER_SECOND)


@dataclass(slots=True)
class ConferenceRecord:
    """One conference."""

    LIFE: ClassVar = CONFERENCE

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
    """One recording, with its layout and channel map."""

    LIFE: ClassVar = RECORDING

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
    absence: Absence | None = None
    """Why it is absent."""
    channel_map: list[ChannelMapEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_move(RECORDING, None, self.status)
        self.updated_ns = self.created_ns

    def duration_seconds(self) -> int:
        """Whole seconds; -1 while not known."""
        return -1 if self.samples is None else _nearest(self.samples, SAMPLE_RATE)

    def channel_map_json(self) -> dict[str, Any]:
        """Why the recording has its channels, and what each of them is."""
        return {
            "layout": self.layout.to_json(),
            "channels": [asdict(entry) for entry in self.channel_map],
        }


def _nearest(amount: int, unit: int) -> int:
    return (2 * amount + unit) // (2 * unit)
