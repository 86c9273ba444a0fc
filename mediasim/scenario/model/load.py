"""Reading scenarios, from files or from Python: everything is checked before anything runs.

``scenario_schema`` describes to editors what is read.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from mediasim.audio.codecs import CODECS
from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.documents.document import Node, Origin, from_python, read_yaml
from mediasim.documents.model import Location
from mediasim.documents.schema import file_schema
from mediasim.documents.texts import read_text
from mediasim.scenario.model.check import party_troubles
from mediasim.scenario.model.matrix import MATRIX, Variant, expand
from mediasim.scenario.model.scenario import Scenario

__all__ = [
    "load_scenarios",
    "matching_files",
    "parse_scenario",
    "parse_scenarios",
    "scenario_schema",
]

_MOST_REPAIRS: Final = 20
"""How often wrong parts are taken out at most, to look for mistakes in the rest."""


def load_scenarios(paths: Iterable[str | Path]) -> list[Scenario]:
    """Read scenario files; ``*``, ``?``, ``[...]`` and ``**`` in a path stand for several.

    Scenarios come in the order given, matches of a pattern sorted, a file named twice read once; a
    file with a matrix gives several scenarios. Raises ScenarioError with every problem of every
    file.
    """
    scenarios: list[Scenario] = []
    problems: list[Diagnostic] = []
    files: dict[Path, None] = {}
    for path in paths:
        try:
            files.update(dict.fromkeys(matching_files(path)))
        except ScenarioError as error:
            problems += error.problems
    for file in files:
        try:
            document = read_yaml(read_text(file), file)
            scenarios += _scenarios(Origin(document, file.parent, file, _name_of(file.stem)))
        except ScenarioError as error:
            problems += error.problems
    problems += _namesakes(scenarios)
    if problems:
        raise ScenarioError(problems)
    return scenarios


def _namesakes(scenarios: Iterable[Scenario]) -> Iterator[Diagnostic]:
    """Yield a diagnostic of each file whose scenario has the name of another file's: with one seed
    their recordings would have the same SIDs."""
    first: dict[str, Path | None] = {}
    for scenario in scenarios:
        other = first.setdefault(scenario.name, scenario.source)
        if other != scenario.source:
            message = f"is called {scenario.name!r}, as {other} is; give one another name:"
            yield Diagnostic(message, "", scenario.source)
            first[scenario.name] = scenario.source


def parse_scenarios(
    data: Mapping[str, Any] | str, *, name: str = "scenario", base: str | Path = "."
) -> list[Scenario]:
    """Read a scenario from a dict or from YAML text: one, or the runs of its matrix.

    A dict may hold numbers, texts and parts already built. ``base`` is the folder that paths in it
    are relative to. Raises ScenarioError with every problem.
    """
    document = read_yaml(data) if isinstance(data, str) else from_python(data)
    return _scenarios(Origin(document, Path(base), None, _name_of(name)))


def parse_scenario(
    data: Mapping[str, Any] | str, *, name: str = "scenario", base: str | Path = "."
) -> Scenario:
    """Read a scenario without a matrix, as ``parse_scenarios`` does.

    Raises ScenarioError if the data gives several runs.
    """
    scenarios = parse_scenarios(data, name=name, base=base)
    if len(scenarios) > 1:
        raise ScenarioError([Diagnostic(f"gives {len(scenarios)} runs, expected one", "matrix")])
    return scenarios[0]


def matching_files(path: str | Path) -> list[Path]:
    """Return the files that a path or pattern means. Raises ScenarioError if there are none."""
    file = Path(path)
    if file.is_file():
        return [file]
    if file.is_dir():
        raise ScenarioError(
            [Diagnostic(f"is a folder; its scenarios are {file / '*.yaml'}", "", file)]
        )
    found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    files = [match for match in found if match.is_file()]
    if not files:
        raise ScenarioError([Diagnostic("there is no such file", "", file)])
    return files


def _scenarios(origin: Origin) -> list[Scenario]:
    """Return the scenario of a document, or the runs of its matrix.

    Raises ScenarioError with every problem of the document.
    """
    calls = origin.document.child("calls")
    if calls is not None and isinstance(calls.value, str) and not origin.document.child("parties"):
        words = "is of a campaign's spec, and no scenario: it is made by mediasim campaign"
        raise ScenarioError([origin.problem(("calls",), words)])
    scenarios: list[Scenario] = []
    # A dict, for the variants of a matrix share most of their problems.
    problems = dict.fromkeys(origin.document.repeated)
    try:
        variants = expand(origin.document, origin.file)
    except ScenarioError as error:
        problems.update(dict.fromkeys(error.problems))
        variants = [Variant(origin.document.without((MATRIX,)))]
    for variant in variants:
        one = replace(
            origin, document=variant.document, variant=variant.values, label=variant.label
        )
        try:
            scenarios.append(_validated(one))
        except ValidationError as error:
            problems.update(dict.fromkeys(_all_problems(one, error)))
    if problems:
        raise ScenarioError(sorted(problems, key=lambda each: each.position))
    return scenarios


def _validated(origin: Origin) -> Scenario:
    return Scenario.model_validate(origin.document.plain(), context=origin, by_name=False)


def _all_problems(origin: Origin, error: ValidationError) -> Iterator[Diagnostic]:
    """Yield the problems of an invalid document, and those that they hide.

    Names of parties can be looked up only in a scenario whose form is sound. So the wrong parts are
    taken out until the rest is sound, and the rest is checked for the parties it names.
    """
    yield from origin.problems(error)
    rest = replace(origin, partial=True)
    for _ in range(_MOST_REPAIRS):
        wrong = {rest.document.written(details["loc"]) for details in error.errors()}
        if () in wrong:
            return
        rest = replace(rest, document=_without(rest.document, wrong))
        try:
            scenario = _validated(rest)
        except ValidationError as next_error:
            error = next_error
            continue
        for location, message in party_troubles(scenario):
            yield rest.problem(location, message)
        return


def _without(document: Node, parts: Iterable[Location]) -> Node:
    """Return the document without some parts; a party is emptied first, so that its name stays
    known."""
    for part in sorted(parts, key=_position, reverse=True):
        parent = document.at(part[:-1])
        node = parent.child(part[-1]) if parent else None
        if part[0] == "parties" and len(part) == 2 and node and node.value is not None:
            document = document.with_value(part, Node(None))
        elif node:
            document = document.without(part)
    return document


def _position(part: Location) -> list[tuple[int, str]]:
    """Return a sort key: a list's items by index, and the inside of a part after the part."""
    return [(token, "") if isinstance(token, int) else (0, token) for token in part]


def _name_of(text: str) -> str:
    """Return the name nearest to a text, without the characters that names cannot have."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "scenario"


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file, for editors."""
    schema = file_schema(Scenario, "mediasim scenario")
    schema["properties"][MATRIX] = {
        "description": "Lists of values for dotted paths; every combination is a run.",
        "type": "object",
        "additionalProperties": {"type": "array", "minItems": 1},
        "minProperties": 1,
        "examples": [{"parties.alice.codec": list(CODECS)[:2], "seed": [1, 2, 3]}],
    }
    return schema
