"""Values that a distribution is of: plain numbers, numbers with a unit, and times with a sign."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.documents.durations import Duration
from mediasim.documents.values import SHARED

__all__ = ["WEIGHT_SCHEMA", "Quantity", "Time", "Weight", "as_json"]

_NUMBER: Final = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_WRITTEN: Final = rf"\s*({_NUMBER}) ?(%|[A-Za-z]*)\s*"
_TIMES: Final = ("h", "m", "s", "ms", "us")
_NS: Final = "ns"


class Time(Duration):
    """A length of time in whole nanoseconds, which may be below 0."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"-{Duration(-self)}" if self < 0 else super().__str__()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit: ``3``, ``1%``, ``-20dB``, ``250ms``, ``-1.5s``. Times are in ns."""

    number: float
    unit: str = ""

    @classmethod
    def of(cls, value: object) -> Self:
        """Read a text, a number or a Duration. Raises ValueError, saying what is expected."""
        if isinstance(value, cls):
            return value
        if isinstance(value, Duration):
            return cls(int(value), _NS)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("expected a number, perhaps with its unit: 3, 1%, 250ms or -20dB")
        found = re.fullmatch(_WRITTEN, str(value))
        if found is not None and found[2] not in _TIMES:
            return cls(float(found[1]), found[2])
        text = str(value).strip()
        sign = -1 if text.startswith("-") else 1
        try:
            return cls(sign * int(Duration.of(text.lstrip("+-"))), _NS)
        except ValueError:
            raise ValueError(
                "expected a number, perhaps with its unit: 3, 1%, 250ms or -20dB, "
                f"found {text[:40]!r}"
            ) from None

    @property
    def is_time(self) -> bool:
        return self.unit == _NS

    def fits(self, other: Quantity) -> bool:
        """Return whether two numbers are of one unit; that of levels and the like may be absent."""
        missing = "" in (self.unit, other.unit) and not {self.unit, other.unit} & {_NS, "%"}
        return self.unit == other.unit or missing

    def like(self, number: float) -> Self:
        """Return another number of the same unit."""
        return type(self)(number, self.unit)

    @property
    def value(self) -> Any:
        """The value as a scenario has it: a Duration, an int, a float, or a text with its unit."""
        if self.is_time:
            return Time(round(self.number))
        if self.unit:
            return f"{self.number:.6g}{self.unit}"
        return int(self.number) if self.number == int(self.number) else round(self.number, 9)

    def __str__(self) -> str:
        if self.is_time:
            sign = "-" if self.number < 0 else ""
            return sign + str(Duration(abs(round(self.number))))
        return f"{self.number:g}{self.unit}"

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
            "anyOf": [{"type": "number"}, {"type": "string"}],
            "examples": [3, "1%", "250ms", "-20dB"],
            SHARED: "Quantity",
        }


WEIGHT_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*[0-9.]+ ?%?\s*$"},
    ],
    SHARED: "Weight",
}


def as_json(value: Any) -> Any:
    """Return a drawn value as rows have it: times in seconds, shares from 0 to 1, levels in dB."""
    if value is None or isinstance(value, bool | list):
        return value
    try:
        quantity = Quantity.of(value)
    except ValueError:
        return value
    if quantity.is_time:
        return quantity.number / NS_PER_SECOND
    number = round(quantity.number / 100, 9) if quantity.unit == "%" else quantity.number
    return int(number) if number == int(number) else number


class _Weights:
    """An annotation for a weight: a positive number, or a share."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def _read(self, value: object) -> float:
        quantity = Quantity.of(value)
        if quantity.unit not in ("", "%") or quantity.number < 0:
            raise ValueError(f"expected a weight such as 3 or 30%, found {str(value)[:40]!r}")
        return quantity.number

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(WEIGHT_SCHEMA)


Weight = Annotated[float, _Weights()]
"""How often something is drawn, beside the weights of the others: ``3``, ``30%``."""
