"""The records of calls, conferences and recordings, their SIDs, and the catalogue that holds them.

A record holds times as loop nanoseconds and lengths as samples. Durations are rounded to the
nearest second, halves up; a recording's is -1 until it is known. Only
:mod:`mediasim.exchange.lifecycle` changes a status.

A SID, Twilio's identifier, is two letters for the kind of resource and 32 hexadecimal digits. A
run's seed decides every SID. The n-th of a prefix is drawn under the label ``sid/<prefix>/<n>``, so
that one more call changes no recording's SID.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
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
    "Encryption",
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
    """The SIP side of a call to or from a SIP telephone."""

    call_id: str
    """The Call-ID header of the INVITE."""
    response_code: int | None = None
    """The final response code of a called SIP telephone; None for a caller, or before."""
    domain: str = ""
    """The SIP domain that a caller has called; "" for a called telephone."""
    username: str = ""
    """The user name a caller has authenticated as; "" for none."""
    source_ip: str = ""
    """The IP address that a caller's INVITE came from; "" for a called telephone."""
    headers: dict[str, str] = field(default_factory=dict)
    """The X- headers received: of a caller's INVITE, or of a callee's response."""
    domain_sid: str = ""
    """The resource of the domain; "" for none."""


@dataclass(slots=True)
class CallRecord:
    """The record of one call, which is one leg."""

    LIFECYCLE: ClassVar = CALL

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
    application_sid: str | None = None
    """The application whose document the call follows; None for another document."""
    caller_name: str | None = None
    forwarded_from: str | None = None
    answered_ns: int | None = None
    ended_ns: int | None = None
    sip: SipFacts | None = None
    answered_by: str | None = None
    """Who has answered, by answering machine detection; None without a verdict."""
    detection_ms: int | None = None
    """Milliseconds from the answer to that verdict."""
    queue_ms: int = 0
    """Milliseconds that the call was expected to wait when it was created, until it is dialled."""
    trunk_sid: str | None = None
    """The trunk that the call came or went over."""

    def __post_init__(self) -> None:
        check_move(CALL, None, self.status)
        self.updated_ns = self.created_ns

    @property
    def started_ns(self) -> int | None:
        """The loop time of the answer, or of the call's creation if it was dialled in vain."""
        unanswered = self.status in ("busy", "no-answer", "failed", "ringing")
        dialled_ns = self.created_ns + self.queue_ms * 1_000_000
        return dialled_ns if self.answered_ns is None and unanswered else self.answered_ns

    @property
    def resource_sid(self) -> str:
        """The SID of the call that stands for this one: a call over a trunk has one for its two
        legs, that of its caller."""
        if self.parent_call_sid is not None and self.direction.startswith("trunking"):
            return self.parent_call_sid
        return self.sid

    def duration_seconds(self) -> int | None:
        """Return the whole seconds from answer to end; None for a call that is not completed."""
        if self.answered_ns is None or self.ended_ns is None:
            return None
        return _nearest(self.ended_ns - self.answered_ns, NS_PER_SECOND)


@dataclass(slots=True)
class ConferenceRecord:
    """The record of one conference."""

    LIFECYCLE: ClassVar = CONFERENCE

    sid: str
    account_sid: str
    friendly_name: str
    created_ns: int
    status: ConferenceStatus = "init"
    updated_ns: int = field(init=False)
    reason_ended: EndReason | None = None
    call_sid_ending: str | None = None
    """The call whose leaving ended the conference; None for another reason, or before."""

    def __post_init__(self) -> None:
        check_move(CONFERENCE, None, self.status)
        self.updated_ns = self.created_ns


@dataclass(frozen=True, slots=True)
class ChannelMapEntry:
    """The parties heard in one channel of a recording, and the track it was taken from."""

    channel: int
    """The channel's number, counted from 1."""
    leg: str
    """The name of the leg that the audio was taken from, ``mix`` for a mix."""
    party: str | None
    """The names of the parties heard; None for a mix, or if there was none."""
    call_sid: str | None
    """The SID of that leg's call; None for a mix."""
    track: Track
    """The track of ``leg``, ``both`` for a mix."""
    role: RoleName
    words: str
    """The whole entry in words."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How the media of a recording was encrypted, for who has the private key."""

    public_key_sid: str
    encrypted_cek: str
    """The content encryption key, encrypted by the public key, in base64."""
    iv: str
    """The initialization vector of the content's encryption, in base64."""


