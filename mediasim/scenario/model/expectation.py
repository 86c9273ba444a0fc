"""What all expectations of a scenario have in common, and what they know of the scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from mediasim.documents.model import Location, Misfit, Model
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.conference import ConferenceSpec
from mediasim.scenario.model.party import PartySpec
from mediasim.scenario.model.plan import PlannedRecording

__all__ = ["Expect", "ScenarioFacts"]


class ScenarioFacts(Protocol):
    """The parts of a scenario that refer to each other, checked before anything runs."""

    @property
    def parties(self) -> Mapping[str, PartySpec]: ...

    @property
    def calls(self) -> Sequence[Call]: ...

    @property
    def recordings(self) -> Sequence[PlannedRecording]: ...

    @property
    def conferences(self) -> Sequence[ConferenceSpec]: ...

    @property
    def expect(self) -> Sequence[Expect]: ...

    @property
    def profile(self) -> str: ...


class Expect(Model):
    """An expectation, with the properties that other modules read."""

    def parties_named(self) -> Iterator[tuple[Location, str]]:
        """Yield the parties that the expectation names, each with the keys that lead there."""
        yield from ()

    def events_named(self) -> Iterator[tuple[Location, str]]:
        """Yield the events that the expectation names, each with the keys that lead there."""
        yield from ()

    def misfits(self, scenario: ScenarioFacts) -> Iterator[Misfit]:
        """Yield what the expectation demands that can never hold of this scenario."""
        yield from ()
