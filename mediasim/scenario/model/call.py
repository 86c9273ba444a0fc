"""The model of a call: its parties or its app, its outcome, and its recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mediasim.documents.durations import Duration, positive
from mediasim.documents.model import Many, Misfit, Model, OneOrMany, names_outcome
from mediasim.documents.values import YES, Flag, KeySet, Name
from mediasim.scenario.model.app import App
from mediasim.scenario.model.recording import FaultText, MomentSpec, RecordingSpec, Trim
from mediasim.scenario.model.steps import Play, Say

__all__ = ["AnswerSpec", "Call", "Greeting", "Transfer", "Voicemail"]


class AnswerSpec(Model):
    """What the callee does: a time after which it answers, or no-answer, busy, reject.

    The call's status is then busy (also when it rejects), or no-answer when it rings for the
    call's whole timeout; canceled where the caller hangs up while it rings.
    """

    outcome: Literal["answer", "no-answer", "busy", "reject"] = "answer"
    """What the callee does in the end; no-answer lets it ring, busy never rings."""
    after: Duration = Duration.of("1s")
    """How long the callee rings before that."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"outcome" if names_outcome(value, cls, "outcome") else "after": value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [properties["outcome"], properties["after"]]


class Transfer(MomentSpec):
    """A transfer: the caller is connected to another party, and the one before is hung up on.

    Recordings go on: the second channel then holds the ringing, and the new party. If that party
    does not answer, the call ends.
    """

    stands_for: ClassVar[str] = ""

    to: Name
    """The party that the caller is connected to."""
    answer: AnswerSpec = AnswerSpec.model_construct()
    """What that party does when it is dialled."""
    timeout: Annotated[Duration, positive()] = Duration.of("30s")
    """How long that party may ring."""


class Greeting(Model):
    """What a caller hears before the beep; a bare text is said."""

    stands_for: ClassVar[str] = "say"
    exactly_one: ClassVar[tuple[str, ...]] = ("say", "play")

    say: Say | None = None
    """Words that are spoken."""
    play: Play | None = None
    """A WAV or MP3 file."""

    @property
    def sound(self) -> Say | Play:
        """The step that makes the greeting's sound."""
        step = self.say or self.play
        assert step is not None
        return step

    def troubles(self) -> Iterator[Misfit]:
        for name in self.exactly_one:
            step = getattr(self, name)
            if step is not None and step.at is not None:
                yield (name, "at"), "a greeting is played when the call is answered"


class Voicemail(Model):
    """The record verb answers the call. ``true`` is one with all defaults.

    The caller's script runs from when it records, after the beep. A recording in which nothing
    was said is absent, once silence is trimmed.
    """

    plurals: ClassVar[Mapping[str, str]] = {"fault": "faults"}

    name: Name = ""
    """What expectations call its recording. Default: main, then recording-2, recording-3 ..."""
    greeting: Greeting | None = None
    """What the caller hears first."""
    beep: Flag = True
    """Whether a beep is heard before it records."""
    timeout: Annotated[Duration, positive()] = Duration.of("5s")
    """How much silence ends the recording."""
    finish_on_key: KeySet = "1234567890*#"
    """The keys that end the recording; "" for none."""
    max_length: Annotated[Duration, positive()] = Duration.of("1h")
    """How long the recording may be."""
    trim: Trim = "trim-silence"
    """Whether silence at both ends is cut off."""
    fault: OneOrMany[FaultText] = None
    """Like faults."""
    faults: Many[FaultText] = ()
    """Recorder faults that are applied to the file when it is published; see recordings."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        if value is True or value in YES:
            return {}
        raise ValueError(f"expected true or a mapping with {', '.join(cls.known_keys())}")

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"enum": [True, *YES]}]


class Call(Model):
    """A call from one party to another, to a voicemail, or to an app under test."""

    exactly_one: ClassVar[tuple[str, ...]] = ("to", "voicemail", "app")
    plurals: ClassVar[Mapping[str, str]] = {"transfer": "transfers", "recording": "recordings"}

    name: Name = ""
    """The name by which expectations refer to the call. Default: main, then call-2, call-3 ..."""
    from_: Name = Field(validation_alias="from", serialization_alias="from")
    """The party that dials."""
    to: Name | None = None
    """The party that is dialled."""
    voicemail: Voicemail | None = None
    """Instead of a party: the record verb answers."""
    app: App | None = None
    """Instead of a party: an app that hears and speaks over Media Streams."""
    at: Duration = Duration(0)
    """When the call is dialled, counted from the start of the run."""
    answer: AnswerSpec = AnswerSpec.model_construct()
    """What the callee does: 2s (answers after that), no-answer, busy or reject."""
    timeout: Annotated[Duration, positive()] = Duration.of("30s")
    """How long the callee may ring."""
    time_limit: Annotated[Duration, positive()] | None = None
    """How long a connection may last once answered: then both legs end. Four hours where absent."""
    answer_on_bridge: Flag = False
    """Whether the caller's leg is answered only when the callee answers. If not, it is answered at
    once and hears ringing."""
    dial_after: Duration = Duration(0)
    """How long after the caller's leg is answered the callee's leg is dialled: it joins late."""
    transfer: OneOrMany[Transfer] = None
    """Like transfers."""
    transfers: Many[Transfer] = ()
    """Transfers of the caller to other parties, one after the other."""
    recording: OneOrMany[RecordingSpec] = None
    """Like recordings; true, or dual, is short for one."""
    recordings: Many[RecordingSpec] = ()
    """Its recordings, each with a layout of its own."""

    def settle(self, context: Any) -> None:
        by_default = "dial" if self.to is not None else "call"
        self._fill(
            recordings=tuple(
                recording
                if recording.of is not None
                else recording.model_copy(
                    update={"of": by_default if recording.start.on else "api"}
                )
                for recording in self.recordings
            )
        )

    def troubles(self) -> Iterator[Misfit]:
        if self.to is not None and self.to == self.from_:
            yield ("to",), f"{self.to} cannot call itself"
        if self.answer_on_bridge and self.dial_after:
            yield (
                ("dial_after",),
                "expected nothing beside answer_on_bridge: true, where the caller's leg is not "
                "answered before the callee's",
            )
        if self.to is None:
            yield from self._one_leg_troubles("a voicemail" if self.voicemail else "an app")
        spoken_to = self.to
        for number, transfer in enumerate(self.transfers):
            if transfer.to in (self.from_, spoken_to):
                who = "the caller" if transfer.to == self.from_ else "in the call already"
                yield ("transfers", number, "to"), f"{transfer.to} is {who}"
            spoken_to = transfer.to

    def _one_leg_troubles(self, whom: str) -> Iterator[Misfit]:
        """Yield each key that only a call between two parties can have."""
        for name in ("transfers", "dial_after", "answer_on_bridge"):
            if getattr(self, name):
                yield (name,), f"expected a call to a party; this one goes to {whom}"
        for number, recording in enumerate(self.recordings):
            if recording.of == "dial":
                yield ("recordings", number, "of"), "expected call or api: nobody is dialled here"
            elif recording.start.on == "ringing":
                yield ("recordings", number, "start"), "expected answer: nobody is dialled here"

    @property
    def parties(self) -> tuple[str, ...]:
        """Names of all parties that have a leg in the call, the caller's first."""
        called = (self.to, *(transfer.to for transfer in self.transfers))
        return (self.from_, *dict.fromkeys(name for name in called if name is not None))
