"""What a campaign asked for: the distribution behind each family of draws' labels."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import yaml

from mediasim.campaign.report.measures import family
from mediasim.campaign.spec.distributions import Distribution, OneOf
from mediasim.campaign.spec.quantity import Quantity, as_json

if TYPE_CHECKING:
    from mediasim.campaign.campaign import Campaign

__all__ = ["QUANTILES", "Asked", "asked_of", "is_number"]

_UNITS: Final = {"ns": "s", "%": "share"}
"""The units that rows have other units' numbers in."""
_LOOKED_AT: Final = 1000
"""Calls that are composed to learn what is asked for."""
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
    labels: Mapping[str, str] = field(default_factory=dict)
    """What stands for names that are numbers of choices."""
    unit: str = ""
    """Unit of the numbers: ``s`` for times, ``share`` from 0 to 1, ``dB`` or none."""

    @classmethod
    def of(cls, distribution: Distribution) -> Self:
        """Describe a distribution of a campaign's spec."""
        words = _words(distribution)
        if isinstance(distribution, OneOf):
            total = sum(choice.weight for choice in distribution.choices)
            simple = all(isinstance(it.value, str | int | float) for it in distribution.choices)
            shares: dict[str, float] = {}
            for number, choice in enumerate(distribution.choices):
                # A choice that holds draws of its own is noted by its number.
                name = str(as_json(choice.value)) if simple else str(number)
                shares[name] = shares.get(name, 0.0) + choice.weight / total
            labels = {
                str(number): _short(choice.value)
                for number, choice in enumerate(distribution.choices)
                if not simple
            }
            return cls(words, shares=shares, labels=labels)
        values = [distribution.at((step + 0.5) / QUANTILES) for step in range(QUANTILES)]
        plain = [as_json(value) for value in values]
        if not all(is_number(value) for value in plain):
            counts = Counter(map(str, plain))
            return cls(words, shares={name: n / QUANTILES for name, n in counts.items()})
        unit = Quantity.of(values[-1]).unit
        return cls(words, quantiles=list(map(float, plain)), unit=_UNITS.get(unit, unit))

    @classmethod
    def chance(cls, probability: float) -> Self:
        """Describe what happens with a probability."""
        shares = {"yes": probability, "no": 1 - probability}
        return cls(f"with a probability of {100 * probability:.4g}%", shares=shares)

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


def asked_of(campaign: Campaign) -> dict[str, Asked]:
    """Return what a campaign asks for, by the family of its draws' labels.

    Where its parts ask for different things the family begins with the part's name and a colon.
    What a campaign asks for is seen in its calls as they are composed; of a large one in the first
    thousand, so that a choice rarer than that may be missing.
    """
    found: dict[str, dict[str, Asked]] = {}
    known: dict[int, tuple[object, Asked]] = {}
    for index in range(min(campaign.spec.calls, _LOOKED_AT)):
        call = campaign.composed(index)
        part = str(call.drawn.get("part", ""))
        for label, source in call.asked.items():
            of_part = found.setdefault(family(label), {})
            if part not in of_part:
                if isinstance(source, float | int):
                    of_part[part] = Asked.chance(source)
                elif isinstance(source, Distribution):
                    # Kept with what it is of, for an identity is only of what is alive.
                    _, of_part[part] = known.setdefault(id(source), (source, Asked.of(source)))
    asked: dict[str, Asked] = {}
    for name, by_part in found.items():
        if len({it.words for it in by_part.values()}) == 1:
            asked[name] = next(iter(by_part.values()))
        else:
            asked |= {f"{part}: {name}": it for part, it in by_part.items()}
    return asked


def is_number(value: Any) -> bool:
    """Return whether a drawn value, as rows have it, is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    """Return a choice on one line, as YAML writes it."""
    if not isinstance(value, Mapping | list):
        return str(as_json(value))
    return yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).strip()


def _words(distribution: Distribution) -> str:
    """Return a distribution as a spec writes it."""
    fields = distribution.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    if isinstance(distribution, OneOf):
        total = sum(choice.weight for choice in distribution.choices)
        text = ", ".join(
            f"{_short(choice.value)} {100 * choice.weight / total:.4g}%"
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
