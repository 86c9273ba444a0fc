"""The plans of a scenario's calls and conferences, with all times in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.word_time import WordTime
from mediasim.exchange.message import MessageRequest
from mediasim.exchange.phone import Answering
from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.records import RecordingSource
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import PauseBehavior
from mediasim.parties.party import Party

if TYPE_CHECKING:
    from mediasim.twilio.relay.attributes import RelayRequest
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
    """A time of the call, or the first event of a kind."""

    at_ns: int | None = None
    """Nanoseconds after the call was dialled; None if an event is meant."""
    event: str | None = None
    """The kind of event; None if a time is meant."""


@dataclass(frozen=True, slots=True)
class PausePlan:
    """A stretch left out of a recording: from a moment, for a time or until another moment, or to
    the end."""

    begin: Moment
    for_ns: int | None = None
    until: Moment | None = None
    behavior: PauseBehavior = PauseBehavior.SILENCE


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """A recording that is to be made of a call or conference."""

    name: str
    start: Literal["leg", "answer", "ringing"] | Moment = "answer"
    """When the recording starts: the caller's leg is answered (``leg``), the callee answers, or its
    telephone begins to ring; or a moment."""
    channels: Channels = "mono"
    track: Track = "both"
    trim: Trim = "do-not-trim"
    source: RecordingSource = "DialVerb"
    pauses: tuple[PausePlan, ...] = ()
    stop: Moment | None = None


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """A transfer: the caller is connected to another party."""

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
    """Nanoseconds that each connection may last; None is four hours."""
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
    """Name of the message's recording."""
    greeting: NDArray[np.int16] | None = None
    """Samples of the greeting, of shape (samples,), at 8 kHz; None if there is none."""
    greeting_text: str = ""
    """What the greeting says; empty if that is unknown."""
    greeting_words: tuple[WordTime, ...] = ()
    """The words of the greeting with their times; empty if these are unknown."""
    request: MessageRequest = field(default_factory=MessageRequest)
    trim: Trim = "trim-silence"
    also: tuple[RecordingPlan, ...] = ()
    """Other recordings of the same call."""


@dataclass(frozen=True, slots=True)
class AppPlan:
    """A call that is connected to an app by a media stream, or by a relay."""

    name: str
    caller: Party
    request: StreamRequest
    relay: RelayRequest | None
    """The relay; None for a stream."""
    auth_token: str
    time_limit_ns: int
    recordings: tuple[RecordingPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class MutePlan:
    """A stretch in which a participant is muted."""

    at_ns: int = 0
    """Beginning of the mute, in nanoseconds after the run's start."""
    for_ns: int | None = None
    """Nanoseconds that the mute lasts; None is to the end."""


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """The times at which a party joins and leaves, in nanoseconds after the run's start."""

    party: Party
    join_ns: int = 0
    leave_ns: int | None = None
    """When the party leaves; None is at the conference's end."""
    mutes: tuple[MutePlan, ...] = ()


@dataclass(frozen=True, slots=True)
class ConferencePlan:
    """A conference with its participants."""

    name: str
    participants: tuple[ParticipantPlan, ...]
    recording: RecordingPlan | None = None
    end_ns: int | None = None
    """When the conference ends for all, in nanoseconds after the run's start; None if it ends with
    the last participant."""
