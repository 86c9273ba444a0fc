"""A document as it is written: values with their positions in the file.

It is read from YAML, or given from Python, which has no positions. In YAML every scalar is kept as
text, so that ``0123``, ``1:30``, ``no`` and ``on`` stay what they look like; the model decides what
a value means. Anchors, aliases and merge keys (``<<: *base``) work; tags, several documents in a
file, and aliases that multiply without bound are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mediasim.documents.diagnostics import UNKNOWN_KEY, Diagnostic, ScenarioError, message_of
from mediasim.documents.syntax import syntax_mistake

__all__ = [
    "DEEPEST",
    "Node",
    "Origin",
    "from_python",
    "join_path",
    "read_yaml",
    "validated",
]

_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""libyaml's parser where PyYAML was built with it, which is many times faster."""
_MOST_VALUES: Final = 50_000
"""Values that a document may hold, those of aliases counted each time."""
M = TypeVar("M", bound=BaseModel)
DEEPEST: Final = 40
"""How many levels values may be nested."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and its position. Nodes never change: ``without`` and ``with_value`` return new
    ones."""

    value: object
    """A dict of key to Node, a list of Node, a text, None, or any object given from Python."""
    path: str = ""
    """The keys that lead to where the value is written: ``parties.alice.script[0]``."""
    line: int | None = None
    """Line, counted from 1; None for data from Python."""
    column: int | None = None
    """Column, counted from 1; None for data from Python."""
    keys: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each key of a mapping."""
    size: int = 1
    """Number of values in the node, those of aliases counted each time."""
    repeated: tuple[Diagnostic, ...] = ()
    """Diagnostics of keys that the whole file gives twice; the first one is in the tree."""

    def plain(self) -> Any:
        """Return the value without positions: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, token: str | int) -> Node | None:
        """Return the node under a key or at an index; None if there is none."""
        if isinstance(self.value, dict) and isinstance(token, str):
            found = self.value.get(token)
            return found if isinstance(found, Node) else None
        if isinstance(self.value, list) and isinstance(token, int) and token < len(self.value):
            return self.value[token]  # type: ignore[no-any-return]
        return None

    def at(self, tokens: Sequence[str | int]) -> Node | None:
        """Return the node that keys and indexes lead to; None if there is none."""
        node: Node | None = self
        for token in tokens:
            node = node.child(token) if node else None
        return node

    def written(self, location: Sequence[str | int]) -> tuple[str | int, ...]:
        """Return the part of a location in the model that is written here, as it is written.

        The model has keys that short forms leave out, and lists where one part may stand alone.
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
    ) -> Diagnostic:
        """Return a diagnostic of the value at a location in the model, or of its key."""
        node, parent = self, self
        tokens = self.written(location)
        for token in tokens:
            parent, node = node, node.child(token) or node
        place: tuple[int | None, int | None] = (node.line, node.column)
        if of_key and tokens:
            place = parent.keys.get(str(tokens[-1]), place)
        path = node.path or ("" if self.line else dotted(location))
        return Diagnostic(message, path, file, *place)

    def without(self, tokens: Sequence[str | int]) -> Node:
        """Return the tree without one value; the value must exist."""
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
        """Return the tree with one value put in, and the mappings that are missing on the way.

        ``key_place`` is the line and column of the value's key. Raises KeyError with the path of
        the part that cannot hold what follows it.
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
    """The source of a scenario; the context in which its model is validated."""

    document: Node
    base: Path
    """The folder that paths in the document are relative to."""
    file: Path | None = None
    """The file the document was read from; None for data from Python."""
    name: str = "scenario"
    """The name of a scenario that gives none itself."""
    variant: Mapping[str, str] = field(default_factory=dict)
    """The values that the matrix set for this run, by dotted path."""
    label: str = ""
    """The variant in short: ``codec=PCMU,seed=1``."""
    partial: bool = False
    """Whether wrong parts have been taken out, to look for mistakes in the rest."""

    def problem(
        self, location: Sequence[str | int], message: str, *, of_key: bool = False
    ) -> Diagnostic:
        """Return a diagnostic of the value, or of its key, at a location in the model."""
        return self.document.problem(location, message, file=self.file, of_key=of_key)

    def problems(self, error: ValidationError) -> Iterator[Diagnostic]:
        """Yield a diagnostic of each error of a model's validation."""
        for details in error.errors(include_url=False):
            of_key = details["type"] == UNKNOWN_KEY or details["loc"][-1:] == ("[key]",)
            yield self.problem(details["loc"], message_of(details), of_key=of_key)


def validated(model: type[M], origin: Origin) -> M:
    """Return a document as an instance of a model.

    Raises ScenarioError with every mistake, in the file's order.
    """
    problems = list(origin.document.repeated)
    try:
        built = model.model_validate(origin.document.plain(), context=origin, by_name=False)
    except ValidationError as error:
        problems += origin.problems(error)
    if problems:
        raise ScenarioError(sorted(problems, key=lambda each: each.position))
    return built


def from_python(data: object, path: str = "", depth: int = 0) -> Node:
    """Return data given from Python as a node: mappings, lists, scalars, and parts already built.

    Raises ScenarioError if the data is nested too deep.
    """
    if depth > DEEPEST:
        raise ScenarioError([Diagnostic(f"is nested more than {DEEPEST} deep", path)])
    if isinstance(data, Mapping):
        values = {
            str(key): from_python(value, join_path(path, key), depth + 1)
            for key, value in data.items()
        }
        return Node(values, path)
    if isinstance(data, list | tuple):
        items = enumerate(data)
        return Node([from_python(each, f"{path}[{n}]", depth + 1) for n, each in items], path)
    return Node(data, path)


