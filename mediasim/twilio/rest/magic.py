"""Requests with test credentials: judged as others are, and nothing is created by them.

Three can be made: a call, a message, and the purchase of a number; any other is forbidden (403,
20008). Whether one succeeds depends on magic numbers alone, never on the account: +15005550006 is
the only number to call and to text from. No callbacks are sent. Source: Twilio docs, Test
credentials; that any other area code has no numbers, and any other number is taken, is our choice.
"""

from __future__ import annotations

import copy
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final

from mediasim.exchange.records import CallRecord
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import called, calling, messaged, messaging
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.message_records import MessageRecord
from mediasim.twilio.phone_numbers import valid
from mediasim.twilio.resources import AccountRecord, NumberRecord
from mediasim.twilio.rest.calls import call_request
from mediasim.twilio.rest.messages import message_request
from mediasim.twilio.rest.resource import ApiRequest
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["answer_in_test", "test_account"]

_VALID: Final = "+15005550006"
_FORBIDDEN: Final = 20008
_NO_URL: Final = 21205
_NOT_VERIFIED: Final = 21210
_INVALID_TO: Final = 21211
_INVALID: Final = 21421
_TAKEN: Final = 21422
_BAD_AREA: Final = 21451
_EMPTY_AREA: Final = 21452
_NO_SENDER: Final = 21603
_NOT_OURS: Final = 21606
_AREA: Final = "500"
_INVALID_NUMBER: Final = "+15005550001"


def test_account(main: Account, name: str, secret: str) -> Account | None:
    """Return the account that test credentials act for; None for other credentials.

    It has no records: those of a request are shown and forgotten.
    """
    test = main.rules.settings.test
    if not test.sid or name != test.sid:
        return None
    if not hmac.compare_digest(secret.encode(), test.auth_token.encode()):
        return None
    view = copy.copy(main)
    view.account = AccountRecord(test.sid, test.auth_token, "Test", main.account.created_ns)
    return view


def answer_in_test(request: ApiRequest, method: str) -> ApiResponse:
    """Answer a request with test credentials. Raises TwilioError for what Twilio refuses."""
    creates = method == "POST" and request.at.keys() <= {"account", "suffix"}
    handle = _ANSWERS.get(request.resource.name) if creates else None
    if handle is None:
        words = "Resource not accessible with Test Account Credentials"
        raise TwilioError(403, _FORBIDDEN, words)
    return handle(request)


def _sid(request: ApiRequest, prefix: str) -> str:
    return request.account.rules.test_sids.new(prefix)


def _call(request: ApiRequest) -> ApiResponse:
    call, _ = call_request(request)
    to, from_ = called(call.to), calling(call.from_)
    if not call.source.url and call.source.twiml is None:
        raise bad_parameter("Url parameter is required.", _NO_URL)
    if from_ != _VALID:
        words = (
            f"The source phone number provided, {from_}, is not yet verified for your account."
            f" You may only make calls from {_VALID} with test credentials."
        )
        raise bad_parameter(words, _NOT_VERIFIED)
    if re.match(r"\+", to) and not valid(to):
        words = f"The phone number you are attempting to call, {to}, is not valid."
        raise bad_parameter(words, _INVALID_TO)
    account = request.account
    record = CallRecord(
        _sid(request, "CA"), account.sid, to, from_, "outbound-api", "queued", account.now_ns
    )
    return request.show(record, 201)


def _message(request: ApiRequest) -> ApiResponse:
    message, account = message_request(request), request.account
    to = messaged(message.to)
    if not message.from_:
        raise bad_parameter("A 'From' phone number is required.", _NO_SENDER)
    from_, _ = messaging(message.from_)
    if from_ != _VALID:
        words = f"The From phone number {from_} is not a valid, SMS-capable inbound phone number"
        raise bad_parameter(f"{words} or short code for your account.", _NOT_OURS)
    account.messages.check(message, to, from_)
    record = MessageRecord(
        sid=_sid(request, "MM" if message.media else "SM"),
        account_sid=account.sid,
        to=to,
        from_=from_,
        body=message.body,
        direction="outbound-api",
        created_ns=account.now_ns,
        status="queued",
        media=len(message.media),
    )
    return request.show(record, 201)


def _purchase(request: ApiRequest) -> ApiResponse:
    form, account = request.form, request.account
    number = re.sub(r"[\s().-]", "", form.text("PhoneNumber") or "")
    area = dict(form.pairs).get("AreaCode")
    if not number and area:
        if re.fullmatch("[2-9][0-9]{2}", area) is None:
            raise bad_parameter(f"{area[:20]} is not a valid area code", _BAD_AREA)
        if area != _AREA:
            raise bad_parameter(f"No phone numbers found in area code {area}", _EMPTY_AREA)
        number = _VALID
    if number == _INVALID_NUMBER or re.fullmatch(r"\+?[0-9]{7,15}", number) is None:
        raise bad_parameter(f"{number[:40]} is not a valid PhoneNumber", _INVALID)
    if number != _VALID:
        raise bad_parameter(f"{number} is not available", _TAKEN)
    record = NumberRecord(
        sid=_sid(request, "PN"),
        account_sid=account.sid,
        friendly_name=form.friendly_name() or "(500) 555-0006",
        created_ns=account.now_ns,
        phone_number=number,
    )
    return request.show(record, 201)


_ANSWERS: Final[Mapping[str, Callable[[ApiRequest], ApiResponse]]] = {
    "Call": _call,
    "Message": _message,
    "IncomingPhoneNumber": _purchase,
}
"""What answers the creation of each resource, by the resource's name."""
