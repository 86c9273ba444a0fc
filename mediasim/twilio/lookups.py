"""Lookups of telephone numbers: what a number says of itself, and what the plan says of its line.

Without a word in the number plan a line's type is the numbering plan's, its carrier is one of ours
and its subscriber's name is unknown. Sources: Twilio's pages of Lookup v2 and v1.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.twilio.phone_numbers import country, country_code, kind, library, national, problem
from mediasim.twilio.subscribers import Subscriber

__all__ = ["FIELDS", "caller_name", "e164", "line_type", "lookup"]

_CARRIER: Final = "Mediasim Telephone Company"
"""Name of the carrier of numbers for which the plan names none."""
FIELDS: Final = (
    *("caller_name", "sim_swap", "call_forwarding", "line_type_intelligence", "line_status"),
    *("identity_match", "reassigned_number", "sms_pumping_risk", "phone_number_quality_score"),
    *("pre_fill",),
)
"""Data packages that a lookup can ask for; two are simulated: names and line types."""


def e164(text: str, region: str | None) -> tuple[str, str | None]:
    """Return a number in E.164 as far as it can be, and the country that it was read for.

    ``region`` is the country of a number in national format, by its ISO code; without one it is
    the United States.
    """
    region = None if text.startswith("+") else (region or "US").upper()
    phones = library()
    try:
        parsed = phones.parse(text, region)
    except phones.NumberParseException:
        return text, region
    found: str = phones.format_number(parsed, phones.PhoneNumberFormat.E164)
    return found, region


def lookup(
    number: str, fields: tuple[str, ...], subscriber: Subscriber, region: str | None = None
) -> dict[str, Any]:
    """Return what a lookup of a number finds, as :func:`e164` reads it.

    Packages that are not asked for are None.
    """
    why = problem(number, region)
    known = why is None
    packages: dict[str, Any] = dict.fromkeys(FIELDS)
    if known and "caller_name" in fields:
        packages["caller_name"] = caller_name(subscriber)
    if known and "line_type_intelligence" in fields:
        packages["line_type_intelligence"] = line_type(number, subscriber)
    return {
        "calling_country_code": country_code(number) if known else None,
        "country_code": country(number) or None if known else None,
        "phone_number": number,
        "national_format": national(number) if known else None,
        "valid": known,
        "validation_errors": [] if why is None else [why],
        **packages,
    }


def caller_name(subscriber: Subscriber) -> dict[str, Any]:
    """Return the package of a subscriber's name."""
    name = subscriber.caller_name
    return {
        "caller_name": name,
        "caller_type": subscriber.caller_type if name else None,
        "error_code": None,
    }


def line_type(number: str, subscriber: Subscriber) -> dict[str, Any]:
    """Return the package of a line's type and carrier."""
    found = subscriber.line_type or kind(number) or "unknown"
    mobile = found == "mobile" and country(number) == "US"
    return {
        "error_code": None,
        # Of a network for tests (ITU E.212).
        "mobile_country_code": "001" if found == "mobile" else None,
        "mobile_network_code": "01" if mobile else None,
        "carrier_name": subscriber.carrier or _CARRIER,
        "type": found,
    }
