"""The expectations of a scenario: what must hold when it has run.

An expectation is a mapping of one key, ``channels: 2``. Those about a recording take ``recording:``
with its name, which may be left out where there is only one. Channels are counted from 1, times are
those of the recording's file, levels dBFS. Those about an app are in :mod:`app_expectations`.

A new expectation is a class here, in ``EXPECTATIONS``, and a function in ``expectations/checks.py``
that judges a run by it; everything else is read from the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mediasim.documents.diagnostics import expected_among, is_clip, one_of, says
from mediasim.documents.durations import Between, Duration
from mediasim.documents.model import Keyed, Location, Many, Misfit
from mediasim.documents.values import EventName, Level, Name, Text, count
from mediasim.scenario.model.app_expectations import (
    ExpectBargeIn,
    ExpectDeadAir,
    ExpectGreeting,
    ExpectResponse,
    ExpectTalkOver,
)
from mediasim.scenario.model.expectation import Expect, ScenarioFacts
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.plan import PlannedRecording
from mediasim.scenario.model.steps import Play, walk

__all__ = [
    "EXPECTATIONS",
    "ExpectAfterBeep",
    "ExpectAligned",
    "ExpectChannels",
    "ExpectDownload",
    "ExpectDuration",
    "ExpectEvents",
    "ExpectHeard",
    "ExpectNeverContains",
    "ExpectNoCrosstalk",
    "ExpectSilent",
    "ExpectStatus",
    "Expectation",
    "RecordingExpectation",
]

Channel = Annotated[int, count(1, 2)]


class RecordingExpectation(Expect):
    """An expectation about one recording."""

    recording: Name | None = None
    """The recording's name; the only one where absent."""

    def misfits(self, scenario: ScenarioFacts) -> Iterator[Misfit]:
        plans = {plan.name: plan for plan in scenario.recordings}
        if self.recording is None and len(plans) > 1:
            yield (), f"which recording? Write recording: and {one_of(plans)}"
        elif self.recording is None and not plans:
            yield (), "nothing is recorded"
        elif self.recording is not None and self.recording not in plans:
            known = expected_among(self.recording, list(plans), "recordings")
            yield ("recording",), f"unknown recording {self.recording!r}; {known}"
        else:
            plan = plans[self.recording] if self.recording else next(iter(plans.values()))
            yield from self.misfits_with(scenario, plan)

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        """Yield what the expectation demands that this recording can never have."""
        yield from ()


def _missing_channel(
    channel: int | None, scenario: ScenarioFacts, plan: PlannedRecording
) -> Iterator[Misfit]:
    """Yield a diagnostic if a recording will not have a channel."""
    layout = plan.layout(scenario.profile)
    if channel is not None and channel > layout.stored_channels:
        yield ("channel",), f"recording {plan.name} has one channel: {layout.rule.reason}"


def _absent_party(
    party: str | None, scenario: ScenarioFacts, plan: PlannedRecording
) -> Iterator[Misfit]:
    """Yield a diagnostic if a recording will not hold a party."""
    if party in scenario.parties and party not in plan.parties:
        yield ("party",), f"{party} has no part in what recording {plan.name} records"


class ExpectChannels(RecordingExpectation):
    """The recording is stored in this many channels."""

    keyword: ClassVar[str] = "channels"
    stands_for: ClassVar[str] = "is"

    is_: Channel = Field(validation_alias="is", serialization_alias="is")
    """1 or 2."""


class ExpectDuration(RecordingExpectation):
    """The recording is this long."""

    keyword: ClassVar[str] = "duration"
    stands_for: ClassVar[str] = "is"

    is_: Duration = Field(validation_alias="is", serialization_alias="is")
    """How long."""
    within: Duration = Duration.of("100ms")
    """How much longer or shorter it may be."""


class ExpectStatus(RecordingExpectation):
    """The recording, or the call, has this status at the end."""

    keyword: ClassVar[str] = "status"
    stands_for: ClassVar[str] = "is"

    call: Name | None = None
    """The call's name, for the status of a call instead."""
    is_: Literal["completed", "absent", "busy", "no-answer", "canceled", "failed"] = Field(
        validation_alias="is", serialization_alias="is"
    )
    """completed; for a recording also absent; for a call also busy, no-answer, canceled, failed."""

    def troubles(self) -> Iterator[Misfit]:
        if self.call is not None and self.recording is not None:
            yield ("recording",), "expected call or recording, found both"

    def misfits(self, scenario: ScenarioFacts) -> Iterator[Misfit]:
        if self.call is None and (self.recording or scenario.recordings):
            yield from super().misfits(scenario)
            return
        names = [call.name for call in scenario.calls]
        if self.is_ == "absent":
            yield ("is",), "a call is never absent, a recording may be"
        if self.call is not None and self.call not in names:
            known = expected_among(self.call, names, "calls")
            yield ("call",), f"unknown call {self.call!r}; {known}"
        elif self.call is None and len(names) != 1:
            yield (), f"which call? Write call: {one_of(names) if names else 'and its name'}"

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        if self.is_ not in ("completed", "absent"):
            message = f"a recording is never {self.is_}; for the status of a call write call: too"
            yield ("is",), message


