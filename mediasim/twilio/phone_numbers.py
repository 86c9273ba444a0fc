"""What a telephone number says of itself: country, kind of line, national format, validity.

All of it is libphonenumber's, by the library ``phonenumbers``, which is loaded at its first use.
"""

from __future__ import annotations

from functools import cache, lru_cache
from types import ModuleType
from typing import Any, Final

__all__ = [
    "calling_code",
    "country",
    "country_code",
    "country_name",
    "kind",
    "library",
    "national",
    "problem",
    "valid",
]

_KINDS: Final = {
    "FIXED_LINE": "landline",
    "MOBILE": "mobile",
    "FIXED_LINE_OR_MOBILE": "mobile",
    "TOLL_FREE": "tollFree",
    "PREMIUM_RATE": "premium",
    "SHARED_COST": "sharedCost",
    "VOIP": "nonFixedVoip",
    "PERSONAL_NUMBER": "personal",
    "PAGER": "pager",
    "UAN": "uan",
    "VOICEMAIL": "voicemail",
}
"""Twilio's word for each of the library's types of numbers (docs, Lookup, line_type)."""
_PROBLEMS: Final = {
    "INVALID_COUNTRY_CODE": "INVALID_COUNTRY_CODE",
    "NOT_A_NUMBER": "NOT_A_NUMBER",
    "TOO_SHORT": "TOO_SHORT",
    "TOO_SHORT_AFTER_IDD": "TOO_SHORT",
    "TOO_SHORT_NSN": "TOO_SHORT",
    "TOO_LONG": "TOO_LONG",
    "INVALID_LENGTH": "INVALID_LENGTH",
    "IS_POSSIBLE_LOCAL_ONLY": "INVALID_BUT_POSSIBLE",
    "IS_POSSIBLE": "INVALID_BUT_POSSIBLE",
}
"""Twilio's word for why a number is not valid, by the library's (docs, Lookup v2)."""


@cache
def library() -> ModuleType:
    """Return the library, loaded at the first call."""
    import phonenumbers

    return phonenumbers


def valid(number: str) -> bool:
    """Tell whether a number in E.164 is valid: assigned to some line by its country's plan."""
    return problem(number) is None


def problem(number: str, region: str | None = None) -> str | None:
    """Return Twilio's word for why a number is not valid; None for a valid number.

    ``region`` is the country of a number in national format, by its ISO code.
    """
    from phonenumbers.phonenumberutil import NumberParseException, ValidationResult

    phones = library()
    try:
        parsed = phones.parse(number, region)
    except NumberParseException as error:
        name = _name_in(NumberParseException, error.error_type)
        return _PROBLEMS.get(name, "NOT_A_NUMBER")
    if phones.is_valid_number(parsed):
        return None
    why = phones.is_possible_number_with_reason(parsed)
    return _PROBLEMS.get(_name_in(ValidationResult, why), "INVALID_BUT_POSSIBLE")


@lru_cache(maxsize=4096)
def country(number: str) -> str:
    """Return the ISO code of a number's country; "" for an address that has none."""
    if not number.startswith("+"):
        return ""
    phones, parsed = library(), _parsed(number)
    if parsed is None:
        return ""
    found = phones.region_code_for_number(parsed)
    # A number of no assigned range, as of tests, is the main country's of its code.
    region: str = found or phones.region_code_for_country_code(parsed.country_code)
    return "" if region in ("ZZ", "001") else region


def country_code(number: str) -> str:
    """Return a number's calling code without the plus: ``1``, ``44``; "" if it has none."""
    parsed = _parsed(number)
    return "" if parsed is None else str(parsed.country_code)


def calling_code(iso_code: str) -> int:
    """Return the calling code of a country by its ISO code: 44 of ``GB``; 0 of an unknown one."""
    code: int = library().country_code_for_region(iso_code)
    return code


def country_name(iso_code: str) -> str | None:
    """Return the English name of a country by its ISO code; None of an unknown one."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    names: dict[str, str] = LOCALE_DATA.get(iso_code, {})
    name = names.get("en")
    # A star and a language: the name is written as in that one.
    return names.get(name[1:]) if name is not None and name.startswith("*") else name


def national(number: str) -> str:
    """Return a number as it is written in its country; as it is if it is of no country."""
    phones, parsed = library(), _parsed(number)
    if parsed is None:
        return number
    text: str = phones.format_number(parsed, phones.PhoneNumberFormat.NATIONAL)
    return text


def kind(number: str) -> str | None:
    """Return Twilio's word for a number's kind of line: ``mobile``, ``landline``, ``tollFree``.

    Returns None for a number whose kind is unknown. Where a plan does not tell mobile telephones
    from others, as in North America, a number is taken for a mobile one.
    """
    phones, parsed = library(), _parsed(number)
    if parsed is None:
        return None
    return _KINDS.get(_name_in(phones.PhoneNumberType, phones.number_type(parsed)))


def _name_in(constants: type, number: int) -> str:
    """Return the name of one of the numbers that a class of the library names; "" for none."""
    named = ((name, value) for name, value in vars(constants).items() if name.isupper())
    return next((name for name, value in named if value == number), "")


def _parsed(number: str) -> Any:
    """Return the library's form of a number; None if it is of no country."""
    phones = library()
    try:
        return phones.parse(number)
    except phones.NumberParseException:
        return None
