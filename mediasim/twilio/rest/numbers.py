"""IncomingPhoneNumbers and Applications: what controls the calls of numbers and of clients.

Any number is available that the account does not have yet, but for Twilio's test numbers (docs,
Test credentials). A number of an area code is the first free one of its fictitious numbers 555 01xx
(our choice). Codes 21402 and 21403 are those of Twilio's numbers; its applications are assumed to
have the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from mediasim.documents.values import E164
from mediasim.twilio.available_numbers import of_area
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.phone_numbers import kind as line_kind
from mediasim.twilio.representations import snake_case
from mediasim.twilio.resources import ApplicationRecord, NumberRecord, VoiceSettings, is_toll_free
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Resource,
    Stored,
    delete,
    fetch,
    in_resource_list,
    updating,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["APPLICATIONS", "NUMBERS"]

# -- settings that both have -------------------------------------------------------------------

_BAD_URL: Final = 21402
_BAD_METHOD: Final = 21403
_URLS: Final = ("VoiceUrl", "VoiceFallbackUrl", "StatusCallback", "SmsUrl", "SmsFallbackUrl")
_METHODS: Final = (
    *("VoiceMethod", "VoiceFallbackMethod", "StatusCallbackMethod", "SmsMethod"),
    "SmsFallbackMethod",
)
_NOTED: Final = {"ApiVersion": "every request to an app is of 2010-04-01"}
_VOICE_SETTINGS: Final = (*_URLS, *_METHODS, "VoiceCallerIdLookup", "FriendlyName")
"""The parameters that :func:`_change_settings` reads."""


def _change_settings(form: Params, record: VoiceSettings, urls: Iterable[str] = ()) -> None:
    """Change the settings in the form, all of them or none.

    ``urls`` are further parameters that are URLs. Raises TwilioError if a parameter is wrong.
    """
    changes: dict[str, object] = {}
    for name in (*_URLS, *urls):
        if (url := form.url(name, code=_BAD_URL)) is not None:
            changes[snake_case(name)] = url or None
    for name in _METHODS:
        if form.text(name):
            changes[snake_case(name)] = form.method(name, code=_BAD_METHOD)
    if (lookup := form.flag("VoiceCallerIdLookup")) is not None:
        changes["voice_caller_id_lookup"] = lookup
    if friendly_name := form.friendly_name():
        changes["friendly_name"] = friendly_name
    for attribute, value in changes.items():
        setattr(record, attribute, value)


# -- applications -------------------------------------------------------------------------------

_MESSAGE_URLS: Final = ("SmsStatusCallback", "MessageStatusCallback")


def _list_applications(request: ApiRequest) -> ApiResponse:
    name = request.query.text("FriendlyName")
    return listed(
        request,
        request.account.applications.all(),
        keep=(lambda record: record.friendly_name == name) if name else None,
    )


def _create_application(request: ApiRequest) -> ApiResponse:
    record = ApplicationRecord(
        sid=request.new_sid(),
        account_sid=request.account.sid,
        friendly_name="",
        created_ns=request.account.now_ns,
    )
    _change_application(request, record)
    record.friendly_name = record.friendly_name or record.sid
    request.account.applications.add(record)
    return request.show(record, 201)


def _change_application(request: ApiRequest, record: ApplicationRecord) -> None:
    public = request.form.flag("PublicApplicationConnectEnabled")
    _change_settings(request.form, record, _MESSAGE_URLS)
    if public is not None:
        record.public_application_connect_enabled = public


_APPLICATION: Final = (*_VOICE_SETTINGS, *_MESSAGE_URLS, "PublicApplicationConnectEnabled")
APPLICATIONS: Final = Resource(
    name="Application",
    many="applications",
    prefix="AP",
    stored=Stored("application", ApplicationRecord, in_resource_list("Applications")),
    paths={
        f"{ACCOUNT}/Applications": {
            "GET": Operation(_list_applications, (*PAGING, "FriendlyName")),
            "POST": Operation(_create_application, _APPLICATION, _NOTED),
        },
        f"{ACCOUNT}/Applications/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_change_application), _APPLICATION, _NOTED),
            "DELETE": Operation(delete),
        },
    },
)


# -- numbers ------------------------------------------------------------------------------------

_INVALID: Final = 21421
_TAKEN: Final = 21422
_BAD_AREA: Final = 21451
_EMPTY_AREA: Final = 21452
_OTHER_TYPE: Final = 21458
_NO_APPLICATION: Final = 21420
_TEST_TAKEN: Final = "+15005550000"
_TEST_INVALID: Final = "+15005550001"
_TEST_EMPTY_AREA: Final = "533"


def _list(request: ApiRequest, kind: str) -> ApiResponse:
    query = request.query
    name, part = query.text("FriendlyName"), query.text("PhoneNumber") or ""
    beta, origin = query.flag("Beta"), query.text("Origin")
    pattern = _pattern(part)

    def keep(record: NumberRecord) -> bool:
        return (
            kind in ("", record.type)
            and name in (None, "", record.friendly_name)
            and pattern.search(record.phone_number) is not None
            and beta is not True
            and origin in (None, "", "twilio")
        )

    return listed(
        request,
        request.account.numbers.all(),
        lambda record: _json(request, record, kind),
        keep=keep,
    )


def _pattern(part: str) -> re.Pattern[str]:
    """Compile a filter by number or a part of one; ``*`` is any digit (IncomingPhoneNumbers)."""
    digits = re.sub(r"[^0-9*]", "", part)
    return re.compile("".join("[0-9]" if char == "*" else char for char in digits))


def _create(request: ApiRequest, kind: str) -> ApiResponse:
    request.account.rules.check_purchase()
    number = _wanted(request, kind)
    record = NumberRecord(
        sid=request.new_sid(),
        account_sid=request.account.sid,
        friendly_name=number,
        created_ns=request.account.now_ns,
        phone_number=number,
        type=kind or _type_of(number),
    )
    _change(request, record)
    request.account.numbers.add(record)
    return ApiResponse(_json(request, record, kind), 201)


def _wanted(request: ApiRequest, kind: str) -> str:
    """Return the requested number. Raises TwilioError (400) if it is wrong or not available."""
    text = request.form.text("PhoneNumber")
    area = None if kind else request.form.text("AreaCode")
    taken = {record.phone_number for record in request.account.numbers.all()} | {_TEST_TAKEN}
    party_of = request.account.subscriber_of
    if not text and area:
        if re.fullmatch("[2-9][0-9]{2}", area) is None:
            raise bad_parameter(f"{area[:20]} is not a valid area code", _BAD_AREA)
        free = next(
            (each for each in of_area(area) if each not in taken and party_of(each).party is None),
            None,
        )
        if free is None or area == _TEST_EMPTY_AREA:
            raise bad_parameter(f"No phone numbers found in area code {area}", _EMPTY_AREA)
        return free
    number = re.sub(r"[\s().-]", "", text or "")
    if re.fullmatch(r"[2-9][0-9]{9}", number):
        number = f"+1{number}"
    if re.fullmatch(E164, number) is None or number == _TEST_INVALID:
        raise bad_parameter(f"{(text or '')[:40]} is not a valid PhoneNumber", _INVALID)
    if number in taken:
        raise bad_parameter(f"{number} is not available", _TAKEN)
    if (party := party_of(number).party) is not None:
        raise bad_parameter(f"{number} is not available: it is the party {party}'s", _TAKEN)
    if kind and (kind == "toll-free") != is_toll_free(number):
        raise bad_parameter(f"{number} is not a {kind} number", _OTHER_TYPE)
    return number


def _type_of(number: str) -> str:
    """Return the type of a number, by its country's plan."""
    types = {"tollFree": "toll-free", "mobile": "mobile"}
    return "" if number.startswith("+1") else types.get(line_kind(number) or "", "local")


