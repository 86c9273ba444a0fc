"""Counts of values, in memory that does not grow with the number of calls."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

__all__ = ["Numbers", "Shares"]

_MOST: Final = 20_000
"""Different numbers that are kept apart; beyond that they are rounded more."""


class Numbers:
    """A distribution of numbers, as counts of rounded ones."""

    def __init__(self, numbers: Iterable[float] = ()) -> None:
        self._digits = 6
        self._counts: Counter[float] = Counter()
        self.count = 0
        self._sum = self._squares = 0.0
        for number in numbers:
            self.add(number)

    def add(self, number: float) -> None:
        """Count a number."""
        self.count += 1
        self._sum += number
        self._squares += number * number
        self._counts[round(number, self._digits)] += 1
        while len(self._counts) > _MOST:
            self._digits -= 1
            rounded: Counter[float] = Counter()
            for each, count in self._counts.items():
                rounded[round(each, self._digits)] += count
            self._counts = rounded

    @property
    def mean(self) -> float:
        """The mean."""
        return self._sum / self.count

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return math.sqrt(max(0.0, self._squares / self.count - self.mean**2))

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return the number below or at which each share of all numbers lies; shares ascend."""
        values = sorted(self._counts)
        ends = list(accumulate(self._counts[each] for each in values))
        found, place = [], 0
        for share in shares:
            while ends[place] < share * self.count and place < len(values) - 1:
                place += 1
            found.append(values[place])
        return found

    def histogram(self, edges: Sequence[float]) -> list[int]:
        """Return how many numbers are in each bin; what lies outside is in the outermost."""
        bins = [0] * (len(edges) - 1)
        place = 0
        for value in sorted(self._counts):
            while place < len(bins) - 1 and value >= edges[place + 1]:
                place += 1
            bins[place] += self._counts[value]
        return bins

    def distance(self, asked: Sequence[float]) -> float:
        """Return the Kolmogorov-Smirnov distance from a distribution given by its quantiles.

        ``asked`` are as many quantiles as there are equal steps between 0 and 1, each at a step's
        middle. Values that have a probability of their own are taken as such.
        """
        values = sorted(self._counts)
        ends = [0, *accumulate(self._counts[each] for each in values)]
        worst, place = 0.0, 0
        for step, number in enumerate(asked):
            share, at = (step + 0.5) / len(asked), round(number, self._digits)
            while place < len(values) and values[place] < at:
                place += 1
            below = ends[place] / self.count
            through = place + (place < len(values) and values[place] == at)
            up_to = ends[through] / self.count
            worst = max(worst, share - up_to, below - share)
        return worst


class Shares:
    """How often each of some values came."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, value: str, times: int = 1) -> None:
        """Count a value."""
        self.counts[value] += times

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())

    @property
    def shares(self) -> dict[str, float]:
        """The share of each value, the most frequent first."""
        total = self.count
        return {value: count / total for value, count in self.counts.most_common()}
