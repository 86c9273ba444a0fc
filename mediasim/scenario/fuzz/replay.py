"""Scenario files judged by everything that the fuzzer judges by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mediasim.scenario.errors import Problem, ScenarioError
from mediasim.scenario.fuzz.judge import Broken
from mediasim.scenario.fuzz.try_out import SECOND_RUNS, try_out
from mediasim.scenario.load import load_scenarios
from mediasim.scenario.yaml_reader import read_yaml

__all__ = ["judged_file"]


def judged_file(file: Path) -> Iterator[Broken]:
    """What a scenario's file breaks.

    Raises ScenarioError for a file that holds no scenario, or several.
    """
    (scenario, *more) = load_scenarios([file])
    if more:
        raise ScenarioError([Problem("gives several runs, expected one", "matrix", file)])
    document = read_yaml(file.read_text("utf-8"), file).plain()
    document.setdefault("name", scenario.name)
    yield from try_out(document, SECOND_RUNS, file.parent)