def dotted(location: Sequence[str | int]) -> str:
    """Return a location as text: ``parties.alice.script[0]``."""
    path = ""
    for token in location:
        path = f"{path}[{token}]" if isinstance(token, int) else join_path(path, token)
    return path


def join_path(path: str, key: object) -> str:
    """Return the path of the value under a key."""
    return f"{path}.{key}" if path else str(key)


# -- YAML ---------------------------------------------------------------------------------------


def read_yaml(text: str, file: Path | None = None) -> Node:
    """Return the one document of a YAML text.

    Raises ScenarioError with every problem of its form, up to the first one that makes the rest
    unreadable. Keys given twice do not stop the reading: they are in ``repeated``.
    """
    return _Reader(text, file).read()


class _Reader:
    """Builds the tree from the parser's events one by one, however deep they are nested."""

    def __init__(self, text: str, file: Path | None) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._text = text
        self._file = file
        self._anchors: dict[str, Node | None] = {}
        self._problems: list[Diagnostic] = []
        self._repeated: list[Diagnostic] = []

    def read(self) -> Node:
        try:
            next(self._events)  # the stream's start
            if isinstance(next(self._events), yaml.StreamEndEvent):
                raise ScenarioError([Diagnostic("there is nothing in it", "", self._file, 1, 1)])
            root = self._node(next(self._events), "", 0)
            next(self._events)  # the document's end
            after = next(self._events)
            if not isinstance(after, yaml.StreamEndEvent):
                self._add_problem(
                    "a second document begins here; a file holds one scenario", "", after
                )
        except yaml.YAMLError as error:
            self._problems.append(self._syntax(error))
        except UnicodeError:
            self._problems.append(Diagnostic("is not Unicode text", "", self._file, 1, 1))
        if self._problems:
            raise ScenarioError([*self._problems, *self._repeated])
        return replace(root, repeated=tuple(self._repeated))

    def _problem(self, message: str, path: str, event: Any) -> Diagnostic:
        mark = event.start_mark
        return Diagnostic(message, path, self._file, mark.line + 1, mark.column + 1)

    def _add_problem(self, message: str, path: str, event: Any) -> None:
        self._problems.append(self._problem(message, path, event))

    def _stop(self, message: str, path: str, event: Any) -> ScenarioError:
        """Return the error that ends the reading, because reading on is pointless."""
        self._add_problem(message, path, event)
        return ScenarioError([*self._problems, *self._repeated])

    def _syntax(self, error: yaml.YAMLError) -> Diagnostic:
        """Return a diagnostic of an error of the YAML parser."""
        message, line, column = syntax_mistake(error, self._text)
        return Diagnostic(message, "", self._file, line, column)

    def _node(self, event: Any, path: str, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._stop(f"is nested more than {DEEPEST} deep", path, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            self._add_problem(f"tags such as {event.tag} are not used here", path, event)
        if event.anchor:
            # Without a node until it is complete, to refuse an alias inside of it.
            self._anchors[event.anchor] = None
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            # Nothing after a key is None; a quoted "" is an empty text.
            written = event.value if event.value or not event.implicit[0] else None
            node = Node(written, path, line, column)
        elif isinstance(event, yaml.SequenceStartEvent):
            items = list(self._items(path, depth))
            node = Node(items, path, line, column, size=1 + sum(item.size for item in items))
        else:
            values, keys = self._mapping(path, depth)
            size = 1 + sum(value.size for value in values.values())
            node = Node(values, path, line, column, keys, size)
        # Aliases share their nodes: a short text may stand for billions of values to be walked.
        if node.size > _MOST_VALUES:
            raise self._stop(f"holds more than {_MOST_VALUES:,} values", path, event)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, path: str) -> Node:
        node = self._anchors.get(event.anchor)
        if node is not None:
            # What is wrong with it as a whole is wrong here; what is wrong inside it, there.
            mark = event.start_mark
            return replace(node, path=path, line=mark.line + 1, column=mark.column + 1)
        inside = event.anchor in self._anchors
        wrong = "stands inside what it refers to" if inside else "refers to no anchor above it"
        self._add_problem(f"alias *{event.anchor} {wrong}", path, event)
        return Node(None, path)

    def _items(self, path: str, depth: int) -> Iterator[Node]:
        number = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, f"{path}[{number}]", depth + 1)
            number += 1

    def _mapping(self, path: str, depth: int) -> tuple[dict[str, Node], dict[str, tuple[int, int]]]:
        values: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, path, depth + 1).value
            here = join_path(path, key) if isinstance(key, str) else path
            value = self._node(next(self._events), here, depth + 1)
            if not isinstance(key, str) or not key:
                self._add_problem("a key must be a word", path, event)
            elif key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged += self._merged(value, here, event)
            elif key in values:
                message = f"is given twice, first on line {keys[key][0]}"
                self._repeated.append(self._problem(message, here, event))
            else:
                values[key] = value
                keys[key] = (event.start_mark.line + 1, event.start_mark.column + 1)
        # Only now, for own keys win wherever << stands among them; of several bases the first
        # wins.
        for base in merged:
            values = {**base.value, **values}  # type: ignore[dict-item]
            keys = {**base.keys, **keys}
        return values, keys

    def _merged(self, value: Node, path: str, event: Any) -> list[Node]:
        """Return the mappings of a merge key; earlier ones win over later ones."""
        bases: list[Node] = value.value if isinstance(value.value, list) else [value]
        if all(isinstance(base.value, dict) for base in bases):
            return bases
        self._add_problem("expected an alias of a mapping, or a list of those", path, event)
        return []
