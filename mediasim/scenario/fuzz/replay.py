"""Scenario files judged by all that a hunt judges by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mediasim.documents.diagnostics import Problem, ScenarioError
from mediasim.documents.yaml_reader import read_yaml
from mediasim.scenario.fuzz.judge import Broken
from mediasim.scenario.fuzz.properties import Invariants, Properties
from mediasim.scenario.model.load import load_scenarios

__all__ = ["judged_file"]


_INVARIANTS: Final = Invariants()


def judged_file(file: Path, properties: Properties = _INVARIANTS) -> Iterator[Broken]:
    """What a scenario's file breaks.

    Raises ScenarioError for a file that holds no scenario, or several.
    """
    (scenario, *more) = load_scenarios([file])
    if more:
        raise ScenarioError([Problem("gives several runs, expected one", "matrix", file)])
    document = read_yaml(file.read_text("utf-8"), file).plain()
    document.setdefault("name", scenario.name)
    yield from properties.judge_file(document, file.parent)