def _change(request: ApiRequest, record: NumberRecord) -> None:
    voice = request.application("VoiceApplicationSid", _NO_APPLICATION)
    sms = request.application("SmsApplicationSid", _NO_APPLICATION)
    trunk = _trunk(request)
    _change_settings(request.form, record)
    if voice is not None:
        record.voice_application_sid = voice or None
        record.trunk_sid = None if voice else record.trunk_sid
    if trunk is not None:  # each takes the place of the other
        record.trunk_sid = trunk or None
        record.voice_application_sid = None if trunk else record.voice_application_sid
    if sms is not None:
        record.sms_application_sid = sms or None
    # A URL replaces the document that the configuration gave to the number.
    if request.form.text("VoiceUrl"):
        record.twiml = None


def _trunk(request: ApiRequest) -> str | None:
    """Return the SID of a trunk in the form; "" to remove it, None without one."""
    sid = request.form.text("TrunkSid")
    if sid and request.own_of(request.account.sip.trunks, sid) is None:
        raise bad_parameter(f"TrunkSid {sid[:40]} is not accessible")
    return sid


def _update(request: ApiRequest, record: NumberRecord) -> None:
    """Change a number; AccountSid hands it over to another account."""
    account_sid = request.form.sid("AccountSid", "AC")
    try:
        owner = request.account if account_sid is None else request.account.of(account_sid)
    except TwilioError:
        raise bad_parameter(f"AccountSid {account_sid} is not accessible") from None
    _change(request, record)
    record.account_sid = owner.sid


def _json(request: ApiRequest, record: NumberRecord, kind: str) -> dict[str, Any]:
    shown = record.to_twilio_json(request.account.dates)
    if kind:  # below a type the JSON does not have it
        del shown["type"]
    return shown


_FILTERS: Final = (*PAGING, "FriendlyName", "PhoneNumber", "Beta", "Origin")
_SETTINGS: Final = (*_VOICE_SETTINGS, "VoiceApplicationSid", "SmsApplicationSid", "TrunkSid")
_NO_EMERGENCY: Final = "emergency calls are not simulated"
_NO_REGULATION: Final = "no number here has a regulation to meet"
_NOTED_OF_NUMBERS: Final = {
    **_NOTED,
    "EmergencyStatus": _NO_EMERGENCY,
    "EmergencyAddressSid": _NO_EMERGENCY,
    "VoiceReceiveMode": "a number takes voice calls alone, no faxes",
    "IdentitySid": _NO_REGULATION,
    "AddressSid": _NO_REGULATION,
    "BundleSid": _NO_REGULATION,
}


def _of_type(kind: str) -> dict[str, Operation]:
    wanted = ("PhoneNumber", "AreaCode") if not kind else ("PhoneNumber",)
    return {
        "GET": Operation(partial(_list, kind=kind), _FILTERS),
        "POST": Operation(partial(_create, kind=kind), (*wanted, *_SETTINGS), _NOTED_OF_NUMBERS),
    }


_PATH: Final = f"{ACCOUNT}/IncomingPhoneNumbers"
NUMBERS: Final = Resource(
    name="IncomingPhoneNumber",
    many="incoming_phone_numbers",
    prefix="PN",
    stored=Stored("number", NumberRecord, in_resource_list("IncomingPhoneNumbers")),
    paths={
        _PATH: _of_type(""),
        f"{_PATH}/Local": _of_type("local"),
        f"{_PATH}/Mobile": _of_type("mobile"),
        f"{_PATH}/TollFree": _of_type("toll-free"),
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_update), (*_SETTINGS, "AccountSid"), _NOTED_OF_NUMBERS),
            "DELETE": Operation(delete),
        },
    },
)
