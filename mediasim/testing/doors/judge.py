"""The property "same script, same recording, whichever door", for the fuzzer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.fuzz.judge import GOES_THROUGH, Violation
from mediasim.scenario.fuzz.properties import Trial
from mediasim.testing.doors.doors import by_requests, by_scenario, by_twiml
from mediasim.testing.doors.draw import design_differences, draw_call
from mediasim.testing.doors.results import DoorResults, differences

__all__ = ["DOORS", "Doors", "violations"]

Document = Mapping[str, Any]
Door = Callable[[Document, int, Path | None], DoorResults]

DOORS: Final[dict[str, tuple[str, Door]]] = {
    "same-by-twiml": ("an app's TwiML leaves what the scenario leaves", by_twiml),
    "same-by-rest": ("requests to the REST API leave what the scenario leaves", by_requests),
}
"""Description of each property, and the door that is compared with the scenario run, by name."""


def violations(document: Document, base: Path | None = None) -> Iterator[Violation]:
    """Yield the first difference of each door from the scenario's own run.

    Raises ScenarioError, also for a scenario that a door cannot express.
    """
    try:
        first = by_scenario(document, base)
    except ScenarioError:
        raise
    except Exception as error:
        yield Violation(*GOES_THROUGH, f"{type(error).__name__}: {error}")
        return
    for name, (words, door) in DOORS.items():
        try:
            results = door(document, first.end_ns, base)
        except ScenarioError:
            raise
        except Exception as error:
            yield Violation(*GOES_THROUGH, f"{type(error).__name__}: {error}")
            continue
        # Participants that requests call at one moment are all answered before the first joins.
        in_order = door is by_twiml or not document.get("conferences")
        where = next(differences(first, results, in_order=in_order), None)
        if where is not None:
            yield Violation(name, words, f"the scenario and then the sandbox: {where}")


@dataclass(frozen=True, slots=True)
class Doors:
    """The property, with the scenarios drawn for it."""

    option: str = "--doors"

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        """Return the scenario of a run."""
        return draw_call(seed, number)

    def judge(self, document: Document, seed: int, number: int) -> Iterator[Violation]:
        """Yield the violations of a drawn scenario."""
        return violations(document)

    def judge_file(self, document: Document, base: Path) -> Iterator[Violation]:
        """Yield the violations of a scenario in a file."""
        return violations(document, base)

    def trial(self, name: str) -> Trial:
        """Return a function that finds the violation of this name in a smaller scenario."""

        def broken(document: Document) -> Violation | None:
            if next(design_differences(document), None) is not None:
                return None  # made smaller, it came to what is known
            try:
                return next((each for each in violations(document) if each.name == name), None)
            except ScenarioError:
                return None  # made smaller, it came to something that TwiML has no words for

        return broken
