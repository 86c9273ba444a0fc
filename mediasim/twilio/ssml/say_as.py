"""``<say-as>``: how digits, letters, dates and the like are read aloud, in English.

The kinds are those of Amazon's and Google's voices, which Twilio passes SSML on to. What a speech
engine reads aright by itself (numbers, amounts of money, addresses) is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["BLEEPED", "said_as"]

BLEEPED: Final = ("expletive", "bleep")
"""Kinds that are heard as a beep in place of the words."""
_AS_WRITTEN: Final = ("address", "cardinal", "currency", "interjection", "number")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_UNITS: Final = {
    "c": ("degree Celsius", "degrees Celsius"),
    "cm": ("centimeter", "centimeters"),
    "f": ("degree Fahrenheit", "degrees Fahrenheit"),
    "ft": ("foot", "feet"),
    "g": ("gram", "grams"),
    "gb": ("gigabyte", "gigabytes"),
    "h": ("hour", "hours"),
    "in": ("inch", "inches"),
    "kg": ("kilogram", "kilograms"),
    "km": ("kilometer", "kilometers"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "l": ("liter", "liters"),
    "lb": ("pound", "pounds"),
    "m": ("meter", "meters"),
    "mb": ("megabyte", "megabytes"),
    "mi": ("mile", "miles"),
    "min": ("minute", "minutes"),
    "ml": ("milliliter", "milliliters"),
    "mm": ("millimeter", "millimeters"),
    "mph": ("mile per hour", "miles per hour"),
    "oz": ("ounce", "ounces"),
    "s": ("second", "seconds"),
    "yd": ("yard", "yards"),
}
_PARTS: Final = {2: ("half", "halves"), 4: ("quarter", "quarters")}


def said_as(text: str, how: str, format: str = "") -> str | None:
    """Return the words that a text is read as; None for a kind or a text that is not understood.

    ``how`` is the kind (``interpret-as``), ``format`` that of a date.
    """
    if how in _AS_WRITTEN:
        return text
    if how == "date":
        return _date(text, format.replace("-", "") or _guessed(text))
    reading = _READINGS.get(how)
    return None if reading is None else reading(text.strip())


def ordinal(number: int) -> str:
    """Return a number as an ordinal: 1st, 22nd, 13th."""
    teen = number % 100 // 10 == 1
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _characters(text: str) -> str:
    return " ".join(char.upper() for char in text if char.isprintable() and not char.isspace())


def _digits(text: str) -> str:
    return " ".join(char for char in text if char.isalnum())


def _telephone(text: str) -> str:
    groups = [_digits(group) for group in re.split(r"[^0-9A-Za-z]+", text)]
    plus = "plus " if text.startswith("+") else ""
    return plus + ", ".join(group for group in groups if group)


def _ordinal(text: str) -> str | None:
    plain = text.replace(",", "")
    return ordinal(int(plain)) if re.fullmatch("[0-9]{1,15}", plain) else None


def _fraction(text: str) -> str | None:
    found = re.fullmatch(r"(?:([0-9]+)\s*[+ ]\s*)?([0-9]{1,9})\s*/\s*([0-9]{1,9})", text)
    if found is None:
        return None
    top, bottom = int(found[2]), int(found[3])
    one, many = _PARTS.get(bottom, (ordinal(bottom), ordinal(bottom) + "s"))
    words = f"{top} {one if top == 1 else many}"
    return f"{found[1]} and {words}" if found[1] else words


def _unit(text: str) -> str | None:
    found = re.fullmatch(r"([0-9][0-9.,]*)\s*([A-Za-z/°]+)", text)
    names = None if found is None else _UNITS.get(found[2].lower().lstrip("°"))
    if found is None or names is None:
        return None
    return f"{found[1]} {names[found[1] != '1']}"


def _time(text: str) -> str | None:
    length = re.fullmatch(r"(?:([0-9]+)')?\s*(?:([0-9]+)\"?)?", text)
    if length is not None and text:
        parts = zip(length.groups(), ("minute", "second"), strict=True)
        return " ".join(f"{n} {name}{'' if n == '1' else 's'}" for n, name in parts if n)
    clock = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?\s*([ap])?\.?m?\.?", text.lower())
    if clock is None:
        return None
    hour, minute = int(clock[1]), int(clock[2])
    minutes = "o'clock" if not minute else f"oh {minute}" if minute < 10 else str(minute)
    half = {"a": " A M", "p": " P M"}.get(clock[3] or "", "")
    return f"{hour} {half.strip()}" if half and not minute else f"{hour} {minutes}{half}"


_READINGS: Final[dict[str, Callable[[str], str | None]]] = {
    "characters": _characters,
    "digits": _digits,
    "fraction": _fraction,
    "ordinal": _ordinal,
    "spell-out": _characters,
    "telephone": _telephone,
    "time": _time,
    "unit": _unit,
    "verbatim": _characters,
}


def _guessed(text: str) -> str:
    """Return the format of a date that names none: the year first, or the month."""
    return "ymd" if re.match("[0-9]{4}", text.strip()) else "mdy"


def _date(text: str, format: str) -> str | None:
    if format == "yyyymmdd":
        text, format = f"{text.strip()[:4]}-{text.strip()[4:6]}-{text.strip()[6:]}", "ymd"
    parts = re.split(r"[^0-9?]+", text.strip())
    if len(parts) != len(format) or not set(format) <= set("ymd") or len(set(format)) < len(format):
        return None
    found = dict(zip(format, parts, strict=True))
    words: list[str] = []
    try:
        if month := found.get("m", "").strip("?"):
            words.append(_MONTHS[int(month) - 1] if int(month) else "")
        if day := found.get("d", "").strip("?"):
            words.append(ordinal(int(day)))
        if year := found.get("y", "").strip("?"):
            words.append(year if not words else f", {year}")
    except (IndexError, ValueError):
        return None
    return " ".join(words).replace(" ,", ",") if all(words) and words else None
