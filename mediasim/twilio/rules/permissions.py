"""Geographic permissions: which countries an account may call, and which kinds of numbers there.

Each country has three switches, as in Twilio's DialingPermissions: for numbers of low risk, for
special ones of high risk (premium rate, shared cost and the like), and for those of toll fraud.
Which numbers are of toll fraud Twilio does not publish: the last switch is kept and shown, and
judges nothing. Source: https://www.twilio.com/docs/voice/api/dialing-permissions-resources.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from mediasim.twilio.phone_numbers import country, kind, library

__all__ = ["DialingPermission", "DialingPermissions", "countries_of"]

_HIGH_RISK: Final = ("premium", "sharedCost", "uan", "personal")
Countries = Callable[[], Collection[str] | None]


@dataclass(slots=True)
class DialingPermission:
    """The switches of one country."""

    iso_code: str
    low_risk: bool
    high_risk_special: bool
    high_risk_tollfraud: bool


class DialingPermissions:
    """The switches of all countries: those that were set, and the rest by default."""

    def __init__(self, countries: Countries = lambda: None) -> None:
        """Allow numbers of low risk in some countries alone.

        ``countries`` returns their ISO codes, None for all numbers of all countries; it is asked
        when the first number is judged.
        """
        self._allowed_countries = countries
        self._set: dict[str, DialingPermission] = {}

    @cached_property
    def _allowed(self) -> Collection[str] | None:
        return self._allowed_countries()

    def permits(self, number: str) -> bool:
        """Tell whether a number in E.164 may be called; one of no country may."""
        if self._allowed is None and not self._set:
            return True
        found = self.find(country(number))
        if found is None:
            return True
        return found.high_risk_special if kind(number) in _HIGH_RISK else found.low_risk

    def all(self) -> list[DialingPermission]:
        """Return the switches of all countries, by ISO code."""
        found = (self.find(iso) for iso in sorted(library().SUPPORTED_REGIONS))
        return [each for each in found if each is not None]

    def find(self, iso_code: str) -> DialingPermission | None:
        """Return the switches of a country; None for an unknown one."""
        if iso_code in self._set:
            return self._set[iso_code]
        if iso_code not in library().SUPPORTED_REGIONS:
            return None
        every = self._allowed is None
        low = self._allowed is None or iso_code in self._allowed
        return DialingPermission(iso_code, low, every, every)

    # -- those that were set ------------------------------------------------------------------

    def changed(self) -> list[DialingPermission]:
        """Return the switches that were set, in the order in which they first were."""
        return list(self._set.values())

    def put(self, permission: DialingPermission) -> None:
        """Set the switches of a country."""
        self._set[permission.iso_code] = replace(permission)

    def stored(self, iso_code: str) -> DialingPermission:
        """Return the switches of a country that were set. Raises KeyError if none were."""
        return self._set[iso_code]


def countries_of(numbers: Collection[str]) -> set[str]:
    """Return the ISO codes of the countries of numbers."""
    return {found for number in numbers if (found := country(number))}
