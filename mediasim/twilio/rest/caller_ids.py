"""OutgoingCallerIds: verified numbers, and the request to verify one."""

from __future__ import annotations

import re
from typing import Final

from mediasim.documents.values import E164
from mediasim.twilio.addresses import called, sought
from mediasim.twilio.caller_ids import CallerIdRecord
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.phone_numbers import national
from mediasim.twilio.rest.paging import PAGING, listed
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

__all__ = ["CALLER_IDS"]

_NO_NUMBER: Final = 21211
_VALIDATED: Final = 21450
_BAD_EXTENSION: Final = 21206


def _list(request: ApiRequest) -> ApiResponse:
    number, name = sought(request.query.text("PhoneNumber")), request.query.text("FriendlyName")
    return listed(
        request,
        request.store.all(),
        keep=lambda record: (
            number in ("", record.phone_number) and name in (None, "", record.friendly_name)
        ),
    )


def _validate(request: ApiRequest) -> ApiResponse:
    """Call a number to validate it; the response has the code to be pressed in the call."""
    form = request.form
    number = called(form.text("PhoneNumber") or "")
    if re.fullmatch(E164, number) is None:
        raise bad_parameter(f"PhoneNumber {number[:40]} is not a telephone number", _NO_NUMBER)
    verified = request.own(request.account.caller_ids.records.all())
    if any(record.phone_number == number for record in verified):
        words = f"Phone number already validated for your account: {number}"
        raise bad_parameter(words, _VALIDATED)
    extension = form.text("Extension") or ""
    if re.fullmatch(r"[0-9#*wW]{0,32}", extension) is None:
        words = "Invalid Extension: expected at most 32 of 0-9, #, *, w and W"
        raise bad_parameter(words, _BAD_EXTENSION)
    validation = request.account.caller_ids.begin(
        request.account,
        number,
        form.friendly_name() or national(number),
        extension,
        form.callback("StatusCallback"),
    )
    return ApiResponse(validation.to_twilio_json())


def _update(request: ApiRequest, record: CallerIdRecord) -> None:
    record.friendly_name = request.form.friendly_name() or record.friendly_name


_PATH: Final = f"{ACCOUNT}/OutgoingCallerIds"
CALLER_IDS: Final = Resource(
    name="OutgoingCallerId",
    many="outgoing_caller_ids",
    stored=Stored("caller-id", CallerIdRecord, in_resource_list("OutgoingCallerIds")),
    callbacks=("validation",),
    paths={
        _PATH: {
            "GET": Operation(_list, (*PAGING, "PhoneNumber", "FriendlyName")),
            "POST": Operation(
                _validate,
                (
                    *("PhoneNumber", "FriendlyName", "Extension", "StatusCallback"),
                    "StatusCallbackMethod",
                ),
                {"CallDelay": "the call is placed at once"},
            ),
        },
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(updating(_update), ("FriendlyName",)),
            "DELETE": Operation(delete),
        },
    },
)
