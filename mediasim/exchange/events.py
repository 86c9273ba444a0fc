"""The events of the exchange: what happens to calls, recordings and conferences.

Each event is one of the classes below and is emitted twice through pyee: under its own kind
(``call.answered``) and under ``event``. Kinds:

==================================  =============================================================
``call.queued`` ``.initiated``      a call's status, one kind per status; ``call.answered`` is
``.ringing`` ``.answered``          in-progress
``call.completed`` ``.busy``        the ends of a call
``.no-answer`` ``.canceled``
``.failed``
``call.bridged`` ``.held``          two legs hear each other; one is put on hold; is taken off
``.resumed`` ``.transferred``       hold; the caller is put through to another callee
``recording.started`` ``.paused``   a recording's lifecycle
``.resumed`` ``.stopped``
``.completed`` ``.absent``
``conference.started`` ``.joined``  a conference's lifecycle and its participants
``.left`` ``.muted`` ``.unmuted``
``.ended``
``stream.started`` ``.stopped``     a media stream's lifecycle
``.error``
``relay.started`` ``.prompt``       a relay's lifecycle, and what its app is told of words
``.interrupt`` ``.stopped``
``.error``
``transcription.started``           a recording's transcription
``.completed`` ``.failed``
``payment.success`` ...             the end of a payment, by its result
``user-message.received`` ``.sent`` a user-defined message to a party, and from one
``dtmf``                            a key that the server received
any other name                      emitted by a script's ``emit`` step
==================================  =============================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pyee.base import EventEmitter

from mediasim.exchange.states import CALL

__all__ = [
    "EXCHANGE_EVENTS",
    "MESSAGE_EVENTS",
    "PAYMENT_EVENTS",
    "SECRET_KEY",
    "STREAM_EVENTS",
    "CallEvent",
    "ConferenceEvent",
    "DtmfEvent",
    "Event",
    "Events",
    "PaymentEvent",
    "RecordingEvent",
    "ScriptEvent",
    "StreamEvent",
    "TranscriptEvent",
    "TranscriptionEvent",
    "UserMessageEvent",
]


SECRET_KEY: Final = "x"
"""What is shown in place of a key that must not be known."""
EXCHANGE_EVENTS: Final = (
    *(f"call.{status}" for status in CALL.moves if status != "in-progress"),
    *(f"call.{word}" for word in ("answered", "bridged", "held", "resumed", "transferred")),
    *(f"recording.{word}" for word in ("started", "paused", "resumed", "stopped")),
    *(f"recording.{word}" for word in ("completed", "absent")),
    *(f"conference.{word}" for word in ("started", "joined", "left", "muted", "unmuted", "ended")),
    "dtmf",
)
"""Every kind of event that the exchange itself emits."""
STREAM_EVENTS: Final = (
    *(f"stream.{word}" for word in ("started", "stopped", "error")),
    *(f"relay.{word}" for word in ("started", "prompt", "interrupt", "stopped", "error")),
)
"""The kinds of event of media streams and relays."""
PAYMENT_EVENTS: Final = tuple(
    f"payment.{result}"
    for result in (
        *("success", "too-many-failed-attempts", "payment-connector-error"),
        *("caller-interrupted-with-star", "caller-hung-up", "transaction-cancelled"),
        "validation-error",
    )
)
"""The kinds of event of a payment's end, by its result."""
MESSAGE_EVENTS: Final = ("user-message.received", "user-message.sent")
"""The kinds of event of user-defined messages, to a party and from one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of the exchange."""

    _SUBJECT: ClassVar = ""
    """The field that holds the subject; "" if there is none."""

    at_ns: int
    """Loop time of the event, in nanoseconds."""
    kind: str
    """The event's name, such as ``call.answered``."""
    text: str
    """The event in words, for reports and logs."""

    @property
    def subject(self) -> str:
        """The SID of the resource (or the name of the party) the event is about, or ""."""
        return str(getattr(self, self._SUBJECT, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """A change of a call's status, or its being bridged, held, resumed or transferred."""

    _SUBJECT: ClassVar = "call_sid"

    call_sid: str
    parent_call_sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEvent(Event):
    """A change of a recording's status."""

    _SUBJECT: ClassVar = "recording_sid"

    recording_sid: str
    call_sid: str
    conference_sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceEvent(Event):
    """A conference's start or end, or a participant's joining, leaving, muting or unmuting."""

    _SUBJECT: ClassVar = "conference_sid"

    conference_sid: str
    call_sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfEvent(Event):
    """A key received from a call's party."""

    _SUBJECT: ClassVar = "call_sid"

    call_sid: str
    digit: str
    """The key; ``SECRET_KEY`` in place of one that must not be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptEvent(Event):
    """An event of a party's script (its ``emit`` step)."""

    _SUBJECT: ClassVar = "party"

    party: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent(Event):
    """What happens to a media stream, a relay, a fork or a real-time transcription of a call: its
    start, its end, an error."""

    _SUBJECT: ClassVar = "call_sid"

    call_sid: str
    stream_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent(Event):
    """The end of a payment that a call's party was asked for."""

    _SUBJECT: ClassVar = "call_sid"

    call_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessageEvent(Event):
    """A user-defined message that a call's party has received or sent."""

    _SUBJECT: ClassVar = "call_sid"

    call_sid: str
    message_sid: str
    """SID of the message; "" before an account has given it one."""
    content: str
    """JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionEvent(Event):
    """A transcription's start, completion or failure."""

    _SUBJECT: ClassVar = "recording_sid"

    transcription_sid: str
    recording_sid: str
    call_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptEvent(Event):
    """A change of a transcript's status."""

    _SUBJECT: ClassVar = "transcript_sid"

    transcript_sid: str
    recording_sid: str
    """The recording that it is of; "" for media from elsewhere."""
    call_sid: str


@dataclass(slots=True)
class Events:
    """The exchange's event emitter, with a log of all events."""

    emitter: EventEmitter = field(default_factory=EventEmitter)
    log: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Log an event, then call the listeners for its kind, then those for all events."""
        self.log.append(event)
        self.emitter.emit(event.kind, event)
        self.emitter.emit("event", event)

    def on(self, kind: str, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` for each event of a kind; the kind ``event`` is every event."""
        self.emitter.add_listener(kind, listener)

    def forget(self, kind: str, listener: Callable[[Event], None]) -> None:
        """Stop calling ``listener`` for events of a kind."""
        self.emitter.remove_listener(kind, listener)

    async def wait(self, kind: str) -> Event:
        """Wait for the first event of a kind and return it, also if it has happened already."""
        for event in self.log:
            if event.kind == kind:
                return event
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

        def heard(event: Event) -> None:
            if not future.done():
                future.set_result(event)

        self.emitter.once(kind, heard)
        return await future
