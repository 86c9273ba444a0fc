"""What a scenario asks of the exchange, with all its times in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.message import MessageRequest
from mediasim.exchange.phone import Answering
from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.records import RecordingSource
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import PauseBehavior
from mediasim.parties.party import Party
from mediasim.twilio.requests import StreamRequest

__all__ = [
    "AppPlan",
    "ConferencePlan",
    "DialPlan",
    "Moment",
    "MutePlan",
    "ParticipantPlan",
    "PausePlan",
    "RecordingPlan",
    "TransferPlan",
    "VoicemailPlan",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of the call (ns after it was dialled), or the first event of a kind."""

    at_ns: int | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class PausePlan:
    """A stretch left out: from a moment, for a time or until another moment, or for good."""

    begin: Moment
    for_ns: int | None = None
    until: Moment | None = None
    behavior: PauseBehavior = PauseBehavior.SILENCE


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """One recording."""

    name: str
    start: Literal["leg", "answer", "ringing"] | Moment = "answer"
    """When the caller's leg is answered; when the callee answers; when it begins to ring."""
    channels: Channels = "mono"
    track: Track = "both"
    trim: Trim = "do-not-trim"
    source: RecordingSource = "DialVerb"
    pauses: tuple[PausePlan, ...] = ()
    stop: Moment | None = None


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """The caller is connected to another party."""

    when: Moment
    to: Party
    answering: Answering = field(default_factory=Answering)
    timeout_ns: int = 30_000_000_000


@dataclass(frozen=True, slots=True)
class DialPlan:
    """A call from one party to another."""

    name: str
    caller: Party
    callee: Party
    answering: Answering = field(default_factory=Answering)
    timeout_ns: int = 30_000_000_000
    time_limit_ns: int | None = None
    """Of each connection; None: four hours."""
    answer_on_bridge: bool = False
    dial_after_ns: int = 0
    transfers: tuple[TransferPlan, ...] = ()
    recordings: tuple[RecordingPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class VoicemailPlan:
    """A call that leaves a message."""

    name: str
    caller: Party
    recording: str
    """What the message's recording is called."""
    greeting: NDArray[np.int16] | None = None
    request: MessageRequest = field(default_factory=MessageRequest)
    trim: Trim = "trim-silence"
    also: tuple[RecordingPlan, ...] = ()
    """Other recordings of the same call."""


@dataclass(frozen=True, slots=True)
class AppPlan:
    """A call that is connected to an app by a media stream."""

    name: str
    caller: Party
    ask: StreamRequest
    auth_token: str
    time_limit_ns: int
    recordings: tuple[RecordingPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class MutePlan:
    """A stretch, counted from the run's start, in which a participant is not heard."""

    at_ns: int = 0
    for_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """When a party joins and leaves; times are counted from the run's start."""

    party: Party
    join_ns: int = 0
    leave_ns: int | None = None
    mutes: tuple[MutePlan, ...] = ()


@dataclass(frozen=True, slots=True)
class ConferencePlan:
    """One conference."""

    name: str
    participants: tuple[ParticipantPlan, ...]
    recording: RecordingPlan | None = None
    end_ns: int | None = None
