"""Reads the YAML of a scenario file, keeping the place of everything.

Every scalar is kept as text, so that ``0123``, ``1:30``, ``no`` and ``on`` stay what they look
like. Anchors, aliases and merge keys (``<<: *base``) work; tags, several documents in a file, and
aliases that multiply without bound are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from mediasim.documents.diagnostics import Problem, ScenarioError
from mediasim.documents.document import DEEPEST, Node, join_path

__all__ = ["read_text", "read_yaml"]

_LARGEST: Final = 1_000_000
"""Bytes of a file."""
_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MOST_VALUES: Final = 50_000
_HINTS: Final = {
    "mapping values are not allowed": "a text that holds ': ' must stand in quotes",
    "alphabetic or numeric": "a text that begins with * or & must stand in quotes",
    "cannot start any token": "YAML indents with spaces, not tabs, and a text that begins with "
    "%, @ or ` must stand in quotes",
}


def read_text(file: Path) -> str:
    """The text of a file. Raises ScenarioError for one that is missing, too large, or not UTF-8."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ScenarioError([Problem(f"is larger than {_LARGEST:,} bytes", "", file)])
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError([Problem(f"cannot be read: {error.strerror}", "", file)]) from None
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text: byte {error.start} is wrong"
        raise ScenarioError([Problem(message, "", file)]) from None


def read_yaml(text: str, file: Path | None = None) -> Node:
    """The one document of a YAML text.

    Raises ScenarioError with every problem of its form, up to the first one that makes the rest
    unreadable. Keys given twice do not keep it from being read: they are in ``repeated``.
    """
    return _Reader(text, file).read()


class _Reader:
    """Builds the tree from YAML's events, which come one by one however deep it is nested."""

    def __init__(self, text: str, file: Path | None) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._file = file
        self._anchors: dict[str, Node | None] = {}
        self._problems: list[Problem] = []
        self._repeated: list[Problem] = []

    def read(self) -> Node:
        try:
            next(self._events)  # the stream's start
            if isinstance(next(self._events), yaml.StreamEndEvent):
                raise ScenarioError([Problem("there is nothing in it", "", self._file)])
            root = self._node(next(self._events), "", 0)
            next(self._events)  # the document's end
            after = next(self._events)
            if not isinstance(after, yaml.StreamEndEvent):
                self._note("a second document begins here; a file holds one scenario", "", after)
        except yaml.YAMLError as error:
            self._problems.append(self._syntax(error))
        except UnicodeError:
            self._problems.append(Problem("is not Unicode text", "", self._file))
        if self._problems:
            raise ScenarioError([*self._problems, *self._repeated])
        return replace(root, repeated=tuple(self._repeated))

    def _problem(self, message: str, path: str, event: Any) -> Problem:
        mark = event.start_mark
        return Problem(message, path, self._file, mark.line + 1, mark.column + 1)

    def _note(self, message: str, path: str, event: Any) -> None:
        self._problems.append(self._problem(message, path, event))

    def _stop(self, message: str, path: str, event: Any) -> ScenarioError:
        """For what makes reading on pointless."""
        self._note(message, path, event)
        return ScenarioError([*self._problems, *self._repeated])

    def _syntax(self, error: yaml.YAMLError) -> Problem:
        said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
        hint = next((f" ({text})" for part, text in _HINTS.items() if part in said), "")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        return Problem(f"is not YAML: {said}{hint}", "", self._file, *place)

    def _node(self, event: Any, path: str, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._stop(f"is nested more than {DEEPEST} deep", path, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            self._note(f"tags such as {event.tag} are not used here", path, event)
        if event.anchor:
            self._anchors[event.anchor] = None
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            written = event.value if event.value or not event.implicit[0] else None
            node = Node(written, path, line, column)
        elif isinstance(event, yaml.SequenceStartEvent):
            items = list(self._items(path, depth))
            node = Node(items, path, line, column, size=1 + sum(item.size for item in items))
        else:
            values, keys = self._mapping(path, depth)
            size = 1 + sum(value.size for value in values.values())
            node = Node(values, path, line, column, keys, size)
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
        self._note(f"alias *{event.anchor} {wrong}", path, event)
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
                self._note("a key must be a word", path, event)
            elif key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                merged += self._merged(value, here, event)
            elif key in values:
                message = f"is given twice, first on line {keys[key][0]}"
                self._repeated.append(self._problem(message, here, event))
            else:
                values[key] = value
                keys[key] = (event.start_mark.line + 1, event.start_mark.column + 1)
        for base in merged:
            values = {**base.value, **values}  # type: ignore[dict-item]
            keys = {**base.keys, **keys}
        return values, keys

    def _merged(self, value: Node, path: str, event: Any) -> list[Node]:
        """The mappings of a merge key; those before win over those after."""
        bases: list[Node] = value.value if isinstance(value.value, list) else [value]
        if all(isinstance(base.value, dict) for base in bases):
            return bases
        self._note("expected an alias of a mapping, or a list of those", path, event)
        return []
