"""Lookups: what is known of a telephone number (lookups.twilio.com, versions 2 and 1)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from mediasim.twilio.errors import BAD_PARAMETER, bad_parameter
from mediasim.twilio.lookups import FIELDS, caller_name, e164, line_type, lookup
from mediasim.twilio.phone_numbers import country, national
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.subscribers import Subscriber

__all__ = ["LOOKUPS"]

_SIMULATED: Final = ("caller_name", "line_type_intelligence")
_TYPES: Final = ("carrier", "caller-name")


def _fetch(request: ApiRequest) -> ApiResponse:
    text = request.query.text("Fields") or ""
    fields = tuple(dict.fromkeys(name for name in re.split("[, ]+", text) if name))
    for name in fields:
        if name not in FIELDS:
            raise bad_parameter(f"Invalid Fields {name[:40]}: expected {', '.join(FIELDS)}")
    if missing := [name for name in fields if name not in _SIMULATED]:
        words = f"Lookup packages are not simulated, and null: {', '.join(missing)}"
        request.account.notify(None, BAD_PARAMETER, words, warning=True)
    number, region = e164(request.at["number"], request.query.text("CountryCode"))
    subscriber = request.account.subscriber_of(number)
    found = lookup(number, fields, subscriber, region)
    return ApiResponse({**found, "url": _url(request, number)})


def _fetch_v1(request: ApiRequest) -> ApiResponse:
    types = request.query.words("Type", _TYPES)
    number, region = e164(request.at["number"], request.query.text("CountryCode"))
    subscriber = request.account.subscriber_of(number)
    if not lookup(number, (), subscriber, region)["valid"]:
        raise request.missing()
    name = caller_name(subscriber) if "caller-name" in types else None
    return ApiResponse(
        {
            "caller_name": name,
            "country_code": country(number) or None,
            "phone_number": number,
            "national_format": national(number),
            "carrier": _carrier(number, subscriber) if "carrier" in types else None,
            "add_ons": None,
            "url": _url(request, number),
        }
    )


def _carrier(number: str, subscriber: Subscriber) -> dict[str, Any]:
    """Return the carrier as version 1 has it, which knows three types of lines."""
    found = line_type(number, subscriber)
    kind = found["type"]
    return {
        "mobile_country_code": found["mobile_country_code"],
        "mobile_network_code": found["mobile_network_code"],
        "name": found["carrier_name"],
        "type": "voip" if kind.endswith("Voip") else kind if kind == "mobile" else "landline",
        "error_code": None,
    }


def _url(request: ApiRequest, number: str) -> str:
    path = request.path.rpartition("/")[0]
    return f"{request.account.base_url}{path}/{quote(number, safe='+')}"


LOOKUPS: Final = Resource(
    name="PhoneNumber",
    many="phone_numbers",
    host="lookups",
    paths={
        "/v2/PhoneNumbers/{number}": {"GET": Operation(_fetch, ("Fields", "CountryCode"))},
        "/v1/PhoneNumbers/{number}": {"GET": Operation(_fetch_v1, ("Type", "CountryCode"))},
    },
)
"""Lookups. Their paths have no account: it is that of the credentials."""
