"""The matrix of a scenario: lists of values for dotted paths, every combination one run.

    matrix: {parties.alice.codec: [PCMU, PCMA], seed: [1, 2, 3]}

is six runs. A value is put into the scenario as it was written there, before anything is
validated, and keeps its place in the file: a wrong value is reported where it stands in the
matrix.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from mediasim.scenario.document import Node
from mediasim.scenario.errors import ScenarioError, did_you_mean, one_of

__all__ = ["MATRIX", "Run", "expand"]

MATRIX: Final = "matrix"
"""The key in a scenario file."""
_MOST_RUNS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Run:
    """One combination: the scenario without its matrix, the values put in."""

    document: Node
    variant: dict[str, str] = field(default_factory=dict)
    """Dotted path -> value, as text."""
    label: str = ""
    """``codec=PCMU,seed=1``: each path as short as can be told apart."""


def expand(document: Node, file: Path | None = None) -> list[Run]:
    """The runs of a scenario: one where it has no matrix.

    The last path of the matrix changes fastest. Raises ScenarioError with all that is wrong with
    the matrix itself; its values are validated in the scenario.
    """
    matrix = document.child(MATRIX)
    if matrix is None:
        return [Run(document)]
    bare = document.without((MATRIX,))
    problems = [
        bare_problem.problem((), message, file=file, of_key=False)
        for bare_problem, message in _troubles(matrix, bare)
    ]
    if problems:
        raise ScenarioError(problems)
    axes: dict[str, list[Node]] = {
        path: list(values.value)
        for path, values in matrix.value.items()  # type: ignore[attr-defined]
    }
    names = _short_names(list(axes))
    runs = []
    for values in product(*axes.values()):
        run = bare
        for path, value in zip(axes, values, strict=True):
            run = run.with_value(_tokens(path), value)
        variant = {path: _text(value) for path, value in zip(axes, values, strict=True)}
        label = ",".join(f"{names[path]}={text}" for path, text in variant.items())
        runs.append(Run(run, variant, label))
    return runs


def _troubles(matrix: Node, bare: Node) -> Iterator[tuple[Node, str]]:
    """What is wrong, each with the value that is."""
    if not isinstance(matrix.value, dict) or not matrix.value:
        yield matrix, "expected a mapping of paths to lists, such as seed: [1, 2, 3]"
        return
    runs = 1
    for path, values in matrix.value.items():
        if not isinstance(values.value, list) or not values.value:
            yield values, "expected a list of values"
            continue
        runs *= len(values.value)
        twice = [text for text, times in Counter(map(_text, values.value)).items() if times > 1]
        if twice:
            yield values, f"holds {twice[0]} twice"
        wrong = _wrong_path(path, values.value[0], bare)
        if wrong:
            yield values, wrong
    if runs > _MOST_RUNS:
        yield matrix, f"gives {runs:,} runs; the most is {_MOST_RUNS:,}"


def _wrong_path(path: str, value: Node, bare: Node) -> str | None:
    tokens = _tokens(path)
    if tokens[0] == "parties" and len(tokens) > 1:
        parties = bare.child("parties")
        known = list(parties.value) if parties and isinstance(parties.value, dict) else []
        if tokens[1] not in known:
            expected = f"expected {one_of(known)}" if known else "there are no parties"
            return f"unknown party {tokens[1]!r}; {expected}{did_you_mean(str(tokens[1]), known)}"
    try:
        bare.with_value(tokens, value)
    except KeyError as error:
        where = error.args[0]
        return f"cannot reach into {where}, which is no mapping there; write it out as one"
    return None


def _tokens(path: str) -> tuple[str | int, ...]:
    """``calls[0].answer`` as its keys and indexes."""
    parts = re.findall(r"[^.\[\]]+|\[[0-9]+\]", path)
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in parts) or (path,)


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """Each path's last parts, as many as it takes to tell it from the others."""
    names = {}
    for path in paths:
        parts = path.split(".")
        names[path] = next(
            short
            for short in (".".join(parts[-n:]) for n in range(1, len(parts) + 1))
            if short == path or sum(f".{other}".endswith(f".{short}") for other in paths) == 1
        )
    return names


def _text(value: Node) -> str:
    """A value on one line, as YAML's flow style writes it."""
    if isinstance(value.value, dict):
        inner = ", ".join(f"{key}: {_text(node)}" for key, node in value.value.items())
        return f"{{{inner}}}"
    if isinstance(value.value, list):
        return f"[{', '.join(map(_text, value.value))}]"
    return "" if value.value is None else str(value.value)
