"""A scenario in which values are drawn: ``{draw: DISTRIBUTION}`` in the place of any value.

A draw's label is the path of its place, or what ``as`` says; draws of one label give the same. A
choice may itself hold draws.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mediasim.campaign.spec.distributions import Distribution, Drawn, OneOf
from mediasim.campaign.spec.quantity import Time
from mediasim.documents.diagnostics import (
    UNKNOWN_KEY,
    Diagnostic,
    did_you_mean,
    message_of,
    one_of,
)
from mediasim.documents.document import Node, Origin

__all__ = ["DRAW", "LABEL", "Draw", "Template"]

DRAW: Final = "draw"
"""The key of a value that is drawn."""
LABEL: Final = "as"
"""The key of the label under which it is drawn."""
_DRAWN: Final = TypeAdapter[Distribution](Drawn)
_SPEAKING: Final = ("say", "answer_as", "greeting")
"""Keys of a scenario under which something is said."""
_MOST_OPTIONS: Final = 500
"""Variants of a template that are checked at most."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A place in a scenario whose value is drawn."""

    label: str
    """The label, below the template's own unless it is ``shared``."""
    shared: bool
    """Whether the label was given, and means the same wherever it stands."""
    distribution: Distribution
    choices: tuple[Any, ...] | None
    """The compiled choices, where the distribution is of those."""

    @property
    def plain(self) -> bool:
        """Whether what is drawn is a plain value, and no list or mapping."""
        return self.choices is None or not any(
            isinstance(each, dict | list | Draw) for each in self.choices
        )


class Template:
    """A compiled scenario, or a part of one: plain values, with a Draw in each place drawn."""

    def __init__(self, node: Node, origin: Origin) -> None:
        """Compile a document; ``problems`` then has what is wrong with its draws."""
        self._origin = origin
        self._root = node.path
        self.problems: list[Diagnostic] = []
        self._tree = self._compiled(node)
        self._node = node

    def drawn(self, draw: Callable[[str, Draw], Any], lead: str = "") -> Any:
        """Return the document with each draw made.

        ``draw`` takes a label and the draw; it returns the value, or the number of the choice.
        ``lead`` goes before the labels of the template's own.
        """
        return _filled(self._tree, draw, lead)

    def variants(self) -> Iterator[Node]:
        """Yield documents that show what may be drawn: each choice and each bound once at least."""
        yield from self._options(self._node)[:_MOST_OPTIONS]

    @cached_property
    def speaks(self) -> bool:
        """Whether the scenario itself may have a party say something."""
        return _has_key(self._node.plain(), _SPEAKING)

    # -- compiled -------------------------------------------------------------------------------

    def _compiled(self, node: Node) -> Any:
        value = node.value
        if isinstance(value, dict) and DRAW in value:
            return self._draw(node)
        if isinstance(value, dict):
            return {key: self._compiled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._compiled(each) for each in value]
        return value

    def _draw(self, node: Node) -> Draw | None:
        found = self._read(node)
        if found is None:
            return None
        given = node.child(LABEL)
        label = node.path.removeprefix(self._root).lstrip(".")
        if given is not None:
            label = str(given.value)
        choices = None
        if isinstance(found, OneOf):
            choices = tuple(self._compiled(each) for each in _choice_nodes(node))
        return Draw(label, given is not None, found, choices)

    def _read(self, node: Node) -> Distribution | None:
        """Return the distribution of a draw; None, and its problems, if it is wrong."""
        known = (DRAW, LABEL)
        before = len(self.problems)
        held: Any = node.value
        for key in held:
            if key not in known:
                words = f"unknown key; expected {one_of(known)}{did_you_mean(key, known)}"
                self._problem(node, (key,), words, of_key=True)
        written = node.child(DRAW)
        assert written is not None
        if not isinstance(written.value, dict) or not written.value:
            self._problem(node, (DRAW,), "expected a distribution such as {one_of: [a, b]}")
        given = node.child(LABEL)
        if given is not None and not isinstance(given.value, str):
            self._problem(node, (LABEL,), "expected a label")
        if len(self.problems) > before:
            return None
        try:
            return _DRAWN.validate_python(written.plain(), context=self._origin)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                self._problem(
                    written,
                    details["loc"],
                    message_of(details),
                    of_key=details["type"] == UNKNOWN_KEY,
                )
            return None

    def _problem(
        self, node: Node, location: tuple[str | int, ...], message: str, *, of_key: bool = False
    ) -> None:
        file = self._origin.file
        self.problems.append(node.problem(location, message, file=file, of_key=of_key))

    # -- shown ----------------------------------------------------------------------------------

    def _options(self, node: Node) -> list[Node]:
        """Return documents that show what may be drawn in a part; the first is the usual one."""
        value = node.value
        if isinstance(value, dict) and DRAW in value:
            return list(self._drawn_options(node))
        if isinstance(value, dict):
            parts = {key: self._options(each) for key, each in value.items()}
            usual = {key: each[0] for key, each in parts.items()}
            others = [{**usual, key: other} for key, each in parts.items() for other in each[1:]]
            return [replace(node, value=each) for each in (usual, *others)]
        if isinstance(value, list):
            items = [self._options(each) for each in value]
            first = [each[0] for each in items]
            lists = [
                [*first[:number], other, *first[number + 1 :]]
                for number, each in enumerate(items)
                for other in each[1:]
            ]
            return [replace(node, value=each) for each in (first, *lists)]
        return [node]

    def _drawn_options(self, node: Node) -> Iterator[Node]:
        written = node.child(DRAW) or node
        distribution = _DRAWN.validate_python(written.plain(), context=self._origin)
        if isinstance(distribution, OneOf):
            for each in _choice_nodes(node):
                yield from self._options(each)
            return
        for value in distribution.examples():
            if isinstance(value, Time) and value < 0:
                self._problem(node, (DRAW,), f"may give {value}: write a min of 0s or more")
                value = Time(0)
            yield Node(value, node.path, node.line, node.column)


def _has_key(value: object, keys: Collection[str]) -> bool:
    """Return whether one of some keys is anywhere in a document."""
    if isinstance(value, Mapping):
        return any(key in keys or _has_key(each, keys) for key, each in value.items())
    return isinstance(value, list | tuple) and any(_has_key(each, keys) for each in value)


def _choice_nodes(node: Node) -> list[Node]:
    """Return the nodes of the choices of a draw."""
    found = node.at((DRAW, OneOf.keyword))
    assert found is not None
    found = found.child("choices") or found
    listed: Any = found.value
    if isinstance(listed, dict):
        # A choice that is a key: it stands where the key stands.
        places = found.keys
        return [
            Node(key, each.path, *places.get(key, (each.line, each.column)))
            for key, each in listed.items()
        ]
    return [
        each.child("value") or each
        if isinstance(each.value, dict) and set(each.value) == {"value", "weight"}
        else each
        for each in listed
    ]


def _filled(value: Any, draw: Callable[[str, Draw], Any], lead: str) -> Any:
    if isinstance(value, Draw):
        label = value.label if value.shared else f"{lead}{value.label}".rstrip(".")
        drawn = draw(label, value)
        return drawn if value.choices is None else _filled(value.choices[drawn], draw, lead)
    if isinstance(value, dict):
        return {key: _filled(each, draw, lead) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, draw, lead) for each in value]
    return value
