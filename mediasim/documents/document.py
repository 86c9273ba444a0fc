"""A scenario as it is written: values with the places where they stand.

Read from a file (``yaml_reader.py``) or given from Python, which has no places. What the values
mean, the model decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from mediasim.documents.diagnostics import UNKNOWN_KEY, Problem, ScenarioError, message_of

__all__ = ["DEEPEST", "Node", "Origin", "from_python", "join_path", "validated"]

M = TypeVar("M", bound=BaseModel)
DEEPEST: Final = 40
"""How deep values may be nested."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and its place. Never changed: ``without`` and ``with_value`` give another tree."""

    value: object
    """A dict of key -> Node, a list of Node, a text, None where nothing is written, or anything
    else that Python code gave."""
    path: str = ""
    """The keys that lead to where it is written: ``parties.alice.script[0]``."""
    line: int | None = None
    """From 1, and so the column; None for data from Python."""
    column: int | None = None
    keys: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each key of a mapping."""
    size: int = 1
    """Number of values in it, those of aliases counted each time."""
    repeated: tuple[Problem, ...] = ()
    """Of a whole file: its keys that are given twice. The first one is in the tree."""

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, token: str | int) -> Node | None:
        """The value under a key or at an index."""
        if isinstance(self.value, dict) and isinstance(token, str):
            found = self.value.get(token)
            return found if isinstance(found, Node) else None
        if isinstance(self.value, list) and isinstance(token, int) and token < len(self.value):
            return self.value[token]  # type: ignore[no-any-return]
        return None

    def at(self, tokens: Sequence[str | int]) -> Node | None:
        """The value that keys and indexes lead to."""
        node: Node | None = self
        for token in tokens:
            node = node.child(token) if node else None
        return node

    def written(self, location: Sequence[str | int]) -> tuple[str | int, ...]:
        """The part of a location in the model that is written here, as it is written.

        The model has keys that a short form leaves out, and lists where one part may stand alone.
        """
        node, tokens = self, list[str | int]()
        for token in location:
            if isinstance(token, int) and not isinstance(node.value, list):
                continue
            if isinstance(token, str) and isinstance(node.value, list):
                continue
            if isinstance(token, str) and node.child(token) is None:
                token = token.removesuffix("s")  # calls may be written call
            child = node.child(token)
            if child is None:
                break
            node = child
            tokens.append(token)
        return tuple(tokens)

    def problem(
        self, location: Sequence[str | int], message: str, *, file: Path | None, of_key: bool
    ) -> Problem:
        """A problem with the value at a location in the model, or with its key."""
        node, parent = self, self
        tokens = self.written(location)
        for token in tokens:
            parent, node = node, node.child(token) or node
        place: tuple[int | None, int | None] = (node.line, node.column)
        if of_key and tokens:
            place = parent.keys.get(str(tokens[-1]), place)
        path = node.path or ("" if self.line else dotted(location))
        return Problem(message, path, file, *place)

    def without(self, tokens: Sequence[str | int]) -> Node:
        """The tree without one value; the value must be there."""
        first, rest = tokens[0], tokens[1:]
        child = self.child(first)
        changed = child.without(rest) if child is not None and rest else None
        if isinstance(self.value, dict):
            items = {key: changed if key == first else node for key, node in self.value.items()}
            return replace(self, value={key: node for key, node in items.items() if node})
        held: list[Node] = self.value  # type: ignore[assignment]
        nodes = [changed if number == first else node for number, node in enumerate(held)]
        return replace(self, value=[node for node in nodes if node])

    def with_value(
        self, tokens: Sequence[str | int], value: Node, key_place: tuple[int, int] | None = None
    ) -> Node:
        """The tree with one value put in place, mappings on the way made where there are none.

        ``key_place`` is where the value's key is written. Raises KeyError with the path of the part
        that cannot hold what follows it.
        """
        if not tokens:
            return value
        first, rest = tokens[0], tokens[1:]
        child = self.child(first)
        if isinstance(self.value, list) and isinstance(first, int) and child is not None:
            items: list[Node] = list(self.value)
            items[first] = child.with_value(rest, value, key_place)
            return replace(self, value=items)
        if isinstance(self.value, dict | None) and isinstance(first, str):
            below = child or Node({}, value.path, value.line, value.column)
            values = {**(self.value or {}), first: below.with_value(rest, value, key_place)}
            keys = {**self.keys, first: key_place} if key_place and not rest else self.keys
            return replace(self, value=values, keys=keys)
        raise KeyError(self.path)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a scenario comes from; the context in which its model is validated."""

    document: Node
    base: Path
    """The folder that paths in it are relative to."""
    file: Path | None = None
    name: str = "scenario"
    """What it is called where it does not say."""
    variant: Mapping[str, str] = field(default_factory=dict)
    """What the matrix set for this run: dotted path -> value."""
    label: str = ""
    """The variant in short: ``codec=PCMU,seed=1``."""
    partial: bool = False
    """Parts that were wrong have been taken out, to look for mistakes in the rest."""

    def problem(
        self, location: Sequence[str | int], message: str, *, of_key: bool = False
    ) -> Problem:
        """A problem at a location in the model."""
        return self.document.problem(location, message, file=self.file, of_key=of_key)

    def problems(self, error: ValidationError) -> Iterator[Problem]:
        """Everything that a model's validation found, each where it is written."""
        for details in error.errors(include_url=False):
            of_key = details["type"] == UNKNOWN_KEY or details["loc"][-1:] == ("[key]",)
            yield self.problem(details["loc"], message_of(details), of_key=of_key)


def validated(model: type[M], origin: Origin) -> M:
    """A document as a model of it. Raises ScenarioError with every mistake, in the file's order."""
    problems = list(origin.document.repeated)
    try:
        built = model.model_validate(origin.document.plain(), context=origin, by_name=False)
    except ValidationError as error:
        problems += origin.problems(error)
    if problems:
        raise ScenarioError(sorted(problems, key=lambda it: (it.line or 0, it.column or 0)))
    return built


def from_python(data: object, path: str = "", depth: int = 0) -> Node:
    """Data given from Python: mappings, lists, scalars, and parts already built.

    Raises ScenarioError if it is nested without end.
    """
    if depth > DEEPEST:
        raise ScenarioError([Problem(f"is nested more than {DEEPEST} deep", path)])
    if isinstance(data, Mapping):
        return Node(
            {
                str(key): from_python(value, join_path(path, key), depth + 1)
                for key, value in data.items()
            },
            path,
        )
    if isinstance(data, list | tuple):
        return Node(
            [from_python(item, f"{path}[{number}]", depth + 1) for number, item in enumerate(data)],
            path,
        )
    return Node(data, path)


def dotted(location: Sequence[str | int]) -> str:
    """A location as text: ``parties.alice.script[0]``."""
    path = ""
    for token in location:
        path = f"{path}[{token}]" if isinstance(token, int) else join_path(path, token)
    return path


def join_path(path: str, key: object) -> str:
    """The path of what stands under a key."""
    return f"{path}.{key}" if path else str(key)
