"""Failing scenarios made small: delta debugging on their documents.

Parts are taken out, many at a time and then fewer, and the rest is made shorter and rounder, for as
long as the scenario still violates the same invariant. What is tried depends on nothing but the
document, so that the same find always becomes the same file. Source of the method: Zeller and
Hildebrandt, Simplifying and Isolating Failure-Inducing Input.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mediasim.documents.diagnostics import ScenarioError
from mediasim.scenario.fuzz.judge import Violation
from mediasim.scenario.fuzz.properties import Trial
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.steps import STEPS

__all__ = ["MOST_TRIES", "shrunk"]

MOST_TRIES: Final = 400
"""Runs that shrinking one find may take: some minutes."""
_DURATION: Final = re.compile(r"([0-9]+)ms")
_KEPT: Final = ("name", "seed")
"""Keys that are never removed or changed."""

Document = dict[str, Any]
_Path = tuple[str | int, ...]


def shrunk(
    document: Mapping[str, Any],
    found: Violation,
    trial: Trial,
    *,
    most_tries: int = MOST_TRIES,
    on_try: Callable[[], None] | None = None,
) -> tuple[Document, Violation]:
    """Return the smallest document found that violates the same invariant, and how it does."""
    best, broken = copy.deepcopy(dict(document)), found
    tries_left = most_tries

    def still(candidate: Document) -> bool:
        nonlocal best, broken, tries_left
        if candidate == best or not _is_sound(candidate):
            return False
        tries_left -= 1
        if on_try is not None:
            on_try()
        again = trial(candidate)
        if again is None:
            return False
        best, broken = candidate, again
        return True

    progress = True
    while progress and tries_left > 0:
        progress = False
        for step in (_with_less, _with_simpler_values):
            candidates = step(best)
            while tries_left > 0 and (candidate := next(candidates, None)) is not None:
                if still(candidate):
                    progress = True
                    candidates = step(best)
    return best, broken


def _is_sound(document: Document) -> bool:
    try:
        parse_scenario(document)
    except ScenarioError:
        return False
    return True


# -- what is tried ------------------------------------------------------------------------------


def _with_less(document: Document) -> Iterator[Document]:
    """Yield the document without some parts: outer ones before inner ones, many before few."""
    for path in sorted(_containers(document), key=len):
        held = _at(document, path)
        keys: list[Any] = list(range(len(held))) if isinstance(held, list) else list(held)
        if not path:
            keys = [key for key in keys if key not in _KEPT]
        size = len(keys)
        while size:
            for start in range(0, len(keys), size):
                yield _without(document, path, keys[start : start + size])
            size //= 2
    yield from _without_parties(document)
    yield from _with_inner_steps(document)


def _without_parties(document: Document) -> Iterator[Document]:
    """Yield the document without a party and its part in conferences."""
    for name in document.get("parties", ()):
        changed = _without(document, ("parties",), [name])
        for room in changed.get("conferences", ()):
            members = room.get("participants", [])
            room["participants"] = [
                each for each in members if each != name and _party_of(each) != name
            ]
        if "conferences" in changed:
            yield changed


def _party_of(participant: Any) -> object:
    return participant.get("party") if isinstance(participant, dict) else participant


def _with_inner_steps(document: Document) -> Iterator[Document]:
    """Yield the document with the steps inside a step in its place."""
    for path in _containers(document):
        held = _at(document, path)
        if not (isinstance(held, dict) and isinstance(path[-1] if path else None, int)):
            continue
        inner = [step for kind in held if kind in STEPS for step in _steps_in(held[kind])]
        if inner:
            changed = copy.deepcopy(document)
            steps, at = _at(changed, path[:-1]), int(path[-1])
            steps[at : at + 1] = copy.deepcopy(inner)
            yield changed


def _steps_in(value: Any) -> Iterator[Any]:
    """Yield the outermost steps in the value of a step."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _steps_in(each)
    elif isinstance(value, list):
        for each in value:
            if _is_step(each):
                yield each
            else:
                yield from _steps_in(each)


def _is_step(value: Any) -> bool:
    if isinstance(value, str):
        return value in STEPS
    return isinstance(value, dict) and any(key in STEPS for key in value)


def _with_simpler_values(document: Document) -> Iterator[Document]:
    """Yield the document with shorter and rounder times, and smaller numbers."""
    for path in _leaves(document):
        if path[-1] in _KEPT:
            continue
        for value in _simpler(_at(document, path)):
            changed = copy.deepcopy(document)
            _at(changed, path[:-1])[path[-1]] = value
            yield changed


def _simpler(value: Any) -> Iterator[Any]:
    """Yield simpler values in order; every one is smaller, so that shrinking comes to an end."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        time = int(found[1])
        rounder = [time // 2, time // 1000 * 1000, time // 100 * 100, time // 20 * 20]
        for each in dict.fromkeys([0, *sorted(rounder)]):
            if each < time:
                yield f"{each}ms"
    elif isinstance(value, int) and not isinstance(value, bool):
        for number in dict.fromkeys((0, int(value / 2), int(value / 100) * 100)):
            if abs(number) < abs(value):
                yield number


# -- documents ----------------------------------------------------------------------------------


def _containers(value: Any, path: _Path = ()) -> Iterator[_Path]:
    """Yield the paths of mappings and lists."""
    if isinstance(value, dict | list) and value:
        yield path
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _containers(inner, (*path, key))


def _leaves(value: Any, path: _Path = ()) -> Iterator[_Path]:
    """Yield the paths of scalars."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, key))
    else:
        yield path


def _at(document: Any, path: _Path) -> Any:
    for key in path:
        document = document[key]
    return document


def _without(document: Document, path: _Path, keys: list[Any]) -> Document:
    changed = copy.deepcopy(document)
    held = _at(changed, path)
    for key in reversed(keys):
        del held[key]
    return changed
