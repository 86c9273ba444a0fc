"""A scenario in which values are drawn: ``{draw: DISTRIBUTION}`` in the place of any value.

A draw's label is the path of its place, or what ``as`` says; draws of one label give the same. A
choice may itself hold draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mediasim.campaign.spec.distributions import Distribution, Drawn
from mediasim.documents.diagnostics import Diagnostic, ScenarioError, message_of, one_of
from mediasim.documents.document import join_path

__all__ = ["DRAW", "Draw", "Template"]

DRAW: Final = "draw"
"""The key of a value that is drawn."""
LABEL: Final = "as"
_DRAWN: Final = TypeAdapter[Distribution](Drawn)


@dataclass(frozen=True, slots=True)
class Draw:
    """A place in a scenario whose value is drawn."""

    label: str
    distribution: Distribution
    choices: tuple[Any, ...] | None
    """The compiled choices, where the distribution is of whole values."""


class Template:
    """A compiled scenario: plain values, with a Draw in each place that is drawn."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Compile a document. Raises ScenarioError with every draw that is wrong."""
        self._problems: list[Diagnostic] = []
        self._tree = self._compiled(document, "")
        if self._problems:
            raise ScenarioError(self._problems)

    def drawn(self, draw: Callable[[Draw], Any]) -> dict[str, Any]:
        """Return the scenario with each draw made by a function: it returns the value, or the
        number of the choice."""
        found: dict[str, Any] = _filled(self._tree, draw)
        return found

    def _compiled(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping) and DRAW in value:
            return self._draw(value, path)
        if isinstance(value, Mapping):
            return {
                str(key): self._compiled(each, join_path(path, key)) for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._compiled(each, f"{path}[{n}]") for n, each in enumerate(value)]
        return value

    def _draw(self, value: Mapping[str, Any], path: str) -> Any:
        wrong = [key for key in value if key not in (DRAW, LABEL)]
        if wrong:
            message = f"unknown key; expected {one_of((DRAW, LABEL))}"
            self._problems.append(Diagnostic(message, join_path(path, wrong[0])))
            return None
        try:
            distribution = _DRAWN.validate_python(value[DRAW], by_name=False)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                self._problems.append(Diagnostic(message_of(details), join_path(path, DRAW)))
            return None
        label = str(value.get(LABEL) or path)
        choices = getattr(distribution, "choices", None)
        if choices is not None:
            choices = tuple(
                self._compiled(each.value, f"{path}.{n}") for n, each in enumerate(choices)
            )
        return Draw(label, distribution, choices)


def _filled(value: Any, draw: Callable[[Draw], Any]) -> Any:
    if isinstance(value, Draw):
        drawn = draw(value)
        if value.choices is None:
            return drawn
        return _filled(value.choices[drawn], draw)
    if isinstance(value, dict):
        return {key: _filled(each, draw) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, draw) for each in value]
    return value
