"""The distributions that values of a campaign are drawn from.

Each is drawn from by its inverse: the value below which a share of all values lies. So one draw
needs one number, and a changed distribution changes the values of its own label alone.

A new distribution is a class here, in ``DISTRIBUTIONS``.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from mediasim.campaign.spec.quantity import Quantity, Weight
from mediasim.documents.model import Keyed, Many, Misfit, Model

__all__ = ["DISTRIBUTIONS", "Constant", "Distribution", "Drawn", "OneOf"]


class Distribution(Model):
    """What a value is drawn from."""

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
            elif number.number and number.unit != first.unit:
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


def _pair(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("expected the least and the largest, such as [1s, 3s]")
    return tuple(value)


class _Between(Distribution):
    stands_for: ClassVar[str] = "between"

    between: Annotated[tuple[Quantity, Quantity], BeforeValidator(_pair)]
    """The least and the largest: [1s, 3s]."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"between": value}

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        for each in self.between:
            yield "between", each

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        low, high = self.between
        if low.number > high.number:
            yield ("between",), f"expected the least first, found {low} and {high}"

    @property
    def _unit(self) -> Quantity:
        low, high = self.between
        return low if low.unit or not high.unit else high


class Uniform(_Between):
    """Anything between two values, all alike."""

    keyword: ClassVar[str] = "uniform"

    def at(self, share: float) -> Any:
        low, high = (each.number for each in self.between)
        return self._unit.like(low + share * (high - low)).value


class Whole(_Between):
    """A whole number between two, both included, all alike."""

    keyword: ClassVar[str] = "whole"

    def at(self, share: float) -> Any:
        low, high = (math.ceil(self.between[0].number), math.floor(self.between[1].number))
        return self._unit.like(min(high, low + int(share * (high - low + 1)))).value


class _Bounded(Distribution):
    """A distribution of which only what lies between two bounds is drawn."""

    min: Quantity | None = None
    """Nothing below this is drawn; what is drawn is spread over the rest in its shape."""
    max: Quantity | None = None
    """Nothing above this is drawn."""

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        for key, each in (("min", self.min), ("max", self.max)):
            if each is not None:
                yield key, each

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if self.min is not None and self.max is not None and self.min.number >= self.max.number:
            yield ("max",), f"expected more than min, {self.min}, found {self.max}"

    def _below(self, number: float) -> float:
        """Return the share of values below a number."""
        raise NotImplementedError

    def _inverse(self, share: float) -> float:
        """Return the number below which a share of the unbounded values lies."""
        raise NotImplementedError

    @cached_property
    def _shares(self) -> tuple[float, float]:
        """The shares of values below each bound."""
        low = 0.0 if self.min is None else self._below(self.min.number)
        high = 1.0 if self.max is None else self._below(self.max.number)
        return low, high

    def _bounded(self, share: float) -> float:
        low, high = self._shares
        within = min(max(low + share * (high - low), 1e-15), 1 - 1e-15)
        number = self._inverse(within)
        if self.min is not None:
            number = max(number, self.min.number)
        return number if self.max is None else min(number, self.max.number)


class Normal(_Bounded):
    """The normal distribution."""

    keyword: ClassVar[str] = "normal"

    mean: Quantity
    """Mean of the unbounded distribution."""
    sd: Quantity
    """Standard deviation of the unbounded distribution."""

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        yield from (("sd", self.sd), ("mean", self.mean), *super().numbers())

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if self.sd.number <= 0:
            yield ("sd",), f"expected more than 0, found {self.sd}"

    @cached_property
    def _normal(self) -> NormalDist:
        return NormalDist(self.mean.number, self.sd.number)

    def _below(self, number: float) -> float:
        return self._normal.cdf(number)

    def _inverse(self, share: float) -> float:
        return self._normal.inv_cdf(share)

    def at(self, share: float) -> Any:
        return self.sd.like(self._bounded(share)).value


