"""What the parts of a scenario say about each other, checked before anything runs.

Only what is sure beforehand is a mistake here: whether an expectation holds, the run decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mediasim.documents.diagnostics import did_you_mean, one_of
from mediasim.documents.model import Location, Trouble
from mediasim.documents.wording import is_clip, says
from mediasim.exchange.events import EXCHANGE_EVENTS, STREAM_EVENTS
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.conference import Conference
from mediasim.scenario.model.expect import (
    ExpectAligned,
    Expectation,
    ExpectEvents,
    ExpectHeard,
    ExpectNoCrosstalk,
    ExpectSilent,
    ExpectStatus,
    RecordingExpectation,
)
from mediasim.scenario.model.expect_app import AppExpectation
from mediasim.scenario.model.party import Party
from mediasim.scenario.model.plan import PlannedRecording
from mediasim.scenario.model.recording import Moment
from mediasim.scenario.model.steps import Emit, Hangup, Play, Say, WaitFor, walk
from mediasim.truth.faults.order import parse_fault

__all__ = ["ScenarioParts", "cross_troubles", "party_troubles"]


class ScenarioParts(Protocol):
    """The parts of a scenario that refer to each other."""

    @property
    def parties(self) -> Mapping[str, Party]: ...
    @property
    def calls(self) -> Sequence[Call]: ...
    @property
    def conferences(self) -> Sequence[Conference]: ...
    @property
    def recordings(self) -> Sequence[PlannedRecording]: ...
    @property
    def expect(self) -> Sequence[Expectation]: ...
    @property
    def profile(self) -> str: ...


def cross_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    """Everything that is wrong between the parts."""
    if not scenario.calls and not scenario.conferences:
        yield (), "nothing happens: expected one of call, calls, conference, conferences"
    yield from party_troubles(scenario)
    yield from _name_troubles(scenario)
    yield from _event_troubles(scenario)
    yield from _engaged_troubles(scenario)
    yield from _fault_troubles(scenario)
    yield from _expectation_troubles(scenario)


def _fault_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    """Faults that cannot befall a recording of that layout."""
    for plan in scenario.recordings:
        for number, text in enumerate(plan.asked.faults):
            channels = plan.layout(scenario.profile).stored_channels
            if wrong := parse_fault(text).trouble(channels):
                yield (*plan.location, "faults", number), wrong


def party_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    """Names of parties that there are not. Sound also while other parts are missing."""
    known = list(scenario.parties)
    for location, name in _party_names(scenario):
        if name not in known:
            yield location, f"unknown party {name!r}; {_known(name, known, 'parties')}"


def _known(name: str, known: Sequence[str], noun: str) -> str:
    if not known:
        return f"there are no {noun}"
    return f"expected {one_of(known)}{did_you_mean(name, known)}"


def _party_names(scenario: ScenarioParts) -> Iterator[tuple[Location, str]]:
    for number, call in enumerate(scenario.calls):
        yield ("calls", number, "from"), call.from_
        if call.to is not None:
            yield ("calls", number, "to"), call.to
        for index, transfer in enumerate(call.transfers):
            yield ("calls", number, "transfers", index, "to"), transfer.to
    for number, conference in enumerate(scenario.conferences):
        for index, member in enumerate(conference.participants):
            yield ("conferences", number, "participants", index, "party"), member.party
    for number, check in enumerate(scenario.expect):
        if isinstance(check, ExpectHeard | ExpectAligned) and check.party is not None:
            yield ("expect", number, check.keyword, "party"), check.party


def _name_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    """Names that two of a kind have."""
    named: list[tuple[str, list[tuple[Location, str]]]] = [
        (
            "name of another call",
            [(("calls", n, "name"), call.name) for n, call in enumerate(scenario.calls)],
        ),
        (
            "name of another conference",
            [
                (("conferences", n, "name"), room.name)
                for n, room in enumerate(scenario.conferences)
            ],
        ),
        (
            "name of another recording",
            [((*plan.location, "name"), plan.name) for plan in scenario.recordings],
        ),
        (
            "number of another party",
            [
                (("parties", name, "number"), party.number)
                for name, party in scenario.parties.items()
                if party.number is not None
            ],
        ),
    ]
    for role, names in named:
        seen: set[str] = set()
        for location, name in names:
            if name in seen:
                yield location, f"{name!r} is the {role} already"
            seen.add(name)


def _event_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    """Events that neither a script nor the exchange raises."""
    emitted = {
        step.name: None
        for party in scenario.parties.values()
        for _, step in walk(party.script)
        if isinstance(step, Emit)
    }
    known = (*emitted, *EXCHANGE_EVENTS, *STREAM_EVENTS)
    for location, name in _events_named(scenario):
        if name is not None and name not in known:
            yield location, f"no script emits {name!r}; {_known(name, known, 'events')}"


def _events_named(scenario: ScenarioParts) -> Iterator[tuple[Location, str | None]]:
    for name, party in scenario.parties.items():
        for at, step in walk(party.script):
            if isinstance(step, WaitFor):
                yield ("parties", name, "script", *at, "event"), step.event
    for number, call in enumerate(scenario.calls):
        for index, transfer in enumerate(call.transfers):
            yield ("calls", number, "transfers", index, "event"), transfer.event
        for index, recording in enumerate(call.recordings):
            start: Location = ("calls", number, "recordings", index, "start", "event")
            yield start, recording.start.event
    for plan in scenario.recordings:
        moments: list[tuple[Location, Moment | None]] = [
            (("stop",), getattr(plan.asked, "stop", None))
        ]
        for index, pause in enumerate(getattr(plan.asked, "pauses", ())):
            moments += [(("pauses", index), pause), (("pauses", index, "until"), pause.until)]
        for at, moment in moments:
            if moment is not None:
                yield (*plan.location, *at, "event"), moment.event
    for number, check in enumerate(scenario.expect):
        if isinstance(check, ExpectEvents):
            for index, event in enumerate(check.names):
                yield ("expect", number, "events", "names", index), event


@dataclass(frozen=True, slots=True)
class _Engagement:
    """A party is surely somewhere."""

    start: int
    end: int
    """Nanoseconds of the run."""
    party: str
    where: str
    location: Location


def _engaged_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    """Parties that are wanted in two places at times when they are surely in both."""
    latest: dict[str, _Engagement] = {}
    for new in sorted(_engagements(scenario), key=lambda engagement: engagement.start):
        old = latest.get(new.party)
        if old and old.where != new.where and (new.start < old.end or new.start == old.start):
            yield new.location, f"{new.party} is in {old.where} at that time"
        if old is None or new.end >= old.end:
            latest[new.party] = new


def _engagements(scenario: ScenarioParts) -> Iterator[_Engagement]:
    """Who is where, for as long as they are there whatever their scripts do."""
    may_hang_up = {
        name
        for name, party in scenario.parties.items()
        if any(isinstance(step, Hangup) for _, step in walk(party.script))
    }
    for number, call in enumerate(scenario.calls):
        for key, name in (("from", call.from_), ("to", call.to)):
            if name is not None:
                lasts = 0 if name in may_hang_up else _rings(call)
                location: Location = ("calls", number, key)
                where = f"call {call.name}"
                yield _Engagement(call.at, call.at + lasts, name, where, location)
    for number, room in enumerate(scenario.conferences):
        for index, member in enumerate(room.participants):
            leave = None if member.party in may_hang_up else member.leave
            location = ("conferences", number, "participants", index)
            where = f"conference {room.name}"
            end = member.join if leave is None else leave
            yield _Engagement(member.join, end, member.party, where, location)


def _rings(call: Call) -> int:
    """How long it takes until something comes of the call."""
    answer = call.answer
    rings = call.timeout if answer.outcome == "no-answer" else min(answer.after, call.timeout)
    return call.dial_after + rings


def _expectation_troubles(scenario: ScenarioParts) -> Iterator[Trouble]:
    for number, check in enumerate(scenario.expect):
        location: Location = ("expect", number, check.keyword)
        if isinstance(check, ExpectStatus) and (
            check.call is not None or not (check.recording or scenario.recordings)
        ):
            yield from _call_status_troubles(scenario, check, location)
        elif isinstance(check, RecordingExpectation):
            yield from _recording_troubles(scenario, check, location)
        elif isinstance(check, AppExpectation):
            yield from _app_troubles(scenario, check, location)


def _app_troubles(
    scenario: ScenarioParts, check: AppExpectation, location: Location
) -> Iterator[Trouble]:
    names = [call.name for call in scenario.calls if call.app is not None]
    if not names:
        yield location, "no call goes to an app: expected app: in a call"
    elif check.call is None and len(names) > 1:
        yield location, f"which call? Write call: {one_of(names)}"
    elif check.call is not None and check.call not in names:
        known = _known(check.call, names, "calls to an app")
        yield (*location, "call"), f"no call {check.call!r} goes to an app; {known}"


def _call_status_troubles(
    scenario: ScenarioParts, check: ExpectStatus, location: Location
) -> Iterator[Trouble]:
    names = [call.name for call in scenario.calls]
    if check.is_ == "absent":
        yield (*location, "is"), "a call is never absent, a recording may be"
    if check.call is not None and check.call not in names:
        yield (
            (*location, "call"),
            f"unknown call {check.call!r}; {_known(check.call, names, 'calls')}",
        )
    elif check.call is None and len(names) != 1:
        yield location, f"which call? Write call: {one_of(names) if names else 'and its name'}"


def _recording_troubles(
    scenario: ScenarioParts, check: RecordingExpectation, location: Location
) -> Iterator[Trouble]:
    plans = {plan.name: plan for plan in scenario.recordings}
    if check.recording is None and len(plans) > 1:
        yield location, f"which recording? Write recording: and {one_of(plans)}"
    elif check.recording is None and not plans:
        yield location, "nothing is recorded"
    elif check.recording is not None and check.recording not in plans:
        known = _known(check.recording, list(plans), "recordings")
        yield (*location, "recording"), f"unknown recording {check.recording!r}; {known}"
    else:
        plan = plans[check.recording] if check.recording else next(iter(plans.values()))
        yield from _troubles_with(scenario, check, plan, location)


def _troubles_with(
    scenario: ScenarioParts, check: RecordingExpectation, plan: PlannedRecording, location: Location
) -> Iterator[Trouble]:
    """What an expectation asks of a recording that it can never have."""
    if isinstance(check, ExpectStatus) and check.is_ not in ("completed", "absent"):
        message = f"a recording is never {check.is_}; for the status of a call write call: too"
        yield (*location, "is"), message
    if isinstance(check, ExpectHeard | ExpectSilent) and check.channel is not None:
        layout = plan.layout(scenario.profile)
        if check.channel > layout.stored_channels:
            message = f"recording {plan.name} has one channel: {layout.rule.reason}"
            yield (*location, "channel"), message
    if isinstance(check, ExpectNoCrosstalk):
        layout = plan.layout(scenario.profile)
        if layout.stored_channels < 2:
            message = f"recording {plan.name} has no second channel: {layout.rule.reason}"
            yield location, message
    if isinstance(check, ExpectHeard | ExpectAligned) and check.party in scenario.parties:
        if check.party not in plan.parties:
            message = f"{check.party} has no part in what recording {plan.name} records"
            yield (*location, "party"), message
        elif isinstance(check, ExpectHeard):
            yield from _never_heard(scenario, check, location)


def _never_heard(
    scenario: ScenarioParts, check: ExpectHeard, location: Location
) -> Iterator[Trouble]:
    """Words and files that are not in the party's script."""
    steps = [step for _, step in walk(scenario.parties[check.party].script)]
    said = [step.text for step in steps if isinstance(step, Say)]
    if check.text is not None and not any(says(text, check.text) for text in said):
        yield (*location, "text"), f"{check.party}'s script never says this in one step"
    played = [str(step.file) for step in steps if isinstance(step, Play)]
    if check.clip is not None and not any(is_clip(file, check.clip) for file in played):
        known = _known(check.clip, played, "play steps in it")
        yield (*location, "clip"), f"{check.party}'s script never plays this; {known}"
