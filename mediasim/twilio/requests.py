"""Requests of an app, by REST or by TwiML, with their parameters read and checked.

Defaults are Twilio's (API description 2010-04-01 and the pages of the TwiML verbs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from mediasim.exchange.answering_machine import AnsweredBy, MachineSettings
from mediasim.exchange.recording import RecordingOptions

__all__ = [
    "CALL_EVENTS",
    "CONFERENCE_EVENTS",
    "DEFAULT_EVENTS",
    "DETECTION_MODES",
    "DETECTION_TIMES",
    "RECORDING_EVENTS",
    "STREAM_EVENTS",
    "CallRequest",
    "CallUpdate",
    "Callback",
    "ConferenceUpdate",
    "DialRequest",
    "Params",
    "ParticipantRequest",
    "ParticipantUpdate",
    "RecordingRequest",
    "SiprecRequest",
    "StreamRequest",
    "StreamTrack",
    "TwimlSource",
]


Params = list[tuple[str, str]]
"""Parameters of a request to the app, in order."""
DEFAULT_EVENTS: Final = ("completed",)
"""Events that the callbacks of calls and recordings report unless others are given."""
CALL_EVENTS: Final = ("initiated", "ringing", "answered", "completed")
RECORDING_EVENTS: Final = ("in-progress", "completed", "absent")
CONFERENCE_EVENTS: Final = (
    *("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"),
)
STREAM_EVENTS: Final = ("stream-started", "stream-stopped", "stream-error")
"""Events that a status callback can be limited to, by the subject of the callback."""
DETECTION_MODES: Final = ("Enable", "DetectMessageEnd")
"""What answering machine detection waits for: the beginning of an answer, or its end."""
DETECTION_TIMES: Final = {
    "Timeout": ("timeout_ms", 3, 59, 1000),
    "SpeechThreshold": ("speech_threshold_ms", 1000, 6000, 1),
    "SpeechEndThreshold": ("speech_end_ms", 500, 5000, 1),
    "SilenceTimeout": ("silence_timeout_ms", 2000, 10_000, 1),
}
"""The field of each parameter ``MachineDetection<name>``, its bounds, and its milliseconds."""


@dataclass(frozen=True, slots=True)
class Callback:
    """Where an app wants events reported, and which; no events: the resource's default ones."""

    url: str
    method: str = "POST"
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TwimlSource:
    """The source of a call's TwiML: a URL, or the document itself."""

    url: str | None = None
    method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"
    twiml: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingRequest(RecordingOptions):
    """A recording to start, and its callback; the defaults are those of a REST request."""

    callback: Callback | None = None
    configuration_id: str = ""
    """Id of the configuration that it is of; "" for none."""
    inline: tuple[str, ...] = field(default=(), compare=False)
    """Names of the parameters that the request has itself."""
    by_default: bool = field(default=False, compare=False)
    """Whether the account's default stands for parameters that the request has not."""


StreamTrack = Literal["inbound_track", "outbound_track", "both_tracks"]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A media stream to start: POST /Calls/{sid}/Streams, or a Stream noun."""

    url: str
    name: str | None = None
    track: StreamTrack = "inbound_track"
    callback: Callback | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters, sent to the app in the ``start`` message."""


@dataclass(frozen=True, slots=True)
class SiprecRequest:
    """A SIPREC session to start: POST /Calls/{sid}/Siprec, or a Siprec noun."""

    connector: str
    """Unique name of the connector."""
    name: str | None = None
    track: StreamTrack = "both_tracks"
    callback: Callback | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters, sent to the recorder in the metadata."""


@dataclass(frozen=True, slots=True)
class MachineDetection:
    """Answering machine detection on a call that is answered."""

    settings: MachineSettings
    asynchronous: bool = False
    """Whether the document is fetched at once, without waiting for the verdict."""
    callback: Callback | None = None
    """Where an asynchronous verdict is sent."""


@dataclass(frozen=True, slots=True)
class DetectionFaults:
    """How the verdicts that an account reports differ from those of the audio."""

    verdict: AnsweredBy | None = None
    """The verdict on every call; None: that of the audio."""
    errors: float = 0.0
    """Share of calls, drawn by the seed, on which the verdict is wrong."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to place: POST /Calls."""

    to: str
    from_: str
    source: TwimlSource = field(default_factory=TwimlSource)
    application_sid: str | None = None
    status_callback: Callback | None = None
    timeout_seconds: int = 60
    time_limit_seconds: int | None = None
    send_digits: str = ""
    sip_user: tuple[str, str] | None = None
    """User name and password for a SIP telephone that requires them."""
    caller_name: str | None = None
    recording: RecordingRequest | None = None
    """The recording that ``Record=true`` starts when the call is answered."""
    participant: ParticipantRequest | None = None
    """The conference participant that the call is, in place of following a document."""
    machine_detection: MachineDetection | None = None
    by_twilio: bool = False
    """Whether Twilio itself calls, from a number of its own: to verify another."""


@dataclass(frozen=True, slots=True)
class DialRequest:
    """A telephone that a call is connected to, in place of following a document."""

    address: str
    timeout_seconds: int = 30
    """Most seconds that the telephone rings."""


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """A change of a call: POST /Calls/{sid}."""

    status: str | None = None
    """``canceled`` or ``completed``; None: the call goes on."""
    source: TwimlSource | None = None
    status_callback: Callback | None = None
    time_limit_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class ConferenceUpdate:
    """A change of a conference: POST /Conferences/{sid}."""

    status: str | None = None
    """``completed``; None: the conference goes on."""
    announce: TwimlSource | None = None


@dataclass(frozen=True, slots=True)
class ParticipantRequest:
    """A participant: POST /Conferences/{name or sid}/Participants, or a Conference noun."""

    to: str = ""
    from_: str = ""
    label: str | None = None
    status_callback: Callback | None = None
    """Callback of the participant's call."""
    timeout_seconds: int = 60
    time_limit_seconds: int | None = None
    muted: bool = False
    beep: str = "true"
    """``true``, ``false``, ``onEnter`` or ``onExit``."""
    start_conference_on_enter: bool = True
    end_conference_on_exit: bool = False
    wait: TwimlSource | None = None
    """Document heard before the conference starts; None: Twilio's music; empty URL: silence."""
    max_participants: int = 250
    coaching: str | None = None
    """SID of the coached call, the only one that hears this participant."""
    recording: RecordingRequest | None = None
    """Recording of the participant's call."""
    conference_recording: RecordingRequest | None = None
    """Recording of the conference from its start (``record-from-start``)."""
    conference_callback: Callback | None = None
    """Callback of the conference's events."""
    machine_detection: MachineDetection | None = None
    sip_user: tuple[str, str] | None = None
    """User name and password for a SIP telephone that requires them."""


@dataclass(frozen=True, slots=True)
class ParticipantUpdate:
    """A change of a participant: POST /Conferences/{sid}/Participants/{call or label}.

    What is None stays as it is.
    """

    muted: bool | None = None
    hold: bool | None = None
    hold_source: TwimlSource | None = None
    announce: TwimlSource | None = None
    beep_on_exit: bool | None = None
    end_conference_on_exit: bool | None = None
    coaching: bool | None = None
    call_sid_to_coach: str | None = None
    wait: TwimlSource | None = None
