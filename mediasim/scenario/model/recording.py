"""The models of recordings of calls and conferences: start, pauses, end, layout and faults.

Recorder faults are ordered as ``fault: swapped`` or ``fault: drift:150``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from mediasim.documents.durations import Duration, positive
from mediasim.documents.model import Many, Misfit, Model, OneOrMany
from mediasim.documents.values import NO, SHARED, YES, EventName, Name
from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.records import RecordingSource
from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.faults.order import parse_fault

__all__ = [
    "ConferenceRecording",
    "FaultText",
    "MomentSpec",
    "RecordingPause",
    "RecordingSpec",
    "RequestedBy",
    "Start",
    "Trim",
]


_PATTERN: Final = rf"^({'|'.join(GALLERY)})(:[+-]?[0-9]+(\.[0-9]+)?)?(@[1-9])?$"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected the name of a fault: mediasim break --list names them")
    return value


FaultText = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(lambda text: str(parse_fault(text))),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, SHARED: "Fault"}),
]
"""A fault of the gallery: ``name``, ``name:value``, ``name@channel`` or ``name:value@channel``."""


Trim = Literal["do-not-trim", "trim-silence"]
RequestedBy = Literal["dial", "call", "api"]
"""What requests a recording: the Dial verb, the request that created the call, or a request during
the call."""

_SOURCES: Final[Mapping[RequestedBy, RecordingSource]] = {
    "dial": "DialVerb",
    "call": "OutboundAPI",
    "api": "StartCallRecordingAPI",
}
"""Twilio's word for each requester."""


class MomentSpec(Model):
    """A time of the call, or an event; ``stop: 9s`` is short for ``stop: {at: 9s}``."""

    stands_for: ClassVar[str] = "at"
    exactly_one: ClassVar[tuple[str, ...]] = ("at", "event")

    at: Duration | None = None
    """The time of the call, counted from when it was dialled."""
    event: EventName | None = None
    """The event whose first occurrence is meant: one a script emits, or one of the exchange's."""


class Start(MomentSpec):
    """When a recording starts: ``answer``, ``ringing``, or a moment."""

    stands_for: ClassVar[str] = "on"
    exactly_one: ClassVar[tuple[str, ...]] = ("on", "at", "event")

    on: Literal["answer", "ringing"] | None = None
    """The state that is meant: the callee answers, or its telephone begins to ring."""


class RecordingPause(MomentSpec):
    """A stretch of the call that is left out of the recording."""

    for_: Annotated[Duration, positive()] | None = Field(
        default=None, validation_alias="for", serialization_alias="for"
    )
    """How long the pause lasts."""
    until: MomentSpec | None = None
    """When the recording goes on. Without for and until: never."""
    behavior: Literal["silence", "skip"] = "silence"
    """silence stands in the file, or the file skips the pause and is shorter."""

    def troubles(self) -> Iterator[Misfit]:
        if self.for_ is not None and self.until is not None:
            yield ("until",), "expected for or until, found both"
        elif (
            self.at is not None
            and self.until is not None
            and self.until.at is not None
            and self.until.at <= self.at
        ):
            yield ("until",), f"expected a time after the pause began at {self.at}"

    @property
    def ends_at(self) -> Duration | None:
        """Time of the call at which the pause ends; None if an event decides it, or if it never
        ends."""
        if self.until is not None:
            return self.until.at
        return Duration(self.at + self.for_) if self.at is not None and self.for_ else None


class _Recorded(Model):
    """The keys that recordings of calls and of conferences share."""

    plurals: ClassVar[Mapping[str, str]] = {"pause": "pauses", "fault": "faults"}

    name: Name = ""
    """The name by which expectations refer to the recording. Default: main, then recording-2,
    recording-3 ..."""
    channels: Channels = "mono"
    """The layout requested. Twilio's rules decide what is stored, and what a download gives."""
    trim: Trim = "do-not-trim"
    """Whether silence at both ends is cut off."""
    pause: OneOrMany[RecordingPause] = None
    """Like pauses."""
    pauses: Many[RecordingPause] = ()
    """Stretches of the call that are left out."""
    stop: MomentSpec | None = None
    """When the recording ends, if before the call does."""
    fault: OneOrMany[FaultText] = None
    """Like faults."""
    faults: Many[FaultText] = ()
    """Recorder faults that are applied to the file when it is published, one after the other:
    swapped, drift:150, late:20@1 ... The truth names them. mediasim break --list shows all."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        if value is True or value in YES:
            return {}
        if value in ("mono", "dual"):
            return {"channels": value}
        raise ValueError(
            f"expected true, false, mono, dual or a mapping with {', '.join(cls.known_keys())}"
        )

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"enum": [True, *YES, "mono", "dual"]}]

    def troubles(self) -> Iterator[Misfit]:
        end: Duration | None = Duration(0)
        for number, pause in enumerate(self.pauses):
            if end is not None and pause.at is not None and pause.at < end:
                yield ("pauses", number, "at"), "begins before the pause above it has ended"
            end = pause.ends_at


class RecordingSpec(_Recorded):
    """A recording of a call. ``true`` is one with all defaults, ``dual`` one in two channels."""

    start: Start = Start.model_construct(on="answer")
    """answer, ringing, a time of the call ({at: 5s}) or an event ({event: name}). A recording whose
    start never comes is not made; nor is one whose time or event comes before the caller's leg is
    answered."""
    track: Track = "both"
    """The tracks of the caller's leg: inbound is what the caller says, outbound what it hears."""
    of: RequestedBy | None = None
    """What requests the recording: the dial verb, the request that created the call, or an api
    request during the call. Default: dial for a start at answer or ringing, api for any other. With
    start: answer, dial means the callee's answer, the others mean that of the caller's own leg."""

    @property
    def source(self) -> RecordingSource:
        """Twilio's word for what requested the recording."""
        return _SOURCES[self.of or "dial"]

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if self.of in ("dial", "call") and self.start.on is None:
            yield ("of",), "expected api: the others start a recording at answer or ringing"
        elif self.of in ("call", "api") and self.start.on == "ringing":
            yield ("of",), "expected dial: the others cannot record what rings"
        began = self.start.at
        first = self.pauses[0].at if self.pauses else None
        if began is not None and first is not None and first < began:
            yield ("pauses", 0, "at"), f"is before the recording starts at {began}"
        stopped = self.stop.at if self.stop else None
        if began is not None and stopped is not None and stopped <= began:
            yield ("stop",), f"is not after the recording starts at {began}"


class ConferenceRecording(_Recorded):
    """A recording of a conference, from when it starts."""

    trim: Trim = "trim-silence"
    """Whether silence at both ends is cut off."""

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [*super().short_forms(properties), {"enum": [False, *NO]}]