class Lognormal(_Bounded):
    """The distribution of what is normal in its logarithm, as lengths of pauses are."""

    keyword: ClassVar[str] = "lognormal"

    median: Quantity
    """Half of the values are below this."""
    sigma: Annotated[float, Field(gt=0)]
    """Standard deviation of the natural logarithm: 0.5 has two thirds within a factor of 1.65."""

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        yield from (("median", self.median), *super().numbers())

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if self.median.number <= 0:
            yield ("median",), f"expected more than 0, found {self.median}"

    @cached_property
    def _normal(self) -> NormalDist:
        return NormalDist(math.log(self.median.number), self.sigma)

    def _below(self, number: float) -> float:
        return self._normal.cdf(math.log(number)) if number > 0 else 0.0

    def _inverse(self, share: float) -> float:
        return math.exp(self._normal.inv_cdf(share))

    def at(self, share: float) -> Any:
        return self.median.like(self._bounded(share)).value


class Exponential(_Bounded):
    """The exponential distribution."""

    keyword: ClassVar[str] = "exponential"
    stands_for: ClassVar[str] = "mean"

    mean: Quantity
    """Mean of the unbounded distribution."""

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        yield from (("mean", self.mean), *super().numbers())

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if self.mean.number <= 0:
            yield ("mean",), f"expected more than 0, found {self.mean}"

    def _below(self, number: float) -> float:
        return 1 - math.exp(-max(number, 0) / self.mean.number)

    def _inverse(self, share: float) -> float:
        return -math.log1p(-share) * self.mean.number

    def at(self, share: float) -> Any:
        return self.mean.like(self._bounded(share)).value


class Histogram(Distribution):
    """Bins with weights; within its bin, every value is as likely as any other."""

    keyword: ClassVar[str] = "histogram"

    edges: Many[Quantity]
    """The edges of the bins, ascending: [-1s, -500ms, 0s, 500ms, 2s] are four bins."""
    weights: Many[Weight]
    """The weight of each bin, one less than there are edges."""

    def numbers(self) -> Iterator[tuple[str, Quantity]]:
        for each in self.edges:
            yield "edges", each

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if len(self.edges) < 2 or len(self.weights) != len(self.edges) - 1:
            wanted = max(1, len(self.edges) - 1)
            yield (
                ("weights",),
                f"expected a weight for each of {wanted} bins, found {len(self.weights)}",
            )
        elif not any(self.weights):
            yield ("weights",), "expected a weight above 0"
        if any(low.number >= high.number for low, high in pairwise(self.edges)):
            yield ("edges",), "expected each edge above the one before it"

    @cached_property
    def _ends(self) -> Sequence[float]:
        return [0.0, *accumulate(self.weights)]

    def at(self, share: float) -> Any:
        ends = self._ends
        place = share * ends[-1]
        bin = max(1, min(bisect_left(ends, place), len(ends) - 1))
        low, high = self.edges[bin - 1].number, self.edges[bin].number
        inside = (place - ends[bin - 1]) / (ends[bin] - ends[bin - 1])
        unit = next((each for each in self.edges if each.unit), self.edges[0])
        return unit.like(low + inside * (high - low)).value


DISTRIBUTIONS: Final[dict[str, type[Distribution]]] = {
    each.keyword: each
    for each in (Constant, OneOf, Uniform, Whole, Normal, Lognormal, Exponential, Histogram)
}
"""The class of every distribution by its keyword."""


class _Distributions(Keyed):
    """The choice between distributions, where a plain value is always the same."""

    def _choose(self, value: Any) -> tuple[str, object]:
        if not isinstance(value, Model | Mapping) or not value:
            return Constant.keyword, {"value": value}
        kind, written = super()._choose(value)
        # The keys of a mapping of choices are choices, not keys of the model.
        whole = isinstance(written, Model) or (
            isinstance(written, Mapping) and "choices" in written
        )
        return kind, {"choices": written} if kind == OneOf.keyword and not whole else written


Drawn = Annotated[Distribution, _Distributions("distribution", DISTRIBUTIONS)]
"""A value, or a distribution from which it is drawn."""
