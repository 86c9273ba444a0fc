"""The records of calls, conferences and recordings, their SIDs, and the catalogue that holds them.

A record holds times as loop nanoseconds and lengths as samples. Durations are rounded to the
nearest second, halves up; a recording's is -1 until it is known. A status changes nowhere but in
:mod:`mediasim.exchange.lifecycle`.

A SID, Twilio's identifier, is two letters that say what it is, and 32 hexadecimal digits. A run's
seed decides every SID. The n-th of a prefix is drawn under the label ``sid/<prefix>/<n>``, so that
one more call moves no recording's SID.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

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
from mediasim.seeds import Seeds

__all__ = [
    "CallRecord",
    "Catalogue",
    "ChannelMapEntry",
    "ConferenceRecord",
    "Direction",
    "EndReason",
    "RecordingRecord",
    "RecordingSource",
    "SidFactory",
    "SipFacts",
    "UnknownSid",
    "check_recording_sid",
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


# -- SIDs ---------------------------------------------------------------------------------------


class SidFactory:
    """Makes the SIDs of one run."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._made: Counter[str] = Counter()

    def new(self, prefix: str) -> str:
        """The next SID of the prefix. Raises ValueError for what is not two capital letters."""
        if re.fullmatch("[A-Z]{2}", prefix) is None:
            raise ValueError(f"{prefix!r} is no SID prefix: one is two capital letters")
        number = self._made[prefix]
        self._made[prefix] += 1
        return prefix + self._seeds.digest(f"sid/{prefix}/{number}", 16).hex()


def check_recording_sid(text: str) -> str:
    """The text itself if it has the form of a recording's SID; raises ValueError if not.

    A SID that passed is safe as a file name: 34 letters and digits.
    """
    if re.fullmatch("RE[0-9a-f]{32}", text) is None:
        raise ValueError(f"{text!r} is no recording SID: one is RE and 32 hexadecimal digits")
    return text


# -- the catalogue ------------------------------------------------------------------------------

Record = TypeVar("Record", CallRecord, ConferenceRecord, RecordingRecord)


class UnknownSid(LookupError):
    """No such resource in the catalogue."""


class Catalogue:
    """Every call, recording and conference of one exchange, in order of creation, in memory.

    It finds the records, and changes none of them.
    """

    def __init__(self) -> None:
        self._calls: dict[str, CallRecord] = {}
        self._recordings: dict[str, RecordingRecord] = {}
        self._conferences: dict[str, ConferenceRecord] = {}

    def add_call(self, call: CallRecord) -> None:
        """Enter a new call. Raises ValueError if its SID is taken; so do the other two."""
        _add(self._calls, call)

    def add_recording(self, recording: RecordingRecord) -> None:
        """Enter a new recording."""
        _add(self._recordings, recording)

    def add_conference(self, conference: ConferenceRecord) -> None:
        """Enter a new conference."""
        _add(self._conferences, conference)

    def remove_call(self, sid: str) -> None:
        """Forget a call; what was recorded of it stays. Raises UnknownSid."""
        del self._calls[self.call(sid).sid]

    def call(self, sid: str) -> CallRecord:
        """The call of a SID. Raises UnknownSid; so do the other two."""
        return _find(self._calls, sid, "call")

    def recording(self, sid: str) -> RecordingRecord:
        """The recording of a SID."""
        return _find(self._recordings, sid, "recording")

    def conference(self, sid: str) -> ConferenceRecord:
        """The conference of a SID."""
        return _find(self._conferences, sid, "conference")

    def calls(self, *, parent: str | None = None) -> list[CallRecord]:
        """All calls, or the children of one, oldest first."""
        calls = self._calls.values()
        return [call for call in calls if parent in (None, call.parent_call_sid)]

    def recordings(
        self, *, call: str | None = None, conference: str | None = None
    ) -> list[RecordingRecord]:
        """All recordings, or those of a call, of a conference, or of both, oldest first."""
        return [
            recording
            for recording in self._recordings.values()
            if call in (None, recording.call_sid) and conference in (None, recording.conference_sid)
        ]

    def conferences(self, *, name: str | None = None) -> list[ConferenceRecord]:
        """All conferences, or those of a friendly name, oldest first."""
        conferences = self._conferences.values()
        return [one for one in conferences if name in (None, one.friendly_name)]


def _add(repository: dict[str, Record], record: Record) -> None:
    if record.sid in repository:
        raise ValueError(f"{record.sid} is already in the catalogue")
    repository[record.sid] = record


def _find(repository: dict[str, Record], sid: str, noun: str) -> Record:
    try:
        return repository[sid]
    except KeyError:
        raise UnknownSid(f"no {noun} {sid!r} in the catalogue") from None
