"""Pay Connectors: what says whether a payment goes through.

A connector of the number plan says yes, no or that the card has expired; or it is a generic one,
which asks the customer's own endpoint as Twilio's Generic Pay Connector does
(https://www.twilio.com/docs/voice/twiml/pay/generic-pay-connector): a POST of JSON with basic
authentication, tried again with the same ``transaction_id`` if no answer comes in ten seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from mediasim.exchange.payments import TEST_ACCOUNTS, TEST_CARDS, PaymentDetails
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.payments.order import PayConnector, PaymentOrder
from mediasim.twilio.webhooks import AppFailure, AppRequest

__all__ = ["CONNECTOR", "Processed", "process"]

CONNECTOR: Final = "pay-connector"
"""Kind of the requests to the customer's payment processor."""
_RETRIES: Final = 5
_OVERRIDES: Final = "#rt=10000&rc=0"
"""Ten seconds for an answer; retries are the connector's own."""
_CHARGE_REJECTED: Final = 64008
_TOKEN_REJECTED: Final = 64010
_CARD_REJECTED: Final = 64012
_REJECTED: Final = {
    "charge": (_CHARGE_REJECTED, "Payment Gateway rejected charge creation."),
    "tokenize": (_TOKEN_REJECTED, "Payment Gateway rejected token creation."),
}
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "no": ("card_declined", "card is declined"),
    "expired": ("expired_card", "card has expired"),
}
"""What the payment platform says of a card that it does not take, and Twilio of it."""
_LONGEST: Final = 200
"""Most characters of what an endpoint says that are passed on."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What has become of a payment."""

    confirmation: str = ""
    token: str = ""
    profile: str = ""
    error: str | None = None
    """Why it failed; None for success."""
    code: int = 0
    connector_error: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters of the payment processor."""

    def params(self) -> list[tuple[str, str]]:
        """Return the parameters of the callback about it, the result first."""
        if self.error is None:
            found = [
                ("Result", "success"),
                ("PaymentConfirmationCode", self.confirmation),
                ("PaymentToken", self.token),
                ("ProfileId", self.profile),
            ]
        else:
            found = [
                ("Result", "payment-connector-error"),
                ("PaymentError", self.error),
                ("PayErrorCode", str(self.code)),
                ("ConnectorError", self.connector_error),
            ]
        return found + [(f"PayConnector_{name}", value) for name, value in self.parameters.items()]


async def process(
    account: AccountParts,
    call_sid: str,
    connector: PayConnector,
    order: PaymentOrder,
    details: PaymentDetails,
) -> Processed:
    """Process a payment whose details were entered."""
    number = account.exchange.sids.new("XX")[2:]
    identifier = account.exchange.seeds.digest(f"payment/{number}", 24).hex()
    if connector.takes_ns:
        await account.exchange.sleep(connector.takes_ns)
    if connector.url is not None:
        return await _ask(account, call_sid, connector, order, details, identifier)
    if connector.answer in _REFUSALS:
        code, error = _REFUSALS[connector.answer]
        return Processed(error=error, code=_CARD_REJECTED, connector_error=code)
    if order.kind == "charge":
        return Processed(confirmation=f"ch_{identifier[:24]}")
    kind = {"one-time": "tok", "reusable": "tok", "payment-method": "pm"}[order.token_type]
    profile = "" if order.token_type == "one-time" else f"cus_{identifier[24:40]}"
    return Processed(token=f"{kind}_{identifier[:24]}", profile=profile)


# -- generic connectors ------------------------------------------------------------------------


async def _ask(
    account: AccountParts,
    call_sid: str,
    connector: PayConnector,
    order: PaymentOrder,
    details: PaymentDetails,
    identifier: str,
) -> Processed:
    """Ask the customer's endpoint, and read what it answers."""
    code, rejected = _REJECTED[order.kind]
    entered = details.entered
    known = TEST_CARDS if order.request.method == "credit-card" else TEST_ACCOUNTS
    number = entered.get("payment-card-number") or entered.get("bank-account-number", "")
    if connector.test_mode and number not in known:
        words = f"{rejected} In TEST mode only Twilio's test numbers are passed on."
        return Processed(error=words, code=code)
    parts = [identifier[0:8], identifier[8:12], identifier[12:16], identifier[16:20]]
    body = _body(order, entered, "-".join([*parts, identifier[20:32]]))
    shown = _body(order, _masked(details), body["transaction_id"])
    request = AppRequest(
        _url(connector),
        "POST",
        tuple((name, _text(value)) for name, value in shown.items()),
        CONNECTOR,
        call_sid,
        account.sid,
        secret_body=json.dumps(body),
    )
    failure: AppFailure | None = None
    for _ in range(1 + _RETRIES):
        try:
            answer = await account.webhooks.fetch(request)
            return _read(order, answer.body, code, rejected)
        except AppFailure as failed:
            failure = failed
            attempts = failed.delivery.attempts if failed.delivery is not None else []
            if not attempts or attempts[-1].status is not None:
                break  # it was never sent, or has been answered
    assert failure is not None
    url = "" if failure.delivery is None else failure.delivery.url
    account.notify(call_sid, failure.code, failure.message, url, delivery=failure.delivery)
    words = f"{rejected} No answer from Payment Provider."
    return Processed(error=words, code=code, connector_error=failure.message[:_LONGEST])


