"""Properties that a hunt tries to violate: a way to draw scenarios, and what must hold for all of
them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.documents.document import read_yaml
from mediasim.scenario.fuzz.draw import draw_scenario
from mediasim.scenario.fuzz.draw_parties import Draws
from mediasim.scenario.fuzz.judge import GOES_THROUGH, Violation, broken_by
from mediasim.scenario.fuzz.killed import KILLED
from mediasim.scenario.fuzz.play import Played, play
from mediasim.scenario.fuzz.second_runs import FAST, SLOW, SecondRunInvariant
from mediasim.scenario.model.load import load_scenarios
from mediasim.seeds import Seeds

__all__ = [
    "SECOND_RUNS",
    "Invariants",
    "Properties",
    "Trial",
    "judged_file",
    "second_run_of",
    "trial",
    "try_out",
]

Document = Mapping[str, Any]
SECOND_RUNS: Final[tuple[SecondRunInvariant, ...]] = (*FAST, *SLOW, *KILLED)
"""All invariants that take a second run."""
_SLOW_SHARE: Final = 0.05
"""Share of the runs whose second run is a slow one: in a process of its own, or frame by frame."""
Trial = Callable[[Mapping[str, Any]], Violation | None]
"""Returns how a scenario's document violates one invariant; None if it does not."""


# -- one scenario -------------------------------------------------------------------------------


def second_run_of(seed: int, number: int) -> SecondRunInvariant:
    """Return the invariant that a run is played a second time for: only one, because it takes as
    long as the first."""
    draws = Draws(Seeds(seed).fork("fuzz"), f"second/{number}")
    # Drawn under a label of its own, so that scenarios stay the same when second runs are added.
    if draws.chance(_SLOW_SHARE):
        return draws.pick((*KILLED, *SLOW))
    return draws.pick(FAST)


def try_out(
    document: Mapping[str, Any], again: Sequence[SecondRunInvariant], base: Path | None = None
) -> Iterator[Violation]:
    """Play a scenario, and again for each of ``again``; yield the violations as they are found.

    Raises ScenarioError for a document that is wrong.
    """
    played = _play(document, base)
    if isinstance(played, Violation):
        yield played
        return
    yield from broken_by(played)
    for each in again:
        broken = _judged_again(each, document, played, base)
        if broken is not None:
            yield broken


def _play(document: Mapping[str, Any], base: Path | None) -> Played | Violation:
    try:
        return play(document, base=base)
    except ScenarioError:
        raise
    except Exception as error:
        return Violation(*GOES_THROUGH, _words(error))


def _judged_again(
    each: SecondRunInvariant, document: Mapping[str, Any], played: Played, base: Path | None
) -> Violation | None:
    try:
        where = next(each.problems(document, played, base), None)
    except Exception as error:
        where = _words(error)
    return None if where is None else Violation(each.name, each.words, where)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def trial(name: str, base: Path | None = None) -> Trial:
    """Return a function that plays a document for the invariant of that name alone."""
    again = [each for each in SECOND_RUNS if each.name == name]

    def broken(document: Mapping[str, Any]) -> Violation | None:
        return next((each for each in try_out(document, again, base) if each.name == name), None)

    return broken


# -- what a hunt tries --------------------------------------------------------------------------


class Properties(Protocol):
    """The properties that a hunt judges runs by. An instance is sent to other processes, so it can
    be pickled."""

    @property
    def option(self) -> str:
        """The command-line option that chooses these properties, "" for the default."""

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        """Return the scenario of a run, decided by the seed and the run's number alone."""

    def judge(self, document: Document, seed: int, number: int) -> Iterator[Violation]:
        """Yield the violations of a drawn scenario. Raises ScenarioError for one that is wrong."""

    def judge_file(self, document: Document, base: Path) -> Iterator[Violation]:
        """Yield the violations of a file's scenario, tried in every way. Raises ScenarioError."""

    def trial(self, name: str) -> Trial:
        """Return a function that judges a scenario by the property of that name."""


@dataclass(frozen=True, slots=True)
class Invariants:
    """The invariants of one run, and of a second one that differs where the difference must not
    matter."""

    option: str = ""

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        return draw_scenario(seed, number)

    def judge(self, document: Document, seed: int, number: int) -> Iterator[Violation]:
        return try_out(document, [second_run_of(seed, number)])

    def judge_file(self, document: Document, base: Path) -> Iterator[Violation]:
        return try_out(document, SECOND_RUNS, base)

    def trial(self, name: str) -> Trial:
        return trial(name)


_INVARIANTS: Final = Invariants()


def judged_file(file: Path, properties: Properties = _INVARIANTS) -> Iterator[Violation]:
    """Yield the violations of a scenario file.

    Raises ScenarioError for a file that holds no scenario, or several.
    """
    (scenario, *more) = load_scenarios([file])
    if more:
        raise ScenarioError([Diagnostic("gives several runs, expected one", "matrix", file)])
    document = read_yaml(file.read_text("utf-8"), file).plain()
    document.setdefault("name", scenario.name)
    yield from properties.judge_file(document, file.parent)