@dataclass(slots=True)
class RecordingRecord:
    """The record of one recording, with its layout and channel map."""

    LIFECYCLE: ClassVar = RECORDING

    sid: str
    account_sid: str
    call_sid: str
    """The recorded call; the parent call for a call with a child."""
    source: RecordingSource
    layout: Layout
    created_ns: int
    start_ns: int
    """Loop time at which the first sample was recorded, in nanoseconds."""
    conference_sid: str | None = None
    status: RecordingStatus = "in-progress"
    updated_ns: int = field(init=False)
    samples: int | None = None
    """Length of each stored channel, in samples; None until it is known."""
    absence: Absence | None = None
    """Why the recording has no media; None if it has some, or before."""
    channel_map: list[ChannelMapEntry] = field(default_factory=list)
    encryption: Encryption | None = None
    """How its media was encrypted; None if it was not, or before."""
    configuration_id: str = ""
    """Id of the configuration that it was started by; "" without one."""
    external_url: str | None = None
    """Where its media is in a bucket of the customer's; None if it is in the store, or before."""

    def __post_init__(self) -> None:
        check_move(RECORDING, None, self.status)
        self.updated_ns = self.created_ns

    def duration_seconds(self) -> int | None:
        """Return the length in whole seconds; None until it is known."""
        return None if self.samples is None else _nearest(self.samples, SAMPLE_RATE)

    def channel_map_json(self) -> dict[str, Any]:
        """Return the layout, with the rule that decided it, and the channel map, as JSON."""
        return {
            "layout": self.layout.to_json(),
            "channels": [asdict(entry) for entry in self.channel_map],
        }


def _nearest(amount: int, unit: int) -> int:
    return (2 * amount + unit) // (2 * unit)


# -- SIDs ---------------------------------------------------------------------------------------


class SidFactory:
    """The source of a run's SIDs, all decided by its seed."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._made: Counter[str] = Counter()
        self.may_draw: Callable[[str], bool] | None = None
        """Returns whether a SID may be drawn; others are passed over. None: any may."""

    def new(self, prefix: str) -> str:
        """Return the next SID of a prefix.

        Raises ValueError if the prefix is not two capital letters.
        """
        if re.fullmatch("[A-Z]{2}", prefix) is None:
            raise ValueError(f"{prefix!r} is no SID prefix: one is two capital letters")
        while True:
            number = self._made[prefix]
            self._made[prefix] += 1
            sid = prefix + self._seeds.digest(f"sid/{prefix}/{number}", 16).hex()
            if self.may_draw is None or self.may_draw(sid):
                return sid


def check_recording_sid(text: str) -> str:
    """Return the text, which is then safe as a file name: 34 letters and digits.

    Raises ValueError if the text has not the form of a recording's SID.
    """
    if re.fullmatch("RE[0-9a-f]{32}", text) is None:
        raise ValueError(f"{text!r} is no recording SID: one is RE and 32 hexadecimal digits")
    return text


# -- the catalogue ------------------------------------------------------------------------------

Record = TypeVar("Record", CallRecord, ConferenceRecord, RecordingRecord)


class UnknownSid(LookupError):
    """A SID that the catalogue has no record of."""


class Catalogue:
    """Every call, recording and conference of one exchange, in order of creation, in memory."""

    def __init__(self) -> None:
        self._calls: dict[str, CallRecord] = {}
        self._recordings: dict[str, RecordingRecord] = {}
        self._conferences: dict[str, ConferenceRecord] = {}

    def add_call(self, call: CallRecord) -> None:
        """Add a new call. Raises ValueError if its SID is taken."""
        _add(self._calls, call)

    def add_recording(self, recording: RecordingRecord) -> None:
        """Add a new recording. Raises ValueError if its SID is taken."""
        _add(self._recordings, recording)

    def add_conference(self, conference: ConferenceRecord) -> None:
        """Add a new conference. Raises ValueError if its SID is taken."""
        _add(self._conferences, conference)

    def remove_call(self, sid: str) -> None:
        """Remove a call, but not its recordings. Raises UnknownSid."""
        del self._calls[self.call(sid).sid]

    def remove_recording(self, sid: str) -> None:
        """Remove a recording; does nothing if there is none."""
        self._recordings.pop(sid, None)

    def call(self, sid: str) -> CallRecord:
        """Return the call with a SID. Raises UnknownSid."""
        return _find(self._calls, sid, "call")

    def recording(self, sid: str) -> RecordingRecord:
        """Return the recording with a SID. Raises UnknownSid."""
        return _find(self._recordings, sid, "recording")

    def conference(self, sid: str) -> ConferenceRecord:
        """Return the conference with a SID. Raises UnknownSid."""
        return _find(self._conferences, sid, "conference")

    def calls(self, *, parent: str | None = None) -> list[CallRecord]:
        """Return all calls, or the children of one, oldest first."""
        calls = self._calls.values()
        return [call for call in calls if parent in (None, call.parent_call_sid)]

    def call_resources(self) -> list[CallRecord]:
        """Return the calls that stand for themselves (:attr:`CallRecord.resource_sid`)."""
        return [call for call in self._calls.values() if call.resource_sid == call.sid]

    def recordings(
        self, *, call: str | None = None, conference: str | None = None
    ) -> list[RecordingRecord]:
        """Return all recordings, or those of a call, of a conference, or of both, oldest first."""
        return [
            recording
            for recording in self._recordings.values()
            if call in (None, recording.call_sid) and conference in (None, recording.conference_sid)
        ]

    def conferences(self, *, name: str | None = None) -> list[ConferenceRecord]:
        """Return all conferences, or those with a friendly name, oldest first."""
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
