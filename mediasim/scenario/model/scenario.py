"""The model of a scenario: parties, their calls and conferences, and what must hold afterwards.

A scenario has the same shape in a file, as a dict and as objects:

    Scenario(
        parties={"alice": Party(script=[Say(text="Hello")]), "bob": Party()},
        call=Call(from_="alice", to="bob", recording=Recording(channels="dual")),
    )

Wrong arguments raise pydantic's ValidationError; ``load.py`` reads files and dicts and raises
ScenarioError with the place of every mistake.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import PrivateAttr

from mediasim.documents.diagnostics import Diagnostic
from mediasim.documents.document import Node, Origin
from mediasim.documents.model import Location, Many, Misfit, Model, OneOrMany
from mediasim.documents.values import Name, Text, among, count, fictional_numbers
from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.recogniser.spec import RecogniserSpec
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.check import cross_troubles
from mediasim.scenario.model.conference import ConferenceSpec
from mediasim.scenario.model.expect import Expectation
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.plan import PlannedRecording, planned_recordings

__all__ = ["Scenario"]


class Scenario(Model):
    """One scenario, or one run of a scenario with a matrix."""

    read_before: ClassVar[tuple[str, ...]] = ("matrix",)
    plurals: ClassVar[Mapping[str, str]] = {"call": "calls", "conference": "conferences"}

    name: Name = ""
    """The scenario's name. Default: the file's name without its ending."""
    description: Text | None = None
    """What the scenario shows, for reports."""
    seed: Annotated[int, count(0, 2**63 - 1)] = 1
    """Decides every random draw: the same seed gives the same bytes."""
    profile: Annotated[str, among(PROFILES)] = DEFAULT_PROFILE
    """Twilio's behaviour as of a date."""
    recogniser: RecogniserSpec | None = None
    """What is heard of what parties say; with it, or a party's own, each recording gets a
    transcript, and apps that are sent words are sent these. A party may have its own."""
    parties: Mapping[Name, PartySpec]
    """The parties by name."""
    call: OneOrMany[Call] = None
    """Like calls."""
    calls: Many[Call] = ()
    """The calls between the parties."""
    conference: OneOrMany[ConferenceSpec] = None
    """Like conferences."""
    conferences: Many[ConferenceSpec] = ()
    """The conferences of the parties."""
    expect: Many[Expectation] = ()
    """What must hold afterwards."""

    _origin: Origin = PrivateAttr(default_factory=lambda: Origin(Node({}), Path()))

    def __eq__(self, other: object) -> bool:
        """Compare what two scenarios say; where they were read from makes no difference."""
        return isinstance(other, Scenario) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def settle(self, context: Any) -> None:
        if isinstance(context, Origin):
            self._origin = context
        call_name, room_name = _namer("main", "call"), _namer("room", "room")
        recording_name = _namer("main", "recording")
        self._fill(
            name=self.name or self._origin.name,
            calls=tuple(
                call_name(
                    call,
                    recordings=tuple(recording_name(each) for each in call.recordings),
                    voicemail=call.voicemail and recording_name(call.voicemail),
                )
                for call in self.calls
            ),
            conferences=tuple(
                room_name(room, recording=room.recording and recording_name(room.recording))
                for room in self.conferences
            ),
        )

    def troubles(self) -> Iterator[Misfit]:
        return iter(()) if self._origin.partial else cross_troubles(self)

    @property
    def recordings(self) -> tuple[PlannedRecording, ...]:
        """All recordings of the calls and conferences, in the order of the file."""
        return tuple(planned_recordings(self.calls, self.conferences))

    @property
    def numbers(self) -> Mapping[str, str]:
        """Each party's telephone number: its own, or the next of the range reserved for fiction."""
        free = fictional_numbers({party.number for party in self.parties.values()})
        return {name: party.number or next(free) for name, party in self.parties.items()}

    @property
    def source(self) -> Path | None:
        """The file the scenario was read from; None for one built in Python."""
        return self._origin.file

    @property
    def base(self) -> Path:
        """The folder that paths in the scenario are relative to."""
        return self._origin.base

    @property
    def variant(self) -> Mapping[str, str]:
        """The values that the matrix set for this run, by dotted path; empty without a matrix."""
        return self._origin.variant

    @property
    def label(self) -> str:
        """The variant in short, ``codec=PCMU,seed=1``; empty without a matrix."""
        return self._origin.label

    def problem(self, location: Location, message: str) -> Diagnostic:
        """Return a diagnostic of the part at a location, such as ``("parties", "alice", "voice")``.

        For checks that need what the model does not know; raise ScenarioError with all of them.
        """
        return self._origin.problem(location, message)


def _namer(first: str, word: str) -> Callable[..., Any]:
    """Return a function that names unnamed parts: the first word, then ``word-2``, ``word-3``
    ..."""
    numbers = itertools.count(1)

    def name(part: Model, **update: object) -> Model:
        number = next(numbers)
        default = first if number == 1 else f"{word}-{number}"
        return part.model_copy(update={**update, "name": getattr(part, "name", "") or default})

    return name
