"""Checks of a scenario as a whole: references between its parts, made before anything runs.

Only what is certain beforehand is a mistake here; whether an expectation holds is decided by the
run. Plain numbers so large that milliseconds were probably meant give a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediasim.documents.diagnostics import expected_among
from mediasim.documents.durations import Duration, PlainSeconds
from mediasim.documents.model import Location, Misfit, Model
from mediasim.exchange.events import (
    EXCHANGE_EVENTS,
    MESSAGE_EVENTS,
    PAYMENT_EVENTS,
    STREAM_EVENTS,
)
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.expectation import ScenarioFacts
from mediasim.scenario.model.recording import MomentSpec
from mediasim.scenario.model.steps import walk
from mediasim.truth.faults.order import parse_fault

__all__ = ["cross_troubles", "party_troubles", "unit_troubles"]

_IMPLAUSIBLE: Final = Duration.of("100s")
"""Plain seconds from which on a duration is suspicious: few pauses are as long, and few numbers of
milliseconds are smaller."""


def cross_troubles(scenario: ScenarioFacts) -> Iterator[Misfit]:
    """Yield every mistake between the parts of a scenario."""
    if not scenario.calls and not scenario.conferences:
        yield (), "nothing happens: expected one of call, calls, conference, conferences"
    yield from party_troubles(scenario)
    yield from _name_troubles(scenario)
    yield from _event_troubles(scenario)
    yield from _engaged_troubles(scenario)
    yield from _fault_troubles(scenario)
    for number, check in enumerate(scenario.expect):
        for location, message in check.misfits(scenario):
            yield ("expect", number, check.keyword, *location), message


def _fault_troubles(scenario: ScenarioFacts) -> Iterator[Misfit]:
    """Yield each fault that a recording of that layout cannot have."""
    for plan in scenario.recordings:
        for number, text in enumerate(plan.spec.faults):
            channels = plan.layout(scenario.profile).stored_channels
            if wrong := parse_fault(text).obstacle(channels):
                yield (*plan.location, "faults", number), wrong


def party_troubles(scenario: ScenarioFacts) -> Iterator[Misfit]:
    """Yield each name of a party that does not exist; usable while other parts are missing."""
    known = list(scenario.parties)
    for location, name in _party_names(scenario):
        if name not in known:
            yield location, f"unknown party {name!r}; {expected_among(name, known, 'parties')}"


def _party_names(scenario: ScenarioFacts) -> Iterator[tuple[Location, str]]:
    """Yield the names of parties that other parts use, each with its location."""
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
        for location, name in check.parties_named():
            yield ("expect", number, check.keyword, *location), name


def _name_troubles(scenario: ScenarioFacts) -> Iterator[Misfit]:
    """Yield each name, or number, that two parts of one kind share."""
    named: dict[str, list[tuple[Location, str]]] = {
        "name of another call": [
            (("calls", number, "name"), call.name) for number, call in enumerate(scenario.calls)
        ],
        "name of another conference": [
            (("conferences", number, "name"), conference.name)
            for number, conference in enumerate(scenario.conferences)
        ],
        "name of another recording": [
            ((*plan.location, "name"), plan.name) for plan in scenario.recordings
        ],
        "number of another party": [
            (("parties", name, "number"), party.number)
            for name, party in scenario.parties.items()
            if party.number is not None
        ],
    }
    for role, names in named.items():
        seen: set[str] = set()
        for location, name in names:
            if name in seen:
                yield location, f"{name!r} is the {role} already"
            seen.add(name)


def _event_troubles(scenario: ScenarioFacts) -> Iterator[Misfit]:
    """Yield each event that neither a script nor the exchange raises."""
    steps = [step for each in scenario.parties.values() for _, step in walk(each.script)]
    emitted = dict.fromkeys(step.emits for step in steps if step.emits is not None)
    known = (*emitted, *EXCHANGE_EVENTS, *STREAM_EVENTS, *MESSAGE_EVENTS, *PAYMENT_EVENTS)
    for location, name in _events_named(scenario):
        if name is not None and name not in known:
            yield location, f"no script emits {name!r}; {expected_among(name, known, 'events')}"


def _events_named(scenario: ScenarioFacts) -> Iterator[tuple[Location, str | None]]:
    """Yield the events that the parts wait for or expect, each with its location."""
    for name, party in scenario.parties.items():
        for at, step in walk(party.script):
            yield ("parties", name, "script", *at, "event"), step.awaits
    for number, call in enumerate(scenario.calls):
        for index, transfer in enumerate(call.transfers):
            yield ("calls", number, "transfers", index, "event"), transfer.event
        for index, recording in enumerate(call.recordings):
            start: Location = ("calls", number, "recordings", index, "start", "event")
            yield start, recording.start.event
    for plan in scenario.recordings:
        moments: list[tuple[Location, MomentSpec | None]] = [
            (("stop",), getattr(plan.spec, "stop", None))
        ]
        for index, pause in enumerate(getattr(plan.spec, "pauses", ())):
            moments += [(("pauses", index), pause), (("pauses", index, "until"), pause.until)]
        for at, moment in moments:
            if moment is not None:
                yield (*plan.location, *at, "event"), moment.event
    for number, check in enumerate(scenario.expect):
        for location, event in check.events_named():
            yield ("expect", number, check.keyword, *location), event


@dataclass(frozen=True, slots=True)
class _Engagement:
    """A time during which a party is certain to be in one call or conference."""

    start: int
    """First nanosecond of the run in which the party is there."""
    end: int
    """Nanosecond of the run from which on the party may be elsewhere."""
    party: str
    where: str
    """The call or conference, in words."""
    location: Location
    """Where the party is named in the scenario."""


def _engaged_troubles(scenario: ScenarioFacts) -> Iterator[Misfit]:
    """Yield each party that is certain to be in two places at the same time."""
    latest: dict[str, _Engagement] = {}
    for new in sorted(_engagements(scenario), key=lambda engagement: engagement.start):
        old = latest.get(new.party)
        # An engagement of no length still excludes another one that begins at the same moment.
        if old and old.where != new.where and (new.start < old.end or new.start == old.start):
            yield new.location, f"{new.party} is in {old.where} at that time"
        # Of all that began before, the one that lasts longest is the one to collide with.
        if old is None or new.end >= old.end:
            latest[new.party] = new


def _engagements(scenario: ScenarioFacts) -> Iterator[_Engagement]:
    """Yield the engagements of all parties, each as long as it lasts whatever the scripts do."""
    may_hang_up = {
        name
        for name, party in scenario.parties.items()
        if any(step.hangs_up for _, step in walk(party.script))
    }
    for number, call in enumerate(scenario.calls):
        for key, name in (("from", call.from_), ("to", call.to)):
            if name is not None:
                lasts = 0 if name in may_hang_up else _ringing_ns(call)
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


def _ringing_ns(call: Call) -> int:
    """Return how many nanoseconds pass at least from dialling a call to its outcome."""
    answer = call.answer
    rings = call.timeout if answer.outcome == "no-answer" else min(answer.after, call.timeout)
    return call.dial_after + rings


# -- durations ----------------------------------------------------------------------------------


def unit_troubles(part: object, at: Location = ()) -> Iterator[Misfit]:
    """Yield each plain number in a part that is so many seconds that milliseconds may be meant."""
    if isinstance(part, PlainSeconds):
        if part >= _IMPLAUSIBLE:
            number = str(part).removesuffix("s")
            yield at, f"{number} without a unit is {number} seconds: write {number}s or {number}ms"
    elif isinstance(part, Model):
        names = dict(zip(type(part).model_fields, type(part).known_keys(), strict=True))
        for name, key in names.items():
            yield from unit_troubles(getattr(part, name), (*at, key))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from unit_troubles(value, (*at, str(key)))
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for index, value in enumerate(part):
            keyword = (value.keyword,) if isinstance(value, Model) and value.keyword else ()
            yield from unit_troubles(value, (*at, index, *keyword))
