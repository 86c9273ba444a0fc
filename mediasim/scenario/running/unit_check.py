"""Durations that were probably meant in milliseconds: large plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mediasim.documents.durations import Duration, PlainSeconds
from mediasim.documents.model import Location, Model, Trouble
from mediasim.scenario.model.scenario import Scenario

__all__ = ["unit_warnings"]

_IMPLAUSIBLE: Final = Duration.of("100s")
"""Few pauses are as long, and few milliseconds are fewer."""


def unit_warnings(scenario: Scenario) -> list[str]:
    """Where a plain number is so many seconds that milliseconds may be meant, each in words."""
    return [str(scenario.problem(*trouble)) for trouble in _troubles(scenario, ())]


def _troubles(part: object, at: Location) -> Iterator[Trouble]:
    if isinstance(part, PlainSeconds):
        if part >= _IMPLAUSIBLE:
            number = str(part).removesuffix("s")
            yield at, f"{number} without a unit is {number} seconds: write {number}s or {number}ms"
    elif isinstance(part, Model):
        names = dict(zip(type(part).model_fields, type(part).known_keys(), strict=True))
        for name, key in names.items():
            yield from _troubles(getattr(part, name), (*at, key))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _troubles(value, (*at, str(key)))
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for index, value in enumerate(part):
            keyword = (value.keyword,) if isinstance(value, Model) and value.keyword else ()
            yield from _troubles(value, (*at, index, *keyword))
