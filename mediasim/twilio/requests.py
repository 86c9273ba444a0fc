"""What an app asks for, by REST or by TwiML, once its words have been read.

Defaults are Twilio's (API description 2010-04-01 and the pages of the TwiML verbs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mediasim.exchange.recording import RecordingOptions

__all__ = [
    "CallRequest",
    "CallUpdate",
    "Callback",
    "ConferenceUpdate",
    "DialRequest",
    "ParticipantRequest",
    "ParticipantUpdate",
    "RecordingRequest",
    "StreamRequest",
    "StreamTrack",
    "TwimlSource",
]


@dataclass(frozen=True, slots=True)
class Callback:
    """Where to tell of events, and of which; no events: the default of what it is for."""

    url: str
    method: str = "POST"
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TwimlSource:
    """Where a call's TwiML comes from: a URL, or the words themselves."""

    url: str | None = None
    method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"
    twiml: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingRequest(RecordingOptions):
    """A recording to start, and where to tell of it; the defaults are those of a REST request."""

    callback: Callback | None = None


StreamTrack = Literal["inbound_track", "outbound_track", "both_tracks"]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A media stream to start: POST /Calls/{sid}/Streams, or a Stream noun."""

    url: str
    name: str | None = None
    track: StreamTrack = "inbound_track"
    callback: Callback | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Handed to the app in its ``start`` message."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """POST /Calls."""

    to: str
    from_: str
    script: TwimlSource = field(default_factory=TwimlSource)
    application_sid: str | None = None
    status_callback: Callback | None = None
    timeout_seconds: int = 60
    time_limit_seconds: int | None = None
    send_digits: str = ""
    caller_name: str | None = None
    recording: RecordingRequest | None = None
    """With ``Record=true``."""
    participant: ParticipantRequest | None = None
    """What it does instead of following a script: take part in a conference."""


@dataclass(frozen=True, slots=True)
class DialRequest:
    """What a call does instead of following a script: be connected to a telephone."""

    address: str
    timeout_seconds: int = 30
    """How long it may ring."""


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """POST /Calls/{sid}."""

    status: str | None = None
    """canceled or completed."""
    script: TwimlSource | None = None
    status_callback: Callback | None = None
    time_limit_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ConferenceUpdate:
    """POST /Conferences/{sid}."""

    status: str | None = None
    """completed."""
    announce: TwimlSource | None = None


@dataclass(frozen=True, slots=True)
class ParticipantRequest:
    """POST /Conferences/{name or sid}/Participants; also what a Conference noun says."""

    to: str = ""
    from_: str = ""
    label: str | None = None
    status_callback: Callback | None = None
    """Of the call."""
    timeout_seconds: int = 60
    time_limit_seconds: int | None = None
    muted: bool = False
    beep: str = "true"
    """true, false, onEnter or onExit."""
    start_conference_on_enter: bool = True
    end_conference_on_exit: bool = False
    wait: TwimlSource | None = None
    """None: Twilio's music; an empty URL: silence."""
    max_participants: int = 250
    coaching: str | None = None
    """The call that alone hears this one."""
    recording: RecordingRequest | None = None
    """Of the participant's call."""
    conference_recording: RecordingRequest | None = None
    """``record-from-start``."""
    conference_callback: Callback | None = None
    """Conference events."""


@dataclass(frozen=True, slots=True)
class ParticipantUpdate:
    """POST /Conferences/{sid}/Participants/{call or label}; None: as it is."""

    muted: bool | None = None
    hold: bool | None = None
    hold_script: TwimlSource | None = None
    announce: TwimlSource | None = None
    beep_on_exit: bool | None = None
    end_conference_on_exit: bool | None = None
    coaching: bool | None = None
    call_sid_to_coach: str | None = None
    wait: TwimlSource | None = None
