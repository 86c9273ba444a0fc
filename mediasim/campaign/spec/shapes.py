"""Distributions of numbers: between bounds, by a formula, by a histogram, or learnt from a file."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr

from mediasim.campaign.spec.distribution import Distribution
from mediasim.campaign.spec.files import read_corpus
from mediasim.campaign.spec.learnt import What, learnt_from, read_rttm
from mediasim.campaign.spec.quantity import Quantity, Time, Weight
from mediasim.documents.model import Many, Misfit
from mediasim.documents.values import existing_file

__all__ = ["Exponential", "Histogram", "Learnt", "Lognormal", "Normal", "Uniform", "Whole"]


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


class Learnt(Distribution):
    """What a corpus has, by its RTTM file; a bare path is ``rttm``."""

    keyword: ClassVar[str] = "learnt"
    stands_for: ClassVar[str] = "rttm"

    rttm: Annotated[Path, AfterValidator(existing_file)]
    """A file of speakers' segments, relative to the spec."""
    what: What = "gaps"
    """gaps: from the end of a speaker's segment to the start of another's, below 0 where they
    overlap; pauses: to the start of the speaker's own next one; lengths: of the segments."""

    _values: list[int] = PrivateAttr(default_factory=list)
    _trouble: str = PrivateAttr("")

    def settle(self, context: Any) -> None:
        base = getattr(context, "base", Path())
        try:
            self._values = learnt_from(read_rttm(read_corpus(base / self.rttm)), self.what)
        except ValueError as error:
            self._trouble = str(error)

    def troubles(self) -> Iterator[Misfit]:
        if self._trouble:
            yield ("rttm",), self._trouble
        elif len(self._values) < 2:
            yield ("rttm",), f"expected a file with at least two {self.what}, found none"

    @property
    def read(self) -> object:
        """What was read of the file, for the digest of the spec."""
        return self._values

    def at(self, share: float) -> Any:
        values = self._values
        place = share * (len(values) - 1)
        low = int(place)
        step = values[min(low + 1, len(values) - 1)] - values[low]
        return Time(round(values[low] + (place - low) * step))
