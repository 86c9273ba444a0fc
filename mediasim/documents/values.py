"""The plain values of documents, each an annotated type that reads what people write.

A scenario file gives every scalar as text (see ``document.py``); Python gives numbers. Both are
read here, and the JSON Schema beside each type allows both: an editor sees ``+14155550100`` or
``0123`` as a number where the file's reader keeps it as text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final
from unicodedata import normalize

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from mediasim.documents.diagnostics import did_you_mean, one_of

__all__ = [
    "E164",
    "NAME",
    "NO",
    "SHARED",
    "YES",
    "Decibels",
    "Digits",
    "EventName",
    "Flag",
    "Frequency",
    "KeySet",
    "Level",
    "Moment",
    "Name",
    "Number",
    "PartsPerMillion",
    "Ratio",
    "Text",
    "UserName",
    "among",
    "count",
    "existing_file",
    "fictional_numbers",
    "read_moment",
]


SHARED: Final = "x-shared"
"""Key that marks a schema used in many places; its value is the name under which it is defined
once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """An annotation that reads a value from text or from Python, with its JSON Schema."""

    read: Callable[[object], object]
    """Return the value that is meant. Raises ValueError, saying what is expected."""
    schema: dict[str, Any] | Callable[[], dict[str, Any]]
    """A function returns the schema as it is at each use."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema() if callable(self.schema) else self.schema)


def among(
    registry: Mapping[str, object], aliases: Callable[[], Mapping[str, str]] = dict
) -> _Reader:
    """Return an annotation for one of the words of a registry, as it is when a value is read.

    ``aliases`` returns words that stand for one of the registry's, which is read instead.
    """

    def read(value: object) -> str:
        if isinstance(value, str) and value in registry:
            return value
        if isinstance(value, str) and (meant := aliases().get(value)):
            return meant
        known = list(registry)
        message = f"expected {one_of(known)}"
        if isinstance(value, str):
            message += f", found {value[:40]!r}{did_you_mean(value, known)}"
        raise ValueError(message)

    return _Reader(read, lambda: {"enum": [*registry, *aliases()], "type": "string"})


_NUMBER: Final = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"


def _written(unit: str = "") -> str:
    """Return the pattern of a number that may carry its unit."""
    return rf"^\s*({_NUMBER}) ?(?:{unit})?\s*$"


def _decimal(value: object, unit: str = "") -> Decimal:
    """Return the number that a value holds; NaN if it holds none."""
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    found = re.match(_written(unit), str(value)) if plain else None
    return Decimal(found[1] if found else "nan")


def _wrong(expected: str, value: object) -> ValueError:
    """Return an error that says what is expected and what was found."""
    plain = isinstance(value, str | int | float)
    return ValueError(f"expected {expected}" + (f", found {str(value)[:40]!r}" if plain else ""))


def _quantity(name: str, low: float, high: float, unit: str, noun: str) -> _Reader:
    """Return an annotation for a number within bounds, which may carry its unit.

    ``name`` is that of its definition in a JSON Schema.
    """

    def read(value: object) -> float:
        number = float(_decimal(value, unit))
        if not low <= number <= high:
            raise _wrong(f"{noun} from {low:g} to {high:g}", value)
        return number

    in_text = {"type": "string", "pattern": _written(unit)}
    schema = {"anyOf": [{"type": "number", "minimum": low, "maximum": high}, in_text]}
    return _Reader(read, {**schema, SHARED: name})


def _read_ratio(value: object) -> float:
    percent = isinstance(value, str) and "%" in value
    number = float(_decimal(value, "%") / (100 if percent else 1))
    if not 0 <= number <= 1:
        raise _wrong("a share such as 1% or 0.01", value)
    return number


def count(least: int, most: int, unit: str = "") -> _Reader:
    """Return an annotation for a whole number within bounds, which may carry its unit."""

    def read(value: object) -> int:
        number = _decimal(value, unit)
        if number.is_nan() or not least <= number <= most or number % 1:
            raise _wrong(f"a whole number from {least} to {most}", value)
        return int(number)

    in_text = {"type": "string", "pattern": _written(unit)}
    return _Reader(
        read, {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, in_text]}
    )


def read_moment(value: object) -> datetime:
    """Read a date or a moment as ISO 8601 writes it, UTC without a zone. Raises ValueError."""
    example = "a date such as 2026-01-05 or 2026-01-05T09:00:00+01:00"
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise _wrong(example, value) from None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


Moment = Annotated[
    datetime, _Reader(read_moment, {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"})
]
"""A date, or a date and time."""


YES: Final = ("true", "yes", "on")
NO: Final = ("false", "no", "off")


def _read_flag(value: object) -> bool:
    word = str(value).lower()
    if word not in YES + NO:
        raise _wrong("true or false", value)
    return word in YES


def _text(pattern: str, expected: str, name: str = "") -> _Reader:
    """Return an annotation for a text all of which fits a pattern.

    ``name`` is that of its definition in a JSON Schema; "" for one that is not shared.
    """

    def read(value: object) -> str:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        text = str(value) if numeric else value
        if not isinstance(text, str) or not re.fullmatch(pattern, text):
            raise _wrong(expected, value)
        return text

    shared = {SHARED: name} if name else {}
    return _Reader(read, {**_text_schema(pattern), **shared})


def _text_schema(pattern: str) -> dict[str, Any]:
    return {"type": ["string", "number", "boolean"], "pattern": f"^(?:{pattern})$"}


def _name(more: str, expected: str, name: str) -> _Reader:
    """Return an annotation for a name: letters of any script, digits and ``_``, and from the second
    character on ``more``.

    An accent is part of its letter, however it was typed. ``name`` is that of its definition in a
    JSON Schema.
    """
    fits = _text(rf"\w[\w{more}]*", expected)

    def read(value: object) -> object:
        return fits.read(normalize("NFC", value) if isinstance(value, str) else value)

    # What a schema's patterns call a letter is one of ASCII: all beyond is let pass there.
    other = r" -,/:-@\[-^`{-~" + ("" if "." in more else ".")
    return _Reader(read, {**_text_schema(f"(?![{more}])[^{other}]+"), SHARED: name})


Ratio = Annotated[
    float,
    _Reader(
        _read_ratio,
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": _written("%")},
            ],
            "examples": ["1%", 0.01],
            SHARED: "Ratio",
        },
    ),
]
"""A share from 0 to 1: ``1%`` or ``0.01``."""
PartsPerMillion = Annotated[
    float, _quantity("PartsPerMillion", -5000, 5000, "ppm", "parts per million")
]
"""The error of a clock: ``120ppm`` or ``120``; a fast clock is positive."""
Level = Annotated[float, _quantity("Level", -100, 0, "dBFS|dB", "a level in dBFS")]
"""A level, 20 log10 of rms over full scale: ``-12`` or ``-12dB``."""
Decibels = Annotated[float, _quantity("Decibels", 0, 100, "dB", "decibels")]
"""A difference of two levels: ``12`` or ``12dB``."""
Frequency = Annotated[float, _quantity("Frequency", 20, 3999, "Hz", "a frequency in Hz")]
"""A frequency in Hz, below half of the 8 kHz sampling rate of a call."""
Flag = Annotated[
    bool,
    _Reader(_read_flag, {"anyOf": [{"type": "boolean"}, {"enum": [*YES, *NO]}], SHARED: "Flag"}),
]
Text = Annotated[str, _text(r"\s*\S[\s\S]*", "text", "Text")]
NAME: Final = r"\w[\w-]*"
Name = Annotated[str, _name("-", "a name of letters, digits, '-' and '_'", "Name")]
"""A name of a party, call, conference or recording."""
EventName = Annotated[str, _name(".-", "a name of letters, digits, '.', '-' and '_'", "EventName")]
"""A name of an event: ``offered`` (raised by an emit step) or ``call.answered`` (the
exchange's)."""
UserName = Annotated[
    str, _text("[A-Za-z0-9_][A-Za-z0-9_-]*", "a name of letters, digits, '-' and '_', all ASCII")
]
"""The user of a SIP address, whose letters are ASCII (RFC 3261)."""
E164: Final = r"\+[1-9][0-9]{6,14}"
"""The pattern of telephone numbers as ITU-T E.164 writes them."""
Number = Annotated[str, _text(E164, "a number such as +14155550100")]
"""A telephone number as E.164 writes it."""
Digits = Annotated[str, _text("[0-9*#A-D]+", "keys among 0-9, *, # and A-D")]
KeySet = Annotated[str, _text("[0-9*#]*", "keys among 0-9, * and #")]
"""Keys that end something; an empty text is no key."""


def existing_file(path: Path, info: ValidationInfo) -> Path:
    """Return a path as it is written; the file must exist, seen from the document's own folder.

    Parts built in Python outside a document have no folder yet and are not checked. Raises
    ValueError if the file does not exist.
    """
    if info.context is not None:
        found: Path = info.context.base / path
        if not found.is_file():
            raise ValueError(f"there is no file {str(found)!r}")
    return path


def fictional_numbers(taken: Container[str | None]) -> Iterator[str]:
    """Yield telephone numbers of the range reserved for fiction, without those taken."""
    numbers = (f"+1{415 + n // 100}5550{100 + n % 100}" for n in itertools.count())
    return (number for number in numbers if number not in taken)