class ExpectHeard(RecordingExpectation):
    """A party is heard."""

    keyword: ClassVar[str] = "heard"
    stands_for: ClassVar[str] = "party"

    party: Name
    """The party that is heard."""
    channel: Channel | None = None
    """The channel it is heard in; any channel where absent."""
    text: Text | None = None
    """Words of its script that must be among what is heard."""
    clip: Text | None = None
    """A file its script plays, written as there, that must be among what is heard."""
    between: Between | None = None
    """The span of the file, [from, to], that is meant; the whole file where absent."""

    def parties_named(self) -> Iterator[tuple[Location, str]]:
        yield ("party",), self.party

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        yield from _missing_channel(self.channel, scenario, plan)
        yield from _absent_party(self.party, scenario, plan)
        if self.party in plan.parties and self.party in scenario.parties:
            yield from self._not_in_script(scenario.parties[self.party])

    def _not_in_script(self, party: PartySpec) -> Iterator[Misfit]:
        """Yield the words and files that are not in the party's script; an app has none."""
        if party.app is not None:
            return
        sounds = [
            sound
            for _, step in walk((*party.early_media, *party.script))
            for _, sound in step.sounds()
        ]
        said = [sound.text for sound in sounds]
        # What is said in a file may stand in another, with the times of its words.
        unread = any(isinstance(it, Play) and it.text is None and it.is_speech for it in sounds)
        wanted = self.text
        if wanted is not None and not (unread or any(says(each or "", wanted) for each in said)):
            yield ("text",), f"{self.party}'s script never says this in one step"
        played = [str(sound.file) for sound in sounds if isinstance(sound, Play)]
        if self.clip is not None and not any(is_clip(file, self.clip) for file in played):
            known = expected_among(self.clip, played, "play steps in it")
            yield ("clip",), f"{self.party}'s script never plays this; {known}"


class ExpectSilent(RecordingExpectation):
    """Nothing is heard in a channel."""

    keyword: ClassVar[str] = "silent"
    stands_for: ClassVar[str] = "channel"

    channel: Channel | None = None
    """The channel that is silent; all channels where absent."""
    between: Between | None = None
    """The span of the file, [from, to], that is silent; the whole file where absent."""
    below: Level = -60.0
    """Level in dBFS that no 20 ms frame reaches."""

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        yield from _missing_channel(self.channel, scenario, plan)


class ExpectNeverContains(Expect):
    """Words or keys are in no recording, in whole or in part."""

    keyword: ClassVar[str] = "never_contains"
    stands_for: ClassVar[str] = "text"

    text: Text
    """The words that a party says, or the keys that it presses: at most three in a row are found
    nowhere."""


class ExpectNoCrosstalk(RecordingExpectation):
    """What a party says leaks into no channel but its own."""

    keyword: ClassVar[str] = "no_crosstalk"
    stands_for: ClassVar[str] = "above"

    above: Level = -50.0
    """dB below the same audio in its own channel; a leak that is louder fails."""

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        layout = plan.layout(scenario.profile)
        if layout.stored_channels < 2:
            yield (), f"recording {plan.name} has no second channel: {layout.rule.reason}"


class ExpectAligned(RecordingExpectation):
    """Every clip stands in the file where the truth says it does."""

    keyword: ClassVar[str] = "aligned"
    stands_for: ClassVar[str] = "within"

    within: Annotated[int, count(0, 8000, "samples")] = 0
    """Samples that a clip may be off."""
    party: Name | None = None
    """The party whose clips are checked; all parties where absent."""

    def parties_named(self) -> Iterator[tuple[Location, str]]:
        if self.party is not None:
            yield ("party",), self.party

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        yield from _absent_party(self.party, scenario, plan)


class ExpectAfterBeep(RecordingExpectation):
    """What others say to an answering machine begins after its beep."""

    keyword: ClassVar[str] = "after_beep"
    stands_for: ClassVar[str] = "party"

    party: Name
    """The party that answers as a machine."""

    def parties_named(self) -> Iterator[tuple[Location, str]]:
        yield ("party",), self.party

    def misfits_with(self, scenario: ScenarioFacts, plan: PlannedRecording) -> Iterator[Misfit]:
        yield from _absent_party(self.party, scenario, plan)


class ExpectEvents(Expect):
    """These events came in this order. Others may have come between them."""

    keyword: ClassVar[str] = "events"
    stands_for: ClassVar[str] = "names"

    names: Many[EventName]
    """The exchange's (call.answered, recording.started) and those that scripts emit."""

    def troubles(self) -> Iterator[Misfit]:
        if not self.names:
            yield ("names",), "expected names of events"

    def events_named(self) -> Iterator[tuple[Location, str]]:
        for index, event in enumerate(self.names):
            yield ("names", index), event


class ExpectDownload(RecordingExpectation):
    """A download of the recording is answered with this status or this file."""

    keyword: ClassVar[str] = "download"

    requested_channels: Annotated[
        Annotated[int, count(0, 99)] | None,
        BeforeValidator(lambda value: None if value == "absent" else value),
        WithJsonSchema({"type": ["integer", "string"], "pattern": r"^(absent|[0-9]+)$"}),
    ] = None
    """RequestedChannels of the request: 1, 2, or absent."""
    format: Literal["wav", "mp3"] = "wav"
    """The file format that is requested."""
    status: Annotated[int, count(200, 599)] = 200
    """HTTP status of the answer: 200, 400 or 404."""
    channels: Channel | None = None
    """Channels of the file that is downloaded."""

    def troubles(self) -> Iterator[Misfit]:
        if self.status != 200 and self.channels is not None:
            yield ("channels",), f"status {self.status} comes without a file"


EXPECTATIONS: Final[dict[str, type[Expect]]] = {
    kind.keyword: kind
    for kind in (
        *(ExpectChannels, ExpectDuration, ExpectStatus, ExpectHeard, ExpectSilent),
        *(ExpectNoCrosstalk, ExpectAligned, ExpectAfterBeep, ExpectEvents, ExpectDownload),
        *(ExpectNeverContains, ExpectGreeting, ExpectResponse, ExpectBargeIn),
        *(ExpectTalkOver, ExpectDeadAir),
    )
}
"""The class of every expectation by its keyword."""
Expectation = Annotated[Expect, Keyed("check", EXPECTATIONS)]
"""One thing that must hold."""
