"""Numbers that can be bought: a supply that the seed decides.

In North America they are of the range that is kept for fiction (555 01xx), of some area codes whose
places we know, of any other area code without a place; elsewhere they are like libphonenumber's
example of a country and a type. Every one of them is valid by libphonenumber. A pattern that none
of these fits is made into numbers that fit it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import asin, cos, radians, sin, sqrt
from typing import Final

from mediasim.seeds import Seeds
from mediasim.twilio.phone_numbers import library, valid

__all__ = [
    "COUNTRIES",
    "KINDS",
    "NORTH_AMERICA",
    "Place",
    "kinds_of",
    "of_area",
    "offered",
    "place_of",
]

COUNTRIES: Final = {
    "AU": "Australia",
    "AT": "Austria",
    "BE": "Belgium",
    "BR": "Brazil",
    "CA": "Canada",
    "CH": "Switzerland",
    "CZ": "Czech Republic",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GB": "United Kingdom",
    "HK": "Hong Kong",
    "IE": "Ireland",
    "IL": "Israel",
    "IT": "Italy",
    "JP": "Japan",
    "MX": "Mexico",
    "NL": "Netherlands",
    "NO": "Norway",
    "NZ": "New Zealand",
    "PL": "Poland",
    "PT": "Portugal",
    "SE": "Sweden",
    "SG": "Singapore",
    "US": "United States",
    "ZA": "South Africa",
}
"""Countries whose numbers can be bought, by their ISO codes."""
KINDS: Final = {
    "Local": "FIXED_LINE",
    "TollFree": "TOLL_FREE",
    "Mobile": "MOBILE",
    "National": "UAN",
    "Voip": "VOIP",
    "SharedCost": "SHARED_COST",
    "MachineToMachine": "PAGER",
}
"""libphonenumber's type for each of Twilio's types of numbers."""
NORTH_AMERICA: Final = ("US", "CA")
_TOLL_FREE: Final = ("800", "833", "844", "855", "866", "877", "888")
_FEW: Final = 100
"""Numbers of an area, and of a country elsewhere."""
_TRIES: Final = 400
_KEYPAD: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
_EARTH_MILES: Final = 3958.8


@dataclass(frozen=True, slots=True)
class Place:
    """Where the numbers of an area code are."""

    area: str
    country: str
    locality: str
    region: str
    """State or province."""
    lata: str | None
    latitude: float
    longitude: float
    postal_code: str

    @property
    def rate_center(self) -> str:
        """The place as telephone companies write it."""
        return self.locality.upper()[:10]

    def miles_to(self, latitude: float, longitude: float) -> float:
        """Return the distance to a point in miles."""
        north, east = radians(latitude - self.latitude), radians(longitude - self.longitude)
        part = sin(north / 2) ** 2
        part += cos(radians(self.latitude)) * cos(radians(latitude)) * sin(east / 2) ** 2
        return 2 * _EARTH_MILES * asin(sqrt(part))


PLACES: Final = (
    Place("415", "US", "San Francisco", "CA", "722", 37.7749, -122.4194, "94103"),
    Place("510", "US", "Oakland", "CA", "722", 37.8044, -122.2712, "94612"),
    Place("212", "US", "New York", "NY", "132", 40.7128, -74.0060, "10001"),
    Place("312", "US", "Chicago", "IL", "358", 41.8781, -87.6298, "60601"),
    Place("206", "US", "Seattle", "WA", "674", 47.6062, -122.3321, "98101"),
    Place("617", "US", "Boston", "MA", "128", 42.3601, -71.0589, "02108"),
    Place("305", "US", "Miami", "FL", "460", 25.7617, -80.1918, "33101"),
    Place("404", "US", "Atlanta", "GA", "438", 33.7490, -84.3880, "30303"),
    Place("512", "US", "Austin", "TX", "558", 30.2672, -97.7431, "78701"),
    Place("602", "US", "Phoenix", "AZ", "666", 33.4484, -112.0740, "85003"),
    Place("202", "US", "Washington", "DC", "236", 38.9072, -77.0369, "20001"),
    Place("808", "US", "Honolulu", "HI", "834", 21.3069, -157.8583, "96813"),
    Place("416", "CA", "Toronto", "ON", "888", 43.6532, -79.3832, "M5H"),
    Place("514", "CA", "Montreal", "QC", "888", 45.5017, -73.5673, "H2Y"),
    Place("604", "CA", "Vancouver", "BC", "888", 49.2827, -123.1207, "V6B"),
)


def place_of(number: str) -> Place | None:
    """Return the place of a North American number; None if its area code is none of ours."""
    return next((each for each in PLACES if number.startswith(f"+1{each.area}")), None)


def kinds_of(country: str) -> list[str]:
    """Return the types of numbers that a country has, by Twilio's names."""
    return [kind for kind in KINDS if _example(country, kind) is not None]


