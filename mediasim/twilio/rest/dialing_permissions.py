"""DialingPermissions: the countries that may be called, listed and changed (voice.twilio.com, v1).

They are one account's and its subaccounts'. Twilio's continents and lists of prefixes are not here:
``continent`` is null. Source: https://www.twilio.com/docs/voice/api/dialing-permissions-resources.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any, Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.phone_numbers import calling_code, country_name
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import ApiRequest, Operation, Resource, Store, Stored
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.rules import DialingPermission

__all__ = ["COUNTRIES", "COUNTRY_UPDATES"]

_SWITCHES: Final = {
    "low_risk_numbers_enabled": "low_risk",
    "high_risk_special_numbers_enabled": "high_risk_special",
    "high_risk_tollfraud_numbers_enabled": "high_risk_tollfraud",
}
"""The field of a country's record for each field of its JSON."""
_FILTERS: Final = {
    "LowRiskNumbersEnabled": "low_risk",
    "HighRiskSpecialNumbersEnabled": "high_risk_special",
    "HighRiskTollfraudNumbersEnabled": "high_risk_tollfraud",
}
_NOTED: Final = {"Continent": "no country here has a continent"}
_MOST: Final = 300
_PATH: Final = "/v1/DialingPermissions/Countries"
_UPDATES: Final = "/v1/DialingPermissions/BulkCountryUpdates"


def _json(request: ApiRequest, record: DialingPermission) -> dict[str, Any]:
    url = f"{request.account.base_url}{_PATH}/{record.iso_code}"
    return {
        "iso_code": record.iso_code,
        "name": country_name(record.iso_code),
        "continent": None,
        "country_codes": [f"+{calling_code(record.iso_code)}"],
        **{name: getattr(record, field) for name, field in _SWITCHES.items()},
        "url": url,
        "links": {"highrisk_special_prefixes": f"{url}/HighRiskSpecialPrefixes"},
    }


def _list(request: ApiRequest) -> ApiResponse:
    query = request.query
    iso = (query.text("IsoCode") or "").upper()
    code = (query.text("CountryCode") or "").strip().removeprefix("+")
    wanted = {field: query.flag(name) for name, field in _FILTERS.items()}
    return listed(
        request,
        request.account.rules.permissions.all(),
        partial(_json, request),
        sid=lambda record: record.iso_code,
        keep=lambda record: (
            iso in ("", record.iso_code)
            and code in ("", str(calling_code(record.iso_code)))
            and all(flag in (None, getattr(record, field)) for field, flag in wanted.items())
        ),
        newest_first=False,
    )


def _fetch(request: ApiRequest) -> ApiResponse:
    found = request.account.rules.permissions.find(request.at["iso"])
    if found is None:
        raise request.missing()
    return ApiResponse(_json(request, found))


def _update(request: ApiRequest) -> ApiResponse:
    """Change the switches of several countries, all of them or none."""
    text = request.form.required("UpdateRequest")
    permissions = request.account.rules.permissions
    changed = [_changed(request.account, each) for each in _updates(text)]
    for each in changed:
        permissions.put(each)
    return ApiResponse({"update_count": len(changed), "update_request": text}, 201)


def _updates(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) > _MOST:
        raise bad_parameter(f"Invalid UpdateRequest: expected a JSON array of up to {_MOST}")
    return found


def _changed(account: Account, update: Any) -> DialingPermission:
    """Return a country's switches as an update has them."""
    iso = update.get("iso_code") if isinstance(update, dict) else None
    found = account.rules.permissions.find(iso) if isinstance(iso, str) else None
    if found is None:
        raise _wrong(f"iso_code {json.dumps(iso)[:40]} is no country's")
    changed = replace(found)
    for name, value in update.items():
        if name == "iso_code":
            continue
        if name not in _SWITCHES:
            raise _wrong(f"{name[:40]} is none of iso_code, {', '.join(_SWITCHES)}")
        if str(value).lower() not in ("true", "false"):
            raise _wrong(f"{name} of {iso} is true or false")
        setattr(changed, _SWITCHES[name], str(value).lower() == "true")
    return changed


def _wrong(why: str) -> TwilioError:
    return bad_parameter(f"Invalid UpdateRequest: {why}")


def _store(account: Account) -> Store:
    permissions = account.rules.permissions
    return Store(permissions.changed, permissions.put, permissions.stored)


COUNTRIES: Final = Resource(
    name="Country",
    many="content",
    host="voice",
    paths={
        _PATH: {"GET": Operation(_list, (*PAGING, "IsoCode", "CountryCode", *_FILTERS), _NOTED)},
        f"{_PATH}/{{iso}}": {"GET": Operation(_fetch)},
    },
    beside=(Stored("dialing-permission", DialingPermission, _store, key="iso_code"),),
)
COUNTRY_UPDATES: Final = Resource(
    name="BulkCountryUpdate",
    many="bulk_country_updates",
    host="voice",
    paths={_UPDATES: {"POST": Operation(_update, ("UpdateRequest",))}},
)
