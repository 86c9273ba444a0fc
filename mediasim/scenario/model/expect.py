"""What must hold when a scenario has run.

An expectation is a mapping of one key, ``channels: 2``. Those about a recording take
``recording:`` with its name, which may be left out where there is only one. Channels are counted
from 1, times are those of the recording's file, levels dBFS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from mediasim.documents.durations import Duration
from mediasim.documents.model import Keyed, Many, Model, Trouble
from mediasim.documents.values import EventName, Level, Name, Text, count
from mediasim.scenario.model.expect_app import (
    ExpectBargeIn,
    ExpectDeadAir,
    ExpectGreeting,
    ExpectResponse,
    ExpectTalkOver,
)

__all__ = [
    "ExpectAligned",
    "ExpectChannels",
    "ExpectDownload",
    "ExpectDuration",
    "ExpectEvents",
    "ExpectHeard",
    "ExpectNoCrosstalk",
    "ExpectSilent",
    "ExpectStatus",
    "Expectation",
    "RecordingExpectation",
]

Channel = Annotated[int, count(1, 2)]


def _pair(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("expected two times such as [0s, 5s]")
    return tuple(value)


def _in_order(value: tuple[Duration, Duration]) -> tuple[Duration, Duration]:
    if value[0] >= value[1]:
        raise ValueError(f"expected the earlier time first, found {value[0]} and {value[1]}")
    return value


Between = Annotated[tuple[Duration, Duration], BeforeValidator(_pair), AfterValidator(_in_order)]
"""From the first time to the second."""


class RecordingExpectation(Model):
    """An expectation about one recording."""

    recording: Name | None = None
    """The recording's name; the only one where absent."""


class ExpectChannels(RecordingExpectation):
    """The recording is stored in so many channels."""

    keyword: ClassVar[str] = "channels"
    stands_for: ClassVar[str] = "is"

    is_: Channel = Field(validation_alias="is", serialization_alias="is")
    """1 or 2."""


class ExpectDuration(RecordingExpectation):
    """The recording is so long."""

    keyword: ClassVar[str] = "duration"
    stands_for: ClassVar[str] = "is"

    is_: Duration = Field(validation_alias="is", serialization_alias="is")
    """How long."""
    within: Duration = Duration.of("100ms")
    """How much longer or shorter it may be."""


class ExpectStatus(RecordingExpectation):
    """The recording, or the call, ended so."""

    keyword: ClassVar[str] = "status"
    stands_for: ClassVar[str] = "is"

    call: Name | None = None
    """The call's name, for the status of a call instead."""
    is_: Literal["completed", "absent", "busy", "no-answer", "canceled", "failed"] = Field(
        validation_alias="is", serialization_alias="is"
    )
    """completed; for a recording also absent; for a call also busy, no-answer, canceled, failed."""

    def troubles(self) -> Iterator[Trouble]:
        if self.call is not None and self.recording is not None:
            yield ("recording",), "expected call or recording, found both"


class ExpectHeard(RecordingExpectation):
    """A party is heard."""

    keyword: ClassVar[str] = "heard"
    stands_for: ClassVar[str] = "party"

    party: Name
    """Who."""
    channel: Channel | None = None
    """Where; in any channel where absent."""
    text: Text | None = None
    """Words of its script that must be among what is heard."""
    clip: Text | None = None
    """A file its script plays, written as there, that must be among what is heard."""
    between: Between | None = None
    """When: [from, to]."""


class ExpectSilent(RecordingExpectation):
    """Nothing is heard in a channel."""

    keyword: ClassVar[str] = "silent"
    stands_for: ClassVar[str] = "channel"

    channel: Channel | None = None
    """Where; in all channels where absent."""
    between: Between | None = None
    """When: [from, to]; all the time where absent."""
    below: Level = -60.0
    """dBFS that no 20 ms frame reaches."""


class ExpectNoCrosstalk(RecordingExpectation):
    """What a party says leaks into no channel but its own."""

    keyword: ClassVar[str] = "no_crosstalk"
    stands_for: ClassVar[str] = "above"

    above: Level = -50.0
    """dB below the same audio in its own channel; a leak that is louder fails."""


class ExpectAligned(RecordingExpectation):
    """What was said stands in the file where the truth says it does."""

    keyword: ClassVar[str] = "aligned"
    stands_for: ClassVar[str] = "within"

    within: Annotated[int, count(0, 8000, "samples")] = 0
    """Samples it may be off."""
    party: Name | None = None
    """What this party said; what anybody said where absent."""


class ExpectEvents(Model):
    """These events came in this order. Others may have come between them."""

    keyword: ClassVar[str] = "events"
    stands_for: ClassVar[str] = "names"

    names: Many[EventName]
    """The exchange's (call.answered, recording.started) and those that scripts emit."""

    def troubles(self) -> Iterator[Trouble]:
        if not self.names:
            yield ("names",), "expected names of events"


def _unless_absent(value: object) -> object:
    return None if value == "absent" else value


class ExpectDownload(RecordingExpectation):
    """A download of the recording is answered so."""

    keyword: ClassVar[str] = "download"

    requested_channels: Annotated[
        Annotated[int, count(0, 99)] | None,
        BeforeValidator(_unless_absent),
        WithJsonSchema({"type": ["integer", "string"], "pattern": r"^(absent|[0-9]+)$"}),
    ] = None
    """RequestedChannels of the request: 1, 2, or absent."""
    format: Literal["wav", "mp3"] = "wav"
    """The file asked for."""
    status: Annotated[int, count(200, 599)] = 200
    """HTTP status of the answer: 200, 400 or 404."""
    channels: Channel | None = None
    """Channels of the file that is given."""

    def troubles(self) -> Iterator[Trouble]:
        if self.status != 200 and self.channels is not None:
            yield ("channels",), f"status {self.status} comes without a file"


Expectation = Annotated[
    ExpectChannels
    | ExpectDuration
    | ExpectStatus
    | ExpectHeard
    | ExpectSilent
    | ExpectNoCrosstalk
    | ExpectAligned
    | ExpectEvents
    | ExpectDownload
    | ExpectGreeting
    | ExpectResponse
    | ExpectBargeIn
    | ExpectTalkOver
    | ExpectDeadAir,
    Keyed("check"),
]
"""One thing that must hold."""
