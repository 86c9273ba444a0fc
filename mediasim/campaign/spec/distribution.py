"""What a value of a campaign is drawn from: always the same, or one of some choices.

Each distribution is drawn from by its inverse: the value below which a share of all values lies. So
one draw needs one number, and a changed distribution changes the values of its own label alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from mediasim.campaign.spec.quantity import WEIGHT_SCHEMA, Quantity, Weight
from mediasim.documents.model import Many, Misfit, Model

__all__ = ["Constant", "Distribution", "OneOf"]


class Distribution(Model):
    """What a value is drawn from."""

    @property
    def varies(self) -> bool:
        """Whether there is anything to draw."""
        return True

    def at(self, share: float) -> Any:
        """Return the value below which a share of all values lies, between 0 and 1."""
        raise NotImplementedError

    def examples(self) -> Iterator[Any]:
        """Yield values that show what may be drawn: every choice, or the least and the largest."""
        yield self.at(1e-9)
        yield self.at(1 - 1e-9)

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        """Yield each number that the distribution is of, with its key, to compare their units."""
        yield from ()

    def troubles(self) -> Iterator[Misfit]:
        first: Quantity | None = None
        for key, number in self.numbers():
            if first is None or not first.number:
                first = number if first is None or number.number else first
            elif number.number and not number.fits(first):
                yield (key,), f"expected numbers of one unit, found {first} and {number}"


class Constant(Distribution):
    """Always the same."""

    keyword: ClassVar[str] = "always"
    stands_for: ClassVar[str] = "value"

    value: Any
    """The value."""

    @cached_property
    def _value(self) -> Any:
        try:
            return Quantity.of(self.value).value
        except ValueError:
            return self.value

    @property
    def varies(self) -> bool:
        return False

    def at(self, share: float) -> Any:
        return self._value

    def examples(self) -> Iterator[Any]:
        yield self._value


class Weighted(Model):
    """A choice with its weight."""

    value: Any
    """The choice."""
    weight: Weight = 1.0
    """How often it is drawn, beside the weights of the others."""


def _choices(value: object) -> object:
    """Return choices as a list of values with weights."""
    if isinstance(value, Mapping):
        return [{"value": each, "weight": weight} for each, weight in value.items()]
    if not isinstance(value, list | tuple):
        return value
    return [
        each if isinstance(each, Mapping) and set(each) == {"value", "weight"} else {"value": each}
        for each in value
    ]


class OneOf(Distribution):
    """One of some values: a list of them, or values with their weights."""

    keyword: ClassVar[str] = "one_of"
    stands_for: ClassVar[str] = "choices"

    choices: Annotated[Many[Weighted], BeforeValidator(_choices)]
    """A list, [PCMU, PCMA]; with weights as {PCMU: 70%, PCMA: 30%}, or as a list of {value: ...,
    weight: ...}."""

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        weights = {"type": "object", "minProperties": 1, "additionalProperties": WEIGHT_SCHEMA}
        return [{"type": "array", "minItems": 1}, weights]

    @cached_property
    def _ends(self) -> list[float]:
        return list(accumulate(choice.weight for choice in self.choices))

    def at(self, share: float) -> Any:
        return self.choices[self.index(share)].value

    def index(self, share: float) -> int:
        """Return the index of the choice that is drawn at a share."""
        ends = self._ends
        return min(bisect_right(ends, share * ends[-1]), len(ends) - 1)

    def examples(self) -> Iterator[Any]:
        for choice in self.choices:
            yield choice.value

    def troubles(self) -> Iterator[Misfit]:
        if not self.choices:
            yield ("choices",), "expected at least one value"
        elif not any(choice.weight for choice in self.choices):
            yield ("choices",), "expected a weight above 0"
