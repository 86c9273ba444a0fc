"""The expectations about an app that converses in a call.

Figures are counted in frames of 20 ms on the server's side; an app that never did what is measured
meets no expectation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from mediasim.documents.diagnostics import expected_among, one_of
from mediasim.documents.durations import Duration
from mediasim.documents.model import Location, Misfit
from mediasim.documents.values import Name, count
from mediasim.scenario.model.app_ends import app_ends, chosen_ends
from mediasim.scenario.model.expectation import Expect, ScenarioFacts

__all__ = [
    "AppExpectation",
    "ExpectBargeIn",
    "ExpectDeadAir",
    "ExpectGreeting",
    "ExpectResponse",
    "ExpectTalkOver",
]


class AppExpectation(Expect):
    """An expectation about an app that converses in a call."""

    call: Name | None = None
    """The call's, or the conference's, name; the only one with an app where absent."""
    party: Name | None = None
    """The party that is the app; of several apps in a call one has to be named, unless it is the
    call's own."""

    def parties_named(self) -> Iterator[tuple[Location, str]]:
        if self.party is not None:
            yield ("party",), self.party

    def misfits(self, scenario: ScenarioFacts) -> Iterator[Misfit]:
        ends = app_ends(scenario.parties, scenario.calls, scenario.conferences)
        names = list(dict.fromkeys(end.call for end in ends))
        of_call = [end for end in ends if self.call in (None, end.call)]
        parties = [end.party for end in of_call if end.party is not None]
        if not names:
            yield (), "no call goes to an app: expected app: in a call, or in a party of one"
        elif not of_call:
            known = expected_among(self.call or "", names, "calls to an app")
            yield ("call",), f"no call {self.call!r} goes to an app; {known}"
        elif self.party is not None and self.party not in parties:
            if self.party in scenario.parties:
                yield ("party",), f"{self.party} is no app in {one_of(names)}"
        elif len(chosen_ends(of_call, self.call, self.party)) > 1:
            if self.call is None and len({end.call for end in of_call}) > 1:
                yield (), f"which call? Write call: {one_of(names)}"
            else:
                yield (), f"which app? Write party: {one_of(list(dict.fromkeys(parties)))}"


class ExpectGreeting(AppExpectation):
    """The app speaks soon after it is connected."""

    keyword: ClassVar[str] = "greeting"
    stands_for: ClassVar[str] = "within"

    within: Duration
    """From the connection to the app's first sound."""


class ExpectResponse(AppExpectation):
    """The app answers what the caller says."""

    keyword: ClassVar[str] = "response"
    stands_for: ClassVar[str] = "within"

    within: Duration
    """From when the caller has stopped speaking to the app's first sound, each time."""
    unanswered: Annotated[int, count(0, 1000)] = 0
    """How many utterances may be left without an answer, such as a last good bye."""


class ExpectBargeIn(AppExpectation):
    """The app falls silent when the caller begins to speak over it."""

    keyword: ClassVar[str] = "barge_in"
    stands_for: ClassVar[str] = "within"

    within: Duration
    """From when the caller begins to when the app is silent, each time; it must happen once."""


class ExpectTalkOver(AppExpectation):
    """The app and the caller hardly speak at the same time."""

    keyword: ClassVar[str] = "talk_over"
    stands_for: ClassVar[str] = "most"

    most: Duration
    """For how long they may in all."""


class ExpectDeadAir(AppExpectation):
    """There is hardly a stretch in which neither the caller nor the app speaks."""

    keyword: ClassVar[str] = "dead_air"
    stands_for: ClassVar[str] = "most"

    most: Duration
    """How long the longest may be."""
