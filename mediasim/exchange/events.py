"""What happens on the exchange, told as events.

Each event is one of the classes below and is emitted twice through pyee: under its own kind
(``call.answered``) and under ``event``. Kinds:

==================================  =============================================================
``call.queued`` ``.initiated``      a call's status, one kind per status; ``call.answered`` is
``.ringing`` ``.answered``          in-progress
``call.completed`` ``.busy``        the ends of a call
``.no-answer`` ``.canceled``
``.failed``
``call.bridged`` ``.held``          two legs hear each other; one side is on hold; no more;
``.resumed`` ``.transferred``       the caller is put through to somebody else
``recording.started`` ``.paused``   a recording's life
``.resumed`` ``.stopped``
``.completed`` ``.absent``
``conference.started`` ``.joined``  a conference's life
``.left`` ``.muted`` ``.unmuted``
``.ended``
``stream.started`` ``.stopped``     a media stream's life
``.error``
``transcription.started``           a recording's words are being found; they are known, or will
``.completed`` ``.failed``          not be
``dtmf``                            a key, as the server heard it
any other name                      raised by a script's ``emit`` step
==================================  =============================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pyee.base import EventEmitter

from mediasim.exchange.states import CALL

__all__ = [
    "EXCHANGE_EVENTS",
    "STREAM_EVENTS",
    "CallEvent",
    "ConferenceEvent",
    "DtmfEvent",
    "Event",
    "Events",
    "RecordingEvent",
    "ScriptEvent",
    "StreamEvent",
    "TranscriptionEvent",
]


EXCHANGE_EVENTS: Final = (
    *(f"call.{status}" for status in CALL.moves if status != "in-progress"),
    *(f"call.{word}" for word in ("answered", "bridged", "held", "resumed", "transferred")),
    *(f"recording.{word}" for word in ("started", "paused", "resumed", "stopped")),
    *(f"recording.{word}" for word in ("completed", "absent")),
    *(f"conference.{word}" for word in ("started", "joined", "left", "muted", "unmuted", "ended")),
    "dtmf",
)
"""Every kind that the exchange emits by itself."""
STREAM_EVENTS: Final = tuple(f"stream.{word}" for word in ("started", "stopped", "error"))
"""What is told of media streams to an app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    at_ns: int
    """Loop time."""
    kind: str
    text: str
    """For a person to read."""

    @property
    def subject(self) -> str:
        """The SID of what it happened to, "" where there is none."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """A call's status changed, or it was bridged or held."""

    call_sid: str
    parent_call_sid: str | None = None

    @property
    def subject(self) -> str:
        return self.call_sid


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEvent(Event):
    """A recording's status changed."""

    recording_sid: str
    call_sid: str
    conference_sid: str | None = None

    @property
    def subject(self) -> str:
        return self.recording_sid


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceEvent(Event):
    """A conference began or ended, or somebody in it came, went or was (un)muted."""

    conference_sid: str
    call_sid: str | None = None

    @property
    def subject(self) -> str:
        return self.conference_sid


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfEvent(Event):
    """A key was pressed."""

    call_sid: str
    digit: str

    @property
    def subject(self) -> str:
        return self.call_sid


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptEvent(Event):
    """A script raised it."""

    party: str

    @property
    def subject(self) -> str:
        return self.party


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent(Event):
    """A media stream of a call began, ended or broke."""

    call_sid: str
    stream_sid: str

    @property
    def subject(self) -> str:
        return self.call_sid


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionEvent(Event):
    """The words of a recording are being found, are known, or will not be."""

    transcription_sid: str
    recording_sid: str
    call_sid: str

    @property
    def subject(self) -> str:
        return self.recording_sid


@dataclass(slots=True)
class Events:
    """The exchange's emitter, its log, and waiting for events."""

    emitter: EventEmitter = field(default_factory=EventEmitter)
    log: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Log it and tell those who listen for its kind, then those who listen for all."""
        self.log.append(event)
        self.emitter.emit(event.kind, event)
        self.emitter.emit("event", event)

    def on(self, kind: str, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` at each event of a kind, or of any with ``event``."""
        self.emitter.add_listener(kind, listener)

    def forget(self, kind: str, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` no more."""
        self.emitter.remove_listener(kind, listener)

    async def wait(self, kind: str) -> Event:
        """The first event of a kind, also one that has happened already."""
        for event in self.log:
            if event.kind == kind:
                return event
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

        def heard(event: Event) -> None:
            if not future.done():
                future.set_result(event)

        self.emitter.once(kind, heard)
        return await future