def _example(country: str, kind: str) -> str | None:
    """Return the national digits of an example of a type; None if the country has none."""
    if country in NORTH_AMERICA and kind not in ("Local", "TollFree"):
        return None  # mobile numbers are local ones there, and Twilio sells none of the others
    phones = library()
    found = phones.example_number_for_type(country, getattr(phones.PhoneNumberType, KINDS[kind]))
    return None if found is None else phones.national_significant_number(found)


def offered(
    seeds: Seeds, country: str, kind: str, *, area: str = "", contains: str = ""
) -> Iterator[str]:
    """Yield numbers in E.164, in the seed's order.

    ``contains`` is a pattern of digits, letters of the keypad and ``*`` for any digit.
    """
    example = _example(country, kind)
    if example is None:
        return
    code = library().country_code_for_region(country)
    digits = re.sub(r"[^0-9*]", "", contains.upper().translate(_KEYPAD))
    wanted = re.compile(digits.replace("*", "[0-9]"))
    if country in NORTH_AMERICA:
        starts = [each for each in _areas(country, kind, area) if valid(f"+1{each}5550100")]
        stock = [number for start in starts for number in of_area(start)]
    else:
        starts = [example]
        stock = list(islice(_alike(seeds, code, example), _FEW))
    stock = [number for number in stock if wanted.search(number)]
    label = f"available/{country}/{kind}"
    yield from sorted(stock, key=lambda number: seeds.digest(f"{label}/{number}"))
    if digits and not stock:
        yield from _made(seeds.fork(label), code, example, starts, digits)


def of_area(area: str) -> list[str]:
    """Return the numbers of a North American area code, in order."""
    return [f"+1{area}55501{last:02}" for last in range(_FEW)]


def _areas(country: str, kind: str, area: str) -> list[str]:
    """Return the area codes of a search."""
    if kind == "TollFree":
        codes: tuple[str, ...] = _TOLL_FREE
    else:
        codes = tuple(each.area for each in PLACES if each.country == country)
        if area and area not in codes and re.fullmatch("[2-9][0-9]{2}", area):
            regions = library().region_code_for_number(library().parse(f"+1{area}5550100"))
            codes += (area,) if regions == country else ()
    return [each for each in codes if area in ("", each)]


def _alike(seeds: Seeds, code: int, example: str) -> Iterator[str]:
    """Yield numbers like an example, with other last digits."""
    for number in range(_TRIES):
        last = f"{seeds.key(f'available/{code}/{example}/{number}') % 10_000:04}"
        found = f"+{code}{example[:-4]}{last}"
        if valid(found):
            yield found


def _made(seeds: Seeds, code: int, example: str, starts: list[str], digits: str) -> Iterator[str]:
    """Yield numbers that are made to contain a pattern, at their end or as a whole."""
    digits = digits.removeprefix(str(code)) if len(digits) > len(example) else digits
    if len(digits) > len(example):
        return
    found = set[str]()
    for number in range(_TRIES):
        drawn = iter(f"{seeds.key(f'{digits}/{number}'):020}"[::-1])
        start = starts[number % len(starts)] if starts else ""
        blank = max(0, len(example) - len(digits))
        head = start[:blank] + "*" * max(0, blank - len(start))
        national = "".join(next(drawn) if char == "*" else char for char in head + digits)
        made = f"+{code}{national}"
        if made not in found and valid(made):
            found.add(made)
            yield made
