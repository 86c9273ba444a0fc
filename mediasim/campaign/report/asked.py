"""What a campaign asked for: the distribution behind each family of draws' labels."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from mediasim.campaign.spec.distributions import Distribution, OneOf
from mediasim.documents.durations import Duration

__all__ = ["QUANTILES", "Asked", "number_of"]

_WRITTEN: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) ?(%|[A-Za-z]+)?")
_LONGEST: Final = 160
"""Characters of a distribution that are shown."""

QUANTILES: Final = 1000
"""How many quantiles stand for a distribution of numbers."""


@dataclass(frozen=True)
class Asked:
    """A distribution that values were drawn from."""

    words: str
    """The distribution as the spec writes it."""
    quantiles: Sequence[float] | None = None
    """Of numbers: as many quantiles, each at the middle of its step."""
    shares: Mapping[str, float] | None = None
    """Of names: the share of each."""
    unit: str = ""
    """Unit of the numbers: ``s`` for times, ``%``, ``dB`` or none."""

    @classmethod
    def of(cls, distribution: Distribution) -> Self:
        """Describe a distribution of a campaign's spec."""
        words = _words(distribution)
        if isinstance(distribution, OneOf):
            total = sum(choice.weight for choice in distribution.choices)
            plain = all(isinstance(it.value, str | int | float) for it in distribution.choices)
            shares: dict[str, float] = {}
            for number, choice in enumerate(distribution.choices):
                # A choice that holds draws of its own is noted by its number.
                name = str(_value(choice.value)) if plain else str(number)
                shares[name] = shares.get(name, 0.0) + choice.weight / total
            return cls(words, shares=shares)
        values = [distribution.at((step + 0.5) / QUANTILES) for step in range(QUANTILES)]
        numbers = [number_of(_value(value)) for value in values]
        if any(number is None for number in numbers):
            counts = Counter(str(_value(value)) for value in values)
            return cls(words, shares={name: n / QUANTILES for name, n in counts.items()})
        found = [number for number in numbers if number is not None]
        unit = "s" if isinstance(values[-1], Duration) else found[-1][1]
        return cls(words, quantiles=[number for number, _ in found], unit=unit)

    @property
    def mean(self) -> float:
        """The mean of numbers."""
        assert self.quantiles is not None
        return sum(self.quantiles) / len(self.quantiles)

    def at(self, share: float) -> float:
        """Return the number below which a share of all numbers lies."""
        assert self.quantiles is not None
        return self.quantiles[min(int(share * len(self.quantiles)), len(self.quantiles) - 1)]

    def histogram(self, edges: Sequence[float]) -> list[float] | None:
        """Return the share of numbers in each bin; None for names."""
        if self.quantiles is None:
            return None
        bins = [0] * (len(edges) - 1)
        for number in self.quantiles:
            bins[min(max(bisect_right(edges, number) - 1, 0), len(bins) - 1)] += 1
        return [round(count / len(self.quantiles), 6) for count in bins]


def number_of(value: Any) -> tuple[float, str] | None:
    """Return the number and the unit of a drawn value; None for what is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value), ""
    if isinstance(value, str) and (found := _WRITTEN.fullmatch(value.strip())):
        return float(found[1]), found[2] or ""
    return None


def _value(value: Any) -> Any:
    """Return a drawn value as rows have it: times in seconds."""
    return value.seconds if isinstance(value, Duration) else value


def _words(distribution: Distribution) -> str:
    """Return a distribution as a spec writes it."""
    fields = distribution.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    if isinstance(distribution, OneOf):
        total = sum(choice.weight for choice in distribution.choices)
        text = ", ".join(
            f"{_value(choice.value)} {100 * choice.weight / total:.4g}%"
            for choice in distribution.choices
        )
    elif len(fields) == 1:
        text = _plain(next(iter(fields.values())))
    else:
        text = ", ".join(f"{key} {_plain(value)}" for key, value in fields.items())
    text = f"{distribution.keyword.replace('_', ' ')}: {text}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " to ".join(map(str, value)) if len(value) == 2 else ", ".join(map(str, value))
    return str(value)
