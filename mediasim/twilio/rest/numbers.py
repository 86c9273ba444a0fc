"""IncomingPhoneNumbers: the account's numbers, and where their calls go.

Any number can be had that the account has not got yet, but for Twilio's test numbers (docs, Test
credentials). A number of an area is the first free one of its 555 01xx numbers, which belong to
nobody: our choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from mediasim.documents.values import E164
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.resources import NumberRecord, is_toll_free
from mediasim.twilio.rest.applications import VOICE_SETTINGS, change_settings
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Resource,
    Stored,
    delete,
    fetch,
    in_book,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["NUMBERS"]

_INVALID: Final = 21421
_TAKEN: Final = 21422
_BAD_AREA: Final = 21451
_EMPTY_AREA: Final = 21452
_OTHER_TYPE: Final = 21458
_NO_APPLICATION: Final = 21420
_TEST_TAKEN: Final = "+15005550000"
_TEST_INVALID: Final = "+15005550001"
_TEST_EMPTY_AREA: Final = "533"


def _list(ask: ApiRequest, kind: str) -> ApiResponse:
    query = ask.query
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
        ask,
        ask.service.numbers.all(),
        lambda record: _json(ask, record, kind),
        keep=keep,
    )


def _pattern(part: str) -> re.Pattern[str]:
    """A whole number, or a part of one; ``*`` stands for any digit (docs, IncomingPhoneNumbers)."""
    digits = re.sub(r"[^0-9*]", "", part)
    return re.compile("".join("[0-9]" if char == "*" else char for char in digits))


def _create(ask: ApiRequest, kind: str) -> ApiResponse:
    number = _wanted(ask, kind)
    record = NumberRecord(
        sid=ask.new_sid(),
        account_sid=ask.service.account.sid,
        friendly_name=number,
        created_ns=ask.service.now_ns,
        phone_number=number,
        type=kind,
    )
    _change(ask, record)
    ask.service.numbers.add(record)
    return ApiResponse(_json(ask, record, kind), 201)


def _wanted(ask: ApiRequest, kind: str) -> str:
    """The number to be had. Raises TwilioError."""
    text = ask.form.text("PhoneNumber")
    area = None if kind else ask.form.text("AreaCode")
    taken = {record.phone_number for record in ask.service.numbers.all()} | {_TEST_TAKEN}
    if not text and area:
        if re.fullmatch("[2-9][0-9]{2}", area) is None:
            raise bad_parameter(f"{area[:20]} is not a valid area code", _BAD_AREA)
        free = next((number for number in _of_area(area) if number not in taken), None)
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
    if kind and (kind == "toll-free") != is_toll_free(number):
        raise bad_parameter(f"{number} is not a {kind} number", _OTHER_TYPE)
    return number


def _of_area(area: str) -> Iterator[str]:
    return (f"+1{area}55501{last:02}" for last in range(100))


def _update(ask: ApiRequest) -> ApiResponse:
    record = ask.service.numbers.find(ask.at["sid"])
    _change(ask, record)
    record.updated_ns = ask.service.now_ns
    return ask.shown(record)


def _change(ask: ApiRequest, record: NumberRecord) -> None:
    application = ask.form.text("VoiceApplicationSid")
    if application and all(each.sid != application for each in ask.service.applications.all()):
        raise bad_parameter(f"ApplicationSid {application[:40]} is not accessible", _NO_APPLICATION)
    change_settings(ask.form, record)
    if application is not None:
        record.voice_application_sid = application or None
    if ask.form.text("VoiceUrl"):
        record.twiml = None


def _json(ask: ApiRequest, record: NumberRecord, kind: str) -> dict[str, Any]:
    shown = record.to_twilio_json(ask.service.dates)
    if kind:  # the lists of one type do not name it
        del shown["type"]
    return shown


_FILTERS: Final = (*PAGING, "FriendlyName", "PhoneNumber", "Beta", "Origin")
_SETTINGS: Final = (*VOICE_SETTINGS, "VoiceApplicationSid")


def _of_type(kind: str) -> dict[str, Operation]:
    wanted = ("PhoneNumber", "AreaCode") if not kind else ("PhoneNumber",)
    return {
        "GET": Operation(partial(_list, kind=kind), _FILTERS),
        "POST": Operation(partial(_create, kind=kind), (*wanted, *_SETTINGS)),
    }


_PATH: Final = f"{ACCOUNT}/IncomingPhoneNumbers"
NUMBERS: Final = Resource(
    name="IncomingPhoneNumber",
    many="incoming_phone_numbers",
    prefix="PN",
    stored=Stored("number", NumberRecord, in_book("IncomingPhoneNumbers")),
    paths={
        _PATH: _of_type(""),
        f"{_PATH}/Local": _of_type("local"),
        f"{_PATH}/Mobile": _of_type("mobile"),
        f"{_PATH}/TollFree": _of_type("toll-free"),
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(_update, _SETTINGS),
            "DELETE": Operation(delete),
        },
    },
)
