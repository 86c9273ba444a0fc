"""Durations: written as people write them, held as whole nanoseconds.

Written: ``1.5`` (seconds), ``1.5s``, ``500ms``, ``2m``, ``1h``, ``1m30s``, ``1:30``, ``1:02:03``;
where days are meant also ``30d``, ``1d12h``.
The arithmetic is decimal, so ``0.1s`` is 100,000,000 ns exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from mediasim.documents.values import SHARED

__all__ = [
    "Between",
    "Duration",
    "LongDuration",
    "PlainSeconds",
    "at_least",
    "in_steps",
    "positive",
]

_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_UNITS: Final = "".join(f"(?:{_NUMBER}{unit} ?)?" for unit in ("h", "m", "s", "ms", "us"))
_CLOCK: Final = r"(?:([0-9]+):)?([0-9]+):([0-5]?[0-9](?:\.[0-9]+)?)"
_WRITTEN: Final = rf"^\s*(?=\S)(?:{_NUMBER}|{_UNITS}|{_CLOCK})\s*$"
_PARTS_NS: Final = (
    *(1_000_000_000,),  # a plain number
    *(3_600_000_000_000, 60_000_000_000, 1_000_000_000, 1_000_000, 1_000),  # with units
    *(3_600_000_000_000, 60_000_000_000, 1_000_000_000),  # on the clock
)
"""Nanoseconds of one unit of each group of ``_WRITTEN``."""
_LONGEST: Final = 24 * 3_600_000_000_000
"""Nanoseconds of the longest duration, 24 hours."""
_DAYS: Final = rf"^\s*{_NUMBER}d ?((?:[0-9.]+[hmsu]+ ?)*)\s*$"
_MOST_DAYS: Final = 3650
_FORMS: Final = "expected a duration such as 1.5s, 500ms, 2m, 1h or 1:30"
_LONG_FORMS: Final = "expected a duration such as 1.5s, 90m, 12h, 30d or 1d12h"


class Duration(int):
    """A length of time in whole nanoseconds; ``Duration.of("1.5s")`` reads one.

    It is an ordinary int in every computation. Models read a text or a plain number as ``of`` does,
    so that a plain ``2`` is two seconds; a Duration is taken as it stands.
    """

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> Duration:
        """Read a text, a number of seconds, or a Duration, from zero to 24 hours.

        Raises ValueError, saying what is expected.
        """
        if isinstance(value, Duration):
            return value
        nanoseconds, plain = _read(value, _FORMS)
        if nanoseconds > _LONGEST:
            raise ValueError(f"expected a duration of at most 24 hours, found {str(value)[:40]!r}")
        return (PlainSeconds if plain else Duration)(nanoseconds)

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self / 1_000_000_000

    def __str__(self) -> str:
        """Return the duration as it may be written: ``90s``, ``1.5s``, ``20ms``; reading it gives
        the same again."""
        unit, size = next(
            (unit, size)
            for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000))
            if self >= size or self == 0 or unit == "us"
        )
        text = f"{Decimal(int(self)) / size:f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) + unit

    def __repr__(self) -> str:
        return f"Duration.of({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.of, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _WRITTEN}],
            "examples": ["1.5s", "500ms", "2m", "1:30"],
            SHARED: "Duration",
        }


class LongDuration(Duration):
    """A duration that may be of days, and longer than one: ``30d``, ``1d12h``, ``90m``."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> LongDuration:
        """Read a text, a number of seconds, or a Duration, from zero to ten years.

        Raises ValueError, saying what is expected.
        """
        if isinstance(value, Duration):
            return cls(value)
        days, rest = Decimal(0), value
        if isinstance(value, str) and (found := re.fullmatch(_DAYS, value)) is not None:
            days, rest = Decimal(found[1]), found[2].strip() or "0"
        nanoseconds = round(days * _LONGEST) + _read(rest, _LONG_FORMS)[0]
        if nanoseconds > _MOST_DAYS * _LONGEST:
            raise ValueError(f"expected at most {_MOST_DAYS} days, found {str(value)[:40]!r}")
        return cls(nanoseconds)

    def __str__(self) -> str:
        """Return the duration as it may be written; reading it gives the same again."""
        days, rest = divmod(int(self), _LONGEST)
        if not days:
            return super().__str__()
        return f"{days}d" + (str(Duration(rest)) if rest else "")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        patterns = ({"type": "string", "pattern": each} for each in (_DAYS, _WRITTEN))
        return {
            "anyOf": [{"type": "number", "minimum": 0}, *patterns],
            "examples": ["30d", "12h", "1d12h"],
            SHARED: "LongDuration",
        }


class PlainSeconds(Duration):
    """A duration that was written as a plain number of seconds, without a unit."""

    __slots__ = ()


def _read(value: object, forms: str) -> tuple[int, bool]:
    """Return a duration in nanoseconds, and whether it was written without a unit.

    Raises ValueError, which begins with the ``forms`` that are expected.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(forms)
    found = re.fullmatch(_WRITTEN, value) if isinstance(value, str) else None
    if found is not None:
        parts = zip(found.groups(), _PARTS_NS, strict=True)
        nanoseconds = sum(Decimal(number) * worth for number, worth in parts if number)
    elif isinstance(value, str) or not 0 <= value < float("inf"):
        raise ValueError(f"{forms}, found {str(value)[:40]!r}")
    else:
        nanoseconds = Decimal(str(value)) * _PARTS_NS[0]
    # The first group of the pattern is a number without a unit.
    return round(nanoseconds), found is None or found[1] is not None


def at_least(least: str) -> AfterValidator:
    """Return an annotation for durations that are no shorter than this."""
    return _check(lambda value: value >= Duration.of(least), f"at least {least}")


def positive() -> AfterValidator:
    """Return an annotation for durations that are longer than zero."""
    return _check(lambda value: value > 0, "longer than 0s")


def in_steps(step: str, least: str, most: str) -> AfterValidator:
    """Return an annotation for durations that are a whole number of steps, within bounds."""
    size, low, high = Duration.of(step), Duration.of(least), Duration.of(most)
    return _check(
        lambda value: low <= value <= high and value % size == 0,
        f"a multiple of {step} from {least} to {most}",
    )


def _check(fits: Callable[[Duration], bool], words: str) -> AfterValidator:
    def check(value: Duration) -> Duration:
        if not fits(value):
            raise ValueError(f"expected {words}, found {value}")
        return value

    return AfterValidator(check)


def _pair(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("expected two times such as [0s, 5s]")
    return tuple(value)


def _in_order(value: tuple[Duration, Duration]) -> tuple[Duration, Duration]:
    if value[0] >= value[1]:
        raise ValueError(f"expected the earlier time first, found {value[0]} and {value[1]}")
    return value


Between = Annotated[tuple[Duration, Duration], BeforeValidator(_pair), AfterValidator(_in_order)]
"""A pair of times: the beginning and the end of a span."""
