"""Payments of a call: sessions in which an agent asks for a card or a bank account.

The API description can neither list nor fetch them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, get_args

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.payments import (
    CARD_TYPES,
    FIELDS,
    MATCHER,
    PaymentMethod,
    PaymentRequest,
)
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.payments import (
    BANK_ACCOUNT_TYPES,
    CONNECTOR,
    DEFAULT_CONNECTOR,
    INVALID_PARAMETER,
    PAY_STATUS,
    TOKEN_TYPES,
    PaymentOrder,
    SessionStatus,
)
from mediasim.twilio.requests import Callback
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import ACCOUNT, ApiRequest, Operation, Resource, call_of
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["PAYMENTS"]

_NOTHING_TO_DO: Final = 64018
_MATCHED: Final = ("payment-card-number", "expiration-date", "security-code", "postal-code")
_CAPTURES: Final = (*FIELDS, *(f"{name}{MATCHER}" for name in _MATCHED))
_BAD_CALLBACK: Final = 21609
_MOST_SECONDS: Final = 600
_BAD: Final = INVALID_PARAMETER


def _create(request: ApiRequest) -> ApiResponse:
    call, form = call_of(request), request.form
    key, callback = _required(form)
    order = PaymentOrder(
        request=_asked(form),
        connector=form.text("PaymentConnector") or DEFAULT_CONNECTOR,
        amount=form.text("ChargeAmount") or "",
        currency=form.text("Currency") or "USD",
        token_type=form.word("TokenType", TOKEN_TYPES, code=_BAD) or "reusable",
        description=form.text("Description") or "",
        bank_account_type=form.word("BankAccountType", BANK_ACCOUNT_TYPES, code=_BAD) or "",
        parameters=_parameters(form),
    )
    return request.show(request.account.payments.start(call.sid, order, callback, key), 201)


def _required(form: Params) -> tuple[str, Callback]:
    """Return the idempotency key and the callback, which every request needs."""
    key = form.required("IdempotencyKey")
    url = form.url("StatusCallback", code=_BAD_CALLBACK)
    if not url:
        raise bad_parameter("StatusCallback parameter is required.")
    return key, Callback(url)


def _asked(form: Params) -> PaymentRequest:
    """Return what the party will be asked for."""
    form.word("Input", ("dtmf",), code=_BAD)
    cards = form.words("ValidCardTypes", tuple(CARD_TYPES), code=_BAD)
    methods: tuple[PaymentMethod, ...] = get_args(PaymentMethod)
    method = form.word("PaymentMethod", methods, code=_BAD) or "credit-card"
    seconds = form.number("Timeout", 1, _MOST_SECONDS, code=_BAD) or 5
    code, postal = form.flag("SecurityCode"), form.flag("PostalCode")
    return PaymentRequest(
        method=method,
        security_code=code is not False,
        postal_code=postal is not False,
        least_postal=form.number("MinPostalCodeLength", 1, 10, code=_BAD),
        card_types=cards or PaymentRequest().card_types,
        matching=form.words("RequireMatchingInputs", _MATCHED, code=_BAD, commas=True),
        confirmation=form.flag("Confirmation") or False,
        timeout_ns=seconds * NS_PER_SECOND,
    )


def _parameters(form: Params) -> Mapping[str, str]:
    """Return the custom parameters: a JSON object of one level, its quotes double or single."""
    text = form.text("Parameter")
    if not text:
        return {}
    for written in (text, text.replace("'", '"')):
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and not any(
            isinstance(value, dict | list) for value in found.values()
        ):
            return {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in found.items()
            }
        break
    words = f"Invalid Parameter {text[:60]}: expected a JSON object of one level"
    raise bad_parameter(words, _BAD)


def _update(request: ApiRequest) -> ApiResponse:
    call, form, payments = call_of(request), request.form, request.account.payments
    payments.check(call.sid, request.at["sid"])
    key, callback = _required(form)
    capture = form.word("Capture", _CAPTURES, code=_BAD)
    statuses: tuple[SessionStatus, ...] = get_args(SessionStatus)
    status = form.word("Status", statuses, code=_BAD)
    if capture is None and status is None:
        raise bad_parameter("Value needed for either Capture or Status parameters", _NOTHING_TO_DO)
    record = payments.update(
        call.sid,
        request.at["sid"],
        capture=capture,
        status=status,
        callback=callback,
        key=key,
    )
    return request.show(record, 202)


_ALWAYS: Final = ("IdempotencyKey", "StatusCallback")
PAYMENTS: Final = Resource(
    name="Payment",
    many="payments",
    prefix="PK",
    callbacks=(PAY_STATUS, CONNECTOR),
    paths={
        f"{ACCOUNT}/Calls/{{call}}/Payments": {
            "POST": Operation(
                _create,
                (
                    *(*_ALWAYS, "BankAccountType", "ChargeAmount", "Currency", "Description"),
                    *("Input", "MinPostalCodeLength", "Parameter", "PaymentConnector"),
                    *("PaymentMethod", "PostalCode", "SecurityCode", "Timeout", "TokenType"),
                    *("ValidCardTypes", "RequireMatchingInputs", "Confirmation"),
                ),
            )
        },
        f"{ACCOUNT}/Calls/{{call}}/Payments/{{sid}}": {
            "POST": Operation(_update, (*_ALWAYS, "Capture", "Status"))
        },
    },
)