def _url(connector: PayConnector) -> str:
    """Return the endpoint, with the connector's name and password in it."""
    scheme, _, rest = (connector.url or "").partition("://")
    rest = rest.partition("#")[0]
    if connector.username or connector.password:
        user = f"{quote(connector.username, safe='')}:{quote(connector.password, safe='')}"
        rest = f"{user}@{rest.rpartition('@')[2]}"
    return f"{scheme}://{rest}{_OVERRIDES}"


def _masked(details: PaymentDetails) -> dict[str, str]:
    """Return the details as a log may show them."""
    shown = dict(details.shown())
    return {
        "payment-card-number": shown.get("PaymentCardNumber", ""),
        "bank-account-number": shown.get("BankAccountNumber", ""),
        "bank-routing-number": shown.get("BankRoutingNumber", ""),
        "security-code": shown.get("SecurityCode", ""),
        "expiration-date": shown.get("ExpirationDate", ""),
        "postal-code": shown.get("PaymentCardPostalCode", ""),
    }


def _body(order: PaymentOrder, entered: Mapping[str, str], transaction_id: str) -> dict[str, Any]:
    """Return the body of the request to a payment processor, with these details."""
    body: dict[str, Any] = {"method": order.kind, "transaction_id": transaction_id}
    if order.request.method == "credit-card":
        body["cardnumber"] = entered.get("payment-card-number", "")
        if entered.get("security-code"):
            body["cvv"] = entered["security-code"]
        date = entered.get("expiration-date", "")
        body |= {"expiry_month": date[:2], "expiry_year": date[2:]}
        if entered.get("postal-code"):
            body["postal_code"] = entered["postal-code"]
    else:
        body["bankaccountnumber"] = entered.get("bank-account-number", "")
        body["routingnumber"] = entered.get("bank-routing-number", "")
    if order.kind == "charge":
        body |= {"amount": order.amount.strip(), "currency_code": order.currency.upper()}
    body["description"] = order.description
    if order.parameters:
        body["parameters"] = dict(order.parameters)
    return body


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(order: PaymentOrder, body: bytes, code: int, rejected: str) -> Processed:
    """Read the answer of a payment processor; one of another form has refused the payment."""
    name = "charge_id" if order.kind == "charge" else "token_id"
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or (answer.get("error_code") is None and not answer.get(name)):
        words = f"{rejected} Got malformed response from Payment Provider"
        return Processed(error=words, code=code)
    parameters = answer.get("parameters")
    more = {
        str(key): _text(value)[:_LONGEST]
        for key, value in (parameters.items() if isinstance(parameters, dict) else ())
    }
    if answer.get("error_code") is not None:
        said = _text(answer.get("error_message") or answer["error_code"])[:_LONGEST]
        error = _text(answer["error_code"])[:_LONGEST]
        return Processed(error=said, code=code, connector_error=error, parameters=more)
    found = _text(answer[name])[:_LONGEST]
    if order.kind == "charge":
        return Processed(confirmation=found, parameters=more)
    profile = _text(answer.get("profile_id") or "")[:_LONGEST]
    return Processed(token=found, profile=profile, parameters=more)
