"""What a hunt tries: a way to draw scenarios, and what all of them must keep to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mediasim.scenario.fuzz.draw import draw_scenario
from mediasim.scenario.fuzz.judge import Broken
from mediasim.scenario.fuzz.try_out import SECOND_RUNS, Trial, second_run_of, trial, try_out

__all__ = ["Invariants", "Properties"]

Document = Mapping[str, Any]


class Properties(Protocol):
    """Properties of runs. It is sent to other processes: what implements it can be pickled."""

    @property
    def option(self) -> str:
        """What chooses it on the command line, "" for the default."""

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        """The scenario of a run; the seed and the run's number decide all of it."""

    def judge(self, document: Document, seed: int, number: int) -> Iterator[Broken]:
        """What a drawn scenario breaks. Raises ScenarioError for one that is wrong."""

    def judge_file(self, document: Document, base: Path) -> Iterator[Broken]:
        """What a file's scenario breaks, tried in every way. Raises ScenarioError."""

    def trial(self, name: str) -> Trial:
        """Whether a scenario breaks the property of that name."""


@dataclass(frozen=True, slots=True)
class Invariants:
    """The invariants of one run, and of a second one that differs where it may not matter."""

    option: str = ""

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        return draw_scenario(seed, number)

    def judge(self, document: Document, seed: int, number: int) -> Iterator[Broken]:
        return try_out(document, [second_run_of(seed, number)])

    def judge_file(self, document: Document, base: Path) -> Iterator[Broken]:
        return try_out(document, SECOND_RUNS, base)

    def trial(self, name: str) -> Trial:
        return trial(name)
