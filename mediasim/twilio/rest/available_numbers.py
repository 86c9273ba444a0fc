"""AvailablePhoneNumbers: countries, and the numbers of a type that can be bought there.

A search gives one page, of PageSize numbers, as Twilio's does. What is not for a country (AreaCode
outside North America) is named in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, Final

from mediasim.twilio.available_numbers import (
    COUNTRIES,
    KINDS,
    NORTH_AMERICA,
    Place,
    kinds_of,
    offered,
    place_of,
)
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.phone_numbers import national
from mediasim.twilio.representations import snake_case
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import ACCOUNT, ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["AVAILABLE_COUNTRIES", "AVAILABLE_NUMBERS"]

_USUAL: Final = 30
_MOST: Final = 1000
_BAD_CONTAINS: Final = 21451
_MILES: Final = 25
_FARTHEST: Final = 500


def _countries(request: ApiRequest) -> ApiResponse:
    shown = [_country_json(request, code) for code in sorted(COUNTRIES)]
    size, page = _page(request.query)
    part = shown[page * size : (page + 1) * size]
    return ApiResponse({"countries": part, "uri": request.path})


def _country(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_country_json(request, _code(request)))


def _code(request: ApiRequest) -> str:
    """Return the country of the path. Raises TwilioError (404, 20404) if it has no numbers."""
    code = request.at["country"].upper()
    if code not in COUNTRIES:
        raise request.missing()
    return code


def _country_json(request: ApiRequest, code: str) -> dict[str, Any]:
    path = f"{request.account_path}/AvailablePhoneNumbers/{code}"
    return {
        "country_code": code,
        "country": COUNTRIES[code],
        "uri": f"{path}.json",
        "beta": False,
        "subresource_uris": {snake_case(kind): f"{path}/{kind}.json" for kind in kinds_of(code)},
    }


def _page(query: Params) -> tuple[int, int]:
    size = query.number("PageSize", 1, _MOST) or _USUAL
    return size, query.number("Page", 0, 10**6) or 0


def _search(request: ApiRequest, kind: str) -> ApiResponse:
    query, country = request.query, _code(request)
    size, page = _page(query)
    contains = query.text("Contains") or ""
    if contains and re.fullmatch(r"[0-9A-Za-z*+]{2,16}", contains) is None:
        words = f"Invalid Contains {contains[:40]}: expected 2 to 16 digits, letters and *"
        raise bad_parameter(words, _BAD_CONTAINS)
    area = ""
    if (
        country in NORTH_AMERICA
        and kind in ("Local", "TollFree")
        and (given := query.number("AreaCode", 200, 999))
    ):
        area = str(given)
    found = offered(request.account.exchange.seeds, country, kind, area=area, contains=contains)
    suits, account = _filter(query, country, kind), request.account
    taken = {record.phone_number for record in account.numbers.all()}
    free = (
        each
        for each in found
        if each not in taken
        and account.subscriber_of(each).party is None
        and suits(place_of(each) if country in NORTH_AMERICA and kind == "Local" else None)
    )
    part = list(islice(free, page * size, (page + 1) * size))
    shown = [_json(number, country, kind) for number in part]
    return ApiResponse({"available_phone_numbers": shown, "uri": request.path})


def _filter(query: Params, country: str, kind: str) -> Callable[[Place | None], bool]:
    """Return the filter of a search by what numbers can do, and by place."""
    is_so = {
        f"{name.capitalize()}Enabled": can for name, can in _capabilities(country, kind).items()
    }
    for name, has in {**is_so, "FaxEnabled": False, "Beta": False}.items():
        if query.flag(name) not in (None, has):
            return lambda place: False
    if country not in NORTH_AMERICA or kind != "Local":
        return lambda place: True
    wanted = {name: value.casefold() for name in _OF_PLACE if (value := query.text(f"In{name}"))}
    near = _near(query)

    def suits(place: Place | None) -> bool:
        if place is None:
            return not wanted and near is None
        has = {
            "PostalCode": place.postal_code,
            "Region": place.region,
            "RateCenter": place.rate_center,
            "Lata": place.lata or "",
            "Locality": place.locality,
        }
        if any(has[name].casefold() != value for name, value in wanted.items()):
            return False
        return near is None or place.miles_to(near[0], near[1]) <= near[2]

    return suits


def _near(query: Params) -> tuple[float, float, float] | None:
    """Return latitude, longitude and distance in miles of a search; None without one."""
    miles = query.number("Distance", 0, _FARTHEST) or _MILES
    if text := query.text("NearLatLong"):
        match = re.fullmatch(r"(-?\d{1,2}(?:\.\d{1,12})?),\s*(-?\d{1,3}(?:\.\d{1,12})?)", text)
        if match is None:
            raise bad_parameter(f"Invalid NearLatLong {text[:40]}: expected 37.77,-122.42")
        return float(match[1]), float(match[2]), miles
    if number := query.text("NearNumber"):
        place = place_of("+" + re.sub("[^0-9]", "", number))
        if place is None:
            raise bad_parameter(f"NearNumber {number[:40]} is in no place that the sandbox knows")
        return place.latitude, place.longitude, miles
    return None


def _capabilities(country: str, kind: str) -> dict[str, bool]:
    home = country in NORTH_AMERICA
    return {"voice": True, "sms": home or kind == "Mobile", "mms": home}


def _json(number: str, country: str, kind: str) -> dict[str, Any]:
    place = place_of(number) if country in NORTH_AMERICA and kind == "Local" else None
    return {
        "friendly_name": national(number),
        "phone_number": number,
        "lata": place and place.lata,
        "locality": place and place.locality,
        "rate_center": place and place.rate_center,
        "latitude": place and place.latitude,
        "longitude": place and place.longitude,
        "region": place and place.region,
        "postal_code": place and place.postal_code,
        "iso_country": country,
        "address_requirements": "none",
        "beta": False,
        "capabilities": _capabilities(country, kind),
    }


_OF_PLACE: Final = ("PostalCode", "Region", "RateCenter", "Lata", "Locality")
_FILTERS: Final = (
    *("PageSize", "Page", "Contains", "SmsEnabled", "MmsEnabled", "VoiceEnabled", "FaxEnabled"),
    "Beta",
)
_BY_PLACE: Final = (
    *("NearNumber", "NearLatLong", "Distance"),
    *(f"In{name}" for name in _OF_PLACE),
)
_NO_ADDRESS: Final = "no number here requires an address"
_NOTED: Final = {
    "PageToken": "a page of a search is found by Page",
    "ExcludeAllAddressRequired": _NO_ADDRESS,
    "ExcludeLocalAddressRequired": _NO_ADDRESS,
    "ExcludeForeignAddressRequired": _NO_ADDRESS,
}
_NO_AREA: Final = "only North America has area codes, for local and toll-free numbers"
_NO_PLACE: Final = dict.fromkeys(_BY_PLACE, "only the local numbers of North America have a place")


def _search_of(kind: str) -> Operation:
    """Return the search of the numbers of a type."""
    search = partial(_search, kind=kind)
    if kind == "Local":
        return Operation(search, (*_FILTERS, "AreaCode", *_BY_PLACE), _NOTED)
    if kind == "TollFree":
        return Operation(search, (*_FILTERS, "AreaCode"), {**_NOTED, **_NO_PLACE})
    return Operation(search, _FILTERS, {**_NOTED, **_NO_PLACE, "AreaCode": _NO_AREA})


_PATH: Final = f"{ACCOUNT}/AvailablePhoneNumbers"
_PAGED: Final = {"PageToken": "a page of countries is found by Page"}
AVAILABLE_COUNTRIES: Final = Resource(
    name="Country",
    many="countries",
    paths={
        _PATH: {"GET": Operation(_countries, ("PageSize", "Page"), _PAGED)},
        f"{_PATH}/{{country}}": {"GET": Operation(_country)},
    },
)
AVAILABLE_NUMBERS: Final = Resource(
    name="AvailablePhoneNumber",
    many="available_phone_numbers",
    paths={f"{_PATH}/{{country}}/{kind}": {"GET": _search_of(kind)} for kind in KINDS},
)
