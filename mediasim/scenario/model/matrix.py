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
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Final

from mediasim.documents.diagnostics import ScenarioError, did_you_mean, one_of
from mediasim.documents.document import Node

__all__ = ["MATRIX", "Variant", "expand"]

MATRIX: Final = "matrix"
"""The key of the matrix in a scenario file."""
_MOST_VARIANTS: Final = 10_000
"""Runs that a matrix may give at most."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination of the matrix: the scenario without its matrix, the values put in."""

    document: Node
    values: dict[str, str] = field(default_factory=dict)
    """The values of the combination as text, by dotted path."""
    label: str = ""
    """The combination in short, ``codec=PCMU,seed=1``: each path as short as can be told apart."""


def expand(document: Node, file: Path | None = None) -> list[Variant]:
    """Return the variants of a scenario: one if it has no matrix.

    The last path of the matrix changes fastest. Raises ScenarioError with all that is wrong with
    the matrix itself; its values are validated in the scenario.
    """
    matrix = document.child(MATRIX)
    if matrix is None:
        return [Variant(document)]
    bare = document.without((MATRIX,))
    troubles = [*_troubles(matrix, bare)]
    if troubles:
        raise ScenarioError(
            node.problem((), message, file=file, of_key=False) for node, message in troubles
        )
    axes = _mapping(matrix)
    names = _short_names(list(axes))
    variants = []
    for values in product(*(_list(axis) for axis in axes.values())):
        combined = bare
        texts = {}
        for (path, axis), value in zip(axes.items(), values, strict=True):
            # Its path is the axis's: one wrong key is one mistake, however many values it has.
            placed = replace(value, path=axis.path)
            combined = combined.with_value(_tokens(path), placed, matrix.keys.get(path))
            texts[path] = _text(value)
        label = ",".join(f"{names[path]}={text}" for path, text in texts.items())
        variants.append(Variant(combined, texts, label))
    return variants


def _mapping(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _list(node: Node) -> list[Node]:
    return node.value if isinstance(node.value, list) else []


def _troubles(matrix: Node, bare: Node) -> Iterator[tuple[Node, str]]:
    """Yield each mistake of a matrix, with the node that has it."""
    axes = _mapping(matrix)
    if not axes:
        yield matrix, "expected a mapping of paths to lists, such as seed: [1, 2, 3]"
    for path, axis in axes.items():
        values = _list(axis)
        if not values:
            yield axis, "expected a list of values"
            continue
        twice = [text for text, times in Counter(map(_text, values)).items() if times > 1]
        if twice:
            yield axis, f"holds {twice[0]} twice"
        wrong = _wrong_path(path, values[0], bare)
        if wrong:
            yield axis, wrong
    count = prod(len(_list(axis)) for axis in axes.values())
    if count > _MOST_VARIANTS:
        yield matrix, f"gives {count:,} runs; the most is {_MOST_VARIANTS:,}"


def _wrong_path(path: str, value: Node, bare: Node) -> str | None:
    """Return why a value cannot be put in at a path; None if it can."""
    tokens = _tokens(path)
    if tokens[0] == "parties" and len(tokens) > 1:
        parties = bare.child("parties")
        known = list(_mapping(parties)) if parties else []
        if tokens[1] not in known:
            expected = f"expected {one_of(known)}" if known else "there are no parties"
            return f"unknown party {tokens[1]!r}; {expected}{did_you_mean(str(tokens[1]), known)}"
    try:
        bare.with_value(tokens, value)
    except KeyError as error:
        where = error.args[0]
        return f"cannot reach into {where}: it is no mapping, or a list without that index"
    return None


def _tokens(path: str) -> tuple[str | int, ...]:
    """Split a dotted path, ``calls[0].answer``, into its keys and indexes."""
    parts = re.findall(r"[^.\[\]]+|\[[0-9]+\]", path)
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in parts) or (path,)


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return the last parts of each path, as many as tell it from the others."""
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
    """Return a value on one line, as YAML's flow style writes it."""
    if isinstance(value.value, dict):
        inner = ", ".join(f"{key}: {_text(node)}" for key, node in value.value.items())
        return f"{{{inner}}}"
    if isinstance(value.value, list):
        return f"[{', '.join(map(_text, value.value))}]"
    return "" if value.value is None else str(value.value)
