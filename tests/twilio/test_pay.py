"""Pay and Payments: what is asked, what is told, what a connector says, and what stays secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage, unreachable
from test_twiml_calls import calls_in, codes, on_account

from mediasim.audio.dtmf import DtmfDetector, dtmf_digits
from mediasim.exchange.events import PAYMENT_EVENTS
from mediasim.exchange.payments import PaymentRequest
from mediasim.exchange.payments.cards import card_types, is_valid
from mediasim.truth.sidecar import recording_truth
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.payments import PayConnector, PaymentOrder
from mediasim.twilio.ports import HttpAnswer
from mediasim.twilio.requests import Callback

CARD, AMEX = "4111111111111111", "378282246310005"
CONNECTORS = {
    "Default": PayConnector(),
    "no": PayConnector("no"),
    "late": PayConnector("expired", takes_ns=2_000_000_000),
    "generic": PayConnector(url=f"{APP}/gateway", username="me", password="a secret"),
    "test": PayConnector(url=f"{APP}/gateway", test_mode=True),
    "tokens": PayConnector(transactions=("tokenize",)),
    "charges": PayConnector(transactions=("charge",), methods=("credit-card",)),
    "euro": PayConnector(currencies=("EUR",)),
}
QUICK = (
    "".join(
        f'<Prompt for="{step}"><Pause length="0"/></Prompt>'
        for step in ("payment-card-number", "expiration-date", "security-code", "postal-code")
    )
    + '<Prompt for="payment-processing"><Pause length="0"/></Prompt>'
)
"""Prompts of no length, for tests that are about something else."""
Answers = Mapping[str, Any]


def paid(
    directory: Path,
    attributes: str = "",
    *steps: Any,
    inside: str = QUICK,
    before: str = "",
    answers: Answers | None = None,
    connectors: Mapping[str, PayConnector] | None = CONNECTORS,
    said: list[str] | None = None,
) -> AccountStage:
    """Alice calls, and is asked to pay; what is said to her goes into a list."""

    def also(account: AccountStage) -> None:
        studio = account.service.studio
        clip = studio.clip

        async def note(text: str, *how: Any) -> Any:
            if said is not None:
                said.append(text)
            return await clip(text, *how)

        studio.clip = note  # type: ignore[assignment, method-assign]
        account.service.payments.connectors = connectors
        account.app.answers |= {"/paid": "<Response/>", "/told": "", **(answers or {})}

    twiml = f'{before}<Pay statusCallback="/told" action="/paid" {attributes}>{inside}</Pay>'
    return calls_in(directory, twiml, *steps, also=also)


def keys(*entries: str) -> list[Any]:
    return [step for each in entries for step in (0.5, f"#{each}")]


def result(account: AccountStage) -> dict[str, str]:
    """The request for the action, without what every request has."""
    (asked,) = account.app.asked("/paid")
    return asked


def ends(account: AccountStage) -> list[str]:
    """The events of payments that have ended."""
    return [each.kind for each in account.exchange.events.log if each.kind in PAYMENT_EVENTS]


VISA = keys(CARD, "1230", "123", "94105")


# -- what is asked and told ----------------------------------------------------------------------


def test_a_card_is_charged(tmp_path: Path) -> None:
    account = paid(tmp_path, 'chargeAmount="20.45"', *VISA, 1.0)
    told = result(account)
    wanted = {
        "Result": "success",
        "PaymentMethod": "credit-card",
        "PaymentCardNumber": "xxxxxxxxxxxx1111",
        "PaymentCardType": "visa",
        "ExpirationDate": "1230",
        "SecurityCode": "***",
        "PaymentCardPostalCode": "94105",
        "PaymentToken": "",
        "CallStatus": "in-progress",
    }
    assert {name: told[name] for name in wanted} == wanted
    assert told["PaymentConfirmationCode"].startswith("ch_")
    assert "PaymentError" not in told
    statuses = account.app.asked("/told")
    assert [each.get("For") for each in statuses] == [
        *("payment-card-number", "expiration-date", "security-code", "postal-code"),
        *("payment-processing", None),
    ]
    assert {each.get("Attempt") for each in statuses[:5]} == {"1"}
    assert "PaymentCardNumber" not in statuses[0]
    assert statuses[1]["PaymentCardNumber"] == "xxxxxxxxxxxx1111"
    assert statuses[-1]["Result"] == "success"
    assert all(each["CallSid"].startswith("CA") for each in statuses)
    assert ends(account) == ["payment.success"]


def test_an_amount_with_spaces_around_it_is_charged(tmp_path: Path) -> None:
    told = result(paid(tmp_path, 'chargeAmount=" 20.45 "', *VISA, 1.0))
    assert told["PaymentConfirmationCode"].startswith("ch_")


@pytest.mark.parametrize(
    ("token_type", "token", "profile"),
    [("one-time", "tok_", ""), ("reusable", "tok_", "cus_"), ("payment-method", "pm_", "cus_")],
)
def test_without_an_amount_a_token_is_made(
    tmp_path: Path, token_type: str, token: str, profile: str
) -> None:
    told = result(paid(tmp_path, f'chargeAmount="0" tokenType="{token_type}"', *VISA, 1.0))
    assert (told["Result"], told["PaymentConfirmationCode"]) == ("success", "")
    assert told["PaymentToken"].startswith(token)
    assert told["ProfileId"][:4] == profile


def test_what_need_not_be_entered_is_not_asked_for(tmp_path: Path) -> None:
    attributes = 'securityCode="false" postalCode="95105" validCardTypes="amex"'
    account = paid(tmp_path, attributes, *keys(AMEX, "0140"), 1.0)
    told = result(account)
    assert (told["PaymentCardType"], told["PaymentCardPostalCode"]) == ("amex", "95105")
    assert told["PaymentCardNumber"] == "xxxxxxxxxxx0005"
    assert "SecurityCode" not in told
    assert len(account.app.asked("/told")) == 4


def test_a_bank_account_is_asked_for_by_its_routing_number(tmp_path: Path) -> None:
    attributes = 'paymentMethod="ach-debit" bankAccountType="consumer-savings" timeout="2"'
    inside = "".join(
        f'<Prompt for="bank-{step}-number"><Pause length="0"/></Prompt>'
        for step in ("routing", "account")
    )
    account = paid(tmp_path, attributes, *keys("121181976", "508862392"), 6.0, inside=inside)
    told = result(account)
    assert told["Result"] == "success"
    assert told["BankRoutingNumber"] == "121181976"
    assert told["BankAccountNumber"] == "*******92"
    assert told["BankAccountType"] == "consumer-savings"
    assert [each.get("For") for each in account.app.asked("/told")][:2] == [
        "bank-routing-number",
        "bank-account-number",
    ]


WRONG: list[tuple[str, str, list[str], str]] = [
    ("a digit", "", ["4111111111111112", CARD, "1230", "123", "94105"], "invalid-card-number"),
    ("too short", "", ["411111#", CARD, "1230", "123", "94105"], "invalid-card-number"),
    ("a type", 'validCardTypes="visa"', [AMEX, CARD, "1230", "123", "94105"], "invalid-card-type"),
    ("the past", "", [CARD, "1220", "1230", "123", "94105"], "invalid-date"),
    ("no month", "", [CARD, "1330", "1230", "123", "94105"], "invalid-date"),
    ("a short code", "", [AMEX, "1230", "123#", "1234", "94105"], "invalid-security-code"),
    (
        "a short zip",
        'minPostalCodeLength="6"',
        [CARD, "1230", "123", "94105#", "941055#"],
        "invalid-postal-code",
    ),
]


@pytest.mark.parametrize(
    ("attributes", "entries", "error"), [each[1:] for each in WRONG], ids=[e[0] for e in WRONG]
)
def test_what_is_wrong_is_asked_for_again(
    tmp_path: Path, attributes: str, entries: list[str], error: str
) -> None:
    account = paid(tmp_path, attributes, *keys(*entries), 1.0)
    assert result(account)["Result"] == "success"
    again = [each for each in account.app.asked("/told") if "ErrorType" in each]
    assert [(each["ErrorType"], each["Attempt"]) for each in again] == [(error, "2")]


@pytest.mark.parametrize(("most", "asked"), [("", 2), ('maxAttempts="3"', 4)])
def test_it_is_asked_no_more_often_than_said(tmp_path: Path, most: str, asked: int) -> None:
    account = paid(tmp_path, f'timeout="1" {most}', 10.0)
    told = result(account)
    assert told["Result"] == "too-many-failed-attempts"
    assert told["PaymentError"] == "input-timeout"
    assert account.app.told("/told", "Attempt")[:-1] == [str(n + 1) for n in range(asked)]
    assert account.app.told("/told", "ErrorType") == ["", *["input-timeout"] * (asked - 1), ""]


@pytest.mark.parametrize("entered", [[], ["41111"], [CARD, "1230"]])
def test_the_star_ends_it_at_any_point(tmp_path: Path, entered: list[str]) -> None:
    account = paid(tmp_path, "", *keys(*entered), 0.5, "#*", 1.0)
    assert result(account)["Result"] == "caller-interrupted-with-star"


def test_who_hangs_up_is_told_of(tmp_path: Path) -> None:
    account = paid(tmp_path, "", *keys(CARD), 0.5, "hangup")
    told = result(account)
    assert (told["Result"], told["CallStatus"]) == ("caller-hung-up", "completed")
    assert account.app.told("/told", "Result")[-1] == "caller-hung-up"


@pytest.mark.parametrize(
    ("key", "wanted"),
    [("1", "success"), ("2", "transaction-cancelled"), ("", "too-many-failed-attempts")],
)
def test_the_party_may_be_asked_to_confirm(tmp_path: Path, key: str, wanted: str) -> None:
    entered = keys(CARD, "1230", "123", "94105", *([key] if key else []))
    account = paid(tmp_path, 'confirmation="true" timeout="2"', *entered, 30.0)
    assert result(account)["Result"] == wanted


def test_an_account_is_entered_twice_where_a_prompt_asks_for_that(tmp_path: Path) -> None:
    inside = "".join(
        f'<Prompt for="bank-{how}><Pause length="0"/></Prompt>'
        for how in (
            'routing-number"',
            'account-number"',
            'account-number" requireMatchingInputs="true"',
        )
    )
    entered = keys("121181976", "508862392#", "508862393#", "508862392#", "508862392#")
    account = paid(tmp_path, 'paymentMethod="ach-debit"', *entered, 5.0, inside=inside)
    assert result(account)["Result"] == "success"
    assert "input-matching-failed" in account.app.told("/told", "ErrorType")


# -- prompts -------------------------------------------------------------------------------------


def test_the_prompt_that_fits_best_is_heard(tmp_path: Path) -> None:
    inside = "".join(
        f"<Prompt {how}><Say>{said}</Say></Prompt>"
        for how, said in (
            ('for="payment-card-number"', "the card"),
            ('for="payment-card-number" errorType="timeout"', "late"),
            ('for="payment-card-number" attempt="3"', "third"),
            ('for="security-code" cardType="visa mastercard"', "three digits"),
            ('for="security-code" cardType="amex"', "four digits"),
        )
    )
    steps = (12.0, f"#{AMEX}", 3.0, "#1230", 3.0, "#1234", 3.0, "#94105", 9.0)
    said: list[str] = []
    paid(tmp_path, 'timeout="9" maxAttempts="3"', *steps, inside=inside, said=said)
    assert said == [
        "the card",
        "late",
        "Please enter your credit card's expiration date. Two digits for the month and two digits"
        " for the year.",
        "four digits",
        "Please enter your billing zip code.",
        "Thank you. Please wait while we process your payment.",
    ]


def test_a_prompt_with_a_wrong_attribute_leaves_a_warning(tmp_path: Path) -> None:
    inside = '<Prompt for="payment-card-number" errorType="wrath"><Say>the card</Say></Prompt>'
    said: list[str] = []
    account = paid(tmp_path, "", 1.0, "#*", 1.0, inside=inside, said=said)
    assert said == ["the card"]
    assert "Prompt: errorType='wrath' is not words of" in (
        account.service.notifications[0].message_text
    )


def test_the_default_prompts_speak_the_language_asked_for(tmp_path: Path) -> None:
    said: list[str] = []
    paid(tmp_path, 'language="de-DE"', 1.0, "#*", 1.0, inside="", said=said)
    assert said == ["Bitte geben Sie die Nummer Ihrer Kreditkarte ein."]


# -- connectors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connector", "error", "theirs"),
    [("no", "card is declined", "card_declined"), ("late", "card has expired", "expired_card")],
)
def test_a_connector_says_no(tmp_path: Path, connector: str, error: str, theirs: str) -> None:
    account = paid(tmp_path, f'paymentConnector="{connector}"', *VISA, 4.0)
    told = result(account)
    assert told["Result"] == "payment-connector-error"
    assert (told["PaymentError"], told["ConnectorError"]) == (error, theirs)
    assert told["PayErrorCode"] == "64012"
    assert "PaymentToken" not in told


@pytest.mark.parametrize(
    ("attributes", "code", "words"),
    [
        ('chargeAmount="-0.59"', 64003, "chargeAmount='-0.59' (not a number between"),
        ('chargeAmount="1000000.01"', 64003, "not a number between 0.00 - 1,000,000.00"),
        ('chargeAmount="ten"', 64003, "chargeAmount='ten'"),
        ('paymentConnector="Stripe_1"', 64004, "paymentConnector='Stripe_1'"),
        ('paymentConnector="charges"', 64005, "does not support tokenization"),
        ('paymentConnector="tokens" chargeAmount="1"', 64007, "does not support creating charge"),
        ('paymentConnector="euro" chargeAmount="1"', 64011, "currency='usd'"),
        ('currency="dollars"', 64011, "currency='dollars'"),
        ('paymentConnector="charges" paymentMethod="ach-debit"', 64013, "ach-debit"),
        ('bankAccountType="consumer-savings"', 64017, "bankAccountType"),
        ('tokenType="eternal"', 64020, "tokenType='eternal' (not one of '[one-time, reusable"),
        ('maxAttempts="4"', 64020, "maxAttempts='4' (not a whole number from 1 to 3)"),
        ('language="ja-JP"', 64020, "language='ja-JP'"),
        ('input="speech"', 64020, "input='speech'"),
    ],
)
def test_a_wrong_order_is_a_validation_error(
    tmp_path: Path, attributes: str, code: int, words: str
) -> None:
    account = paid(tmp_path, attributes, 1.0)
    told = result(account)
    assert (told["Result"], told["PayErrorCode"]) == ("validation-error", str(code))
    assert words in told["PaymentError"]
    assert code in codes(account)
    assert ends(account) == ["payment.validation-error"]
    assert not [each for each in account.app.asked("/told") if "For" in each]


def test_without_connectors_in_the_plan_any_name_says_yes(tmp_path: Path) -> None:
    account = paid(tmp_path, 'paymentConnector="Stripe_1"', *VISA, 1.0, connectors=None)
    assert result(account)["Result"] == "success"


def asked_gateway(account: AccountStage) -> list[dict[str, Any]]:
    return [
        json.loads(attempt.body)
        for delivery in account.webhooks.deliveries
        if delivery.kind == "pay-connector"
        for attempt in delivery.attempts
    ]


class Gateway:
    """The customer's endpoint: what it answers, and the bodies that it got."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    def wrap(self, account: AccountStage) -> None:
        send = account.app.send

        async def seen(request: Any, limits: Any) -> HttpAnswer:
            if not request.url.endswith("/gateway"):
                return await send(request, limits)
            self.bodies.append(json.loads(request.body))
            self.headers.append(request.headers)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            return HttpAnswer(200, {"content-type": "application/json"}, body)

        account.app.send = seen  # type: ignore[method-assign]


def by_gateway(directory: Path, gateway: Gateway, attributes: str, inside: str = "") -> Any:
    def also(account: AccountStage) -> None:
        account.service.payments.connectors = CONNECTORS
        account.app.answers |= {"/paid": "<Response/>", "/told": ""}
        gateway.wrap(account)

    twiml = f'<Pay action="/paid" {attributes}>{QUICK}{inside}</Pay>'
    return calls_in(directory, twiml, *VISA, 1.0, also=also)


def test_a_generic_connector_asks_the_customers_endpoint(tmp_path: Path) -> None:
    gateway = Gateway(
        {
            "charge_id": "some_id",
            "error_code": None,
            "error_message": None,
            "parameters": {"points": "12"},
        }
    )
    attributes = 'paymentConnector="generic" chargeAmount="10.00" description="pizza"'
    inside = '<Parameter name="table" value="7"/>'
    account = by_gateway(tmp_path, gateway, attributes, inside)
    told = result(account)
    assert told["Result"] == "success"
    assert told["PaymentConfirmationCode"] == "some_id"
    assert told["PayConnector_points"] == "12"
    (body,) = gateway.bodies
    assert len(body.pop("transaction_id")) == 36
    assert body == {
        "method": "charge",
        "cardnumber": CARD,
        "cvv": "123",
        "amount": "10.00",
        "currency_code": "USD",
        "expiry_month": "12",
        "expiry_year": "30",
        "description": "pizza",
        "postal_code": "94105",
        "parameters": {"table": "7"},
    }
    (headers,) = gateway.headers
    assert headers["Authorization"] == "Basic bWU6YSBzZWNyZXQ="
    assert headers["Content-Type"] == "application/json"
    assert "X-Twilio-Signature" not in headers
    # What is kept of the request has no digits that must not be known, and cannot be sent again.
    (shown,) = asked_gateway(account)
    assert (shown["cardnumber"], shown["cvv"]) == ("xxxxxxxxxxxx1111", "xxx")
    everything = json.dumps([each.to_json() for each in account.webhooks.deliveries])
    assert CARD not in everything
    (delivery,) = [each for each in account.webhooks.deliveries if each.kind == "pay-connector"]
    with pytest.raises(LookupError, match="secret"):
        asyncio.run(account.webhooks.replay(delivery.id))


@pytest.mark.parametrize(
    ("answer", "code", "error", "theirs"),
    [
        ({"token_id": None, "error_code": "E7", "error_message": "No."}, "64010", "No.", "E7"),
        ({"token_id": None, "error_code": 7, "error_message": None}, "64010", "7", "7"),
        (b"<html/>", "64010", "malformed response", ""),
        ({"charge_id": "of another kind"}, "64010", "malformed response", ""),
        ([1], "64010", "malformed response", ""),
    ],
)
def test_what_an_endpoint_refuses_or_garbles(
    tmp_path: Path, answer: Any, code: str, error: str, theirs: str
) -> None:
    told = result(by_gateway(tmp_path, Gateway(answer), 'paymentConnector="generic"'))
    assert told["Result"] == "payment-connector-error"
    assert (told["PayErrorCode"], told["ConnectorError"]) == (code, theirs)
    assert error in told["PaymentError"]


def test_an_endpoint_that_does_not_answer_is_asked_six_times(tmp_path: Path) -> None:
    gateway = Gateway(*(unreachable() for _ in range(5)), {"token_id": "t", "error_code": None})
    told = result(by_gateway(tmp_path, gateway, 'paymentConnector="generic"'))
    assert (told["Result"], told["PaymentToken"]) == ("success", "t")
    assert len(gateway.bodies) == 6
    assert len({each["transaction_id"] for each in gateway.bodies}) == 1
    gateway = Gateway(*(unreachable() for _ in range(7)))
    account = by_gateway(tmp_path / "2", gateway, 'paymentConnector="generic"')
    assert result(account)["Result"] == "payment-connector-error"
    assert len(gateway.bodies) == 6
    assert 11205 in codes(account)


def test_in_test_mode_only_test_cards_are_passed_on(tmp_path: Path) -> None:
    gateway = Gateway({"token_id": "t", "error_code": None})
    told = result(by_gateway(tmp_path, gateway, 'paymentConnector="test"'))
    assert told["Result"] == "success"
    other = keys("4242424242424242", "1230", "123", "94105")
    told = result(paid(tmp_path / "2", 'paymentConnector="test"', *other, 1.0))
    assert (told["Result"], told["PayErrorCode"]) == ("payment-connector-error", "64010")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (CARD, "visa"),
        ("5555555555554444", "mastercard"),
        ("2223000048400011", "mastercard"),
        (AMEX, "amex"),
        ("6011111111111117", "discover"),
        ("3065930009020004", "diners-club"),
        ("36227206271667", "diners-club"),
        ("3566002020360505", "jcb"),
        ("6771798021000008", "maestro"),
        ("201400000000009", "enroute"),
    ],
)
def test_cards_are_known_by_their_numbers(number: str, name: str) -> None:
    assert is_valid(number)
    assert card_types(number)[0].name == name
    assert len(number) in card_types(number)[0].lengths


# -- what stays secret ---------------------------------------------------------------------------

RECORDED = '<Start><Recording channels="dual"/></Start>'


def found_keys(pcm: Any) -> str:
    return "".join(hit.digit for hit in DtmfDetector().feed(np.append(pcm, np.zeros(8000, "i2"))))


@pytest.mark.parametrize("in_band", [True, False])
def test_no_recording_truth_event_or_log_has_the_digits(tmp_path: Path, in_band: bool) -> None:
    steps: list[Any] = [0.5]
    for each in (CARD, "1230", "123", "94105"):
        tones = dtmf_digits(each), each
        steps += [tones if in_band else f"#{each}", 0.7]
    account = paid(tmp_path, "", *steps, 1.0, before=RECORDED)
    assert result(account)["Result"] == "success"
    inbound, _ = account.media()
    assert found_keys(inbound) == ""
    events = "".join(each.text for each in account.exchange.events.log if each.kind == "dtmf")
    assert "pressed 4" not in events
    sid = account.exchange.catalogue.recordings()[0].sid
    everything = json.dumps(account.exchange.store.truth(sid))
    everything += repr(account.exchange.events.log) + json.dumps(
        [each.to_json() for each in account.webhooks.deliveries]
    )
    if not in_band:  # as clips they are what the stage has the party say
        assert CARD not in everything


def test_tones_before_and_after_the_payment_are_recorded(tmp_path: Path) -> None:
    say = (dtmf_digits("987"), "keys")
    account = paid(
        tmp_path,
        'securityCode="false" postalCode="false"',
        say,
        2.0,
        (dtmf_digits(CARD), "keys"),
        0.5,
        (dtmf_digits("1230"), "keys"),
        1.0,
        (dtmf_digits("654"), "keys"),
        1.0,
        before=f'{RECORDED}<Pause length="2"/>',
        answers={"/paid": '<Response><Pause length="4"/></Response>'},
    )
    assert result(account)["Result"] == "success"
    assert found_keys(account.media()[0]) == "987654"


def test_the_truth_says_where_tones_were_taken_out(tmp_path: Path) -> None:
    from mediasim.exchange.recording_control import LiveRecording

    truths: list[Any] = []
    publish = LiveRecording._publish

    def also(recording: LiveRecording) -> None:
        publish(recording)
        truths.append(recording_truth(recording))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiveRecording, "_publish", also)
        steps = (1.0, (dtmf_digits(CARD), "keys"), 0.5, "#*", 1.0)
        account = paid(tmp_path, "", *steps, before=RECORDED)
    (truth,) = truths
    secret = [gap for gap in truth.channels[0].missing if gap.why == "secret"]
    assert len(secret) == len(CARD)
    for gap in secret:
        assert not account.media()[0][gap.start : gap.end].any()


# -- Payments, by REST ---------------------------------------------------------------------------


def on_call(directory: Path, work: Callable[[AccountStage, str], Any], *steps: Any) -> AccountStage:
    """Alice calls, and is put through to Bob, the agent, who does the work."""

    async def main(account: AccountStage) -> None:
        account.service.payments.connectors = CONNECTORS
        account.number(APP_NUMBER, "/voice")
        account.app.answers["/voice"] = (
            f'<Response><Dial record="record-from-answer-dual">{BOB}</Dial></Response>'
        )
        account.telephone(BOB, 60.0, listens=True)
        phone = account.telephone(ALICE, 4.0, *steps, "hangup")
        call = account.service.place_inbound(ALICE, APP_NUMBER, phone)
        await account.exchange.sleep(3_000_000_000)
        await work(account, call.sid)

    return on_account(directory, main)


def order(**more: Any) -> PaymentOrder:
    request = {name: more.pop(name) for name in list(more) if name in PaymentRequest.__slots__}
    return PaymentOrder(request=PaymentRequest(postal_code=False, **request), **more)


TOLD = Callback(f"{APP}/told")


def test_an_agent_asks_for_one_piece_after_the_other(tmp_path: Path) -> None:
    async def agent(account: AccountStage, call: str) -> None:
        payments = account.service.payments
        record = payments.start(call, order(amount="12.00"), TOLD, "a")
        assert payments.start(call, order(amount="12.00"), TOLD, "a") is record
        for number, name in enumerate(("payment-card-number", "security-code", "expiration-date")):
            payments.update(
                call, record.sid, capture=name, status=None, callback=TOLD, key=f"b{number}"
            )
            await account.exchange.sleep(5_000_000_000)
        payments.update(call, record.sid, capture=None, status="complete", callback=TOLD, key="c")
        await account.exchange.sleep(1_000_000_000)

    steps = ((dtmf_digits(CARD), "keys"), 2.0, "#123", 4.5, "#1230", 5.0)
    account = on_call(tmp_path, agent, *steps)
    told = account.app.asked("/told")
    first = told[0]
    assert first["Sid"].startswith("PK")
    assert (first["PaymentConnector"], first["ChargeAmount"]) == ("Default", "12.00")
    assert "Capture" not in first
    assert told[1]["Required"] == "payment-card-number,expiration-date,security-code"
    assert told[1]["PartialResult"] == "true"
    assert told[5]["PaymentCardNumber"] == "xxxx"
    whole = [each for each in told if each.get("PartialResult") == "false"]
    assert [each["Capture"] for each in whole] == [
        *("payment-card-number", "security-code", "expiration-date"),
    ]
    assert whole[0]["PaymentCardNumber"] == "xxxxxxxxxxxx1111"
    assert whole[0]["Required"] == "expiration-date,security-code"
    assert whole[1]["SecurityCode"] == "xxx"
    assert (whole[2]["Required"], whole[2]["ExpirationDate"]) == ("", "1230")
    last = told[-1]
    assert (last["Result"], last["PaymentToken"]) == ("success", "")
    assert last["PaymentConfirmationCode"].startswith("ch_")
    assert ends(account) == ["payment.success"]
    # The agent has not heard the tones, and neither has the recording.
    customer, agent_heard = account.media()
    assert found_keys(customer) == found_keys(agent_heard) == ""


def test_a_session_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    found: list[tuple[int, int]] = []

    async def agent(account: AccountStage, call: str) -> None:
        payments = account.service.payments

        def refused(do: Callable[[], Any]) -> None:
            with pytest.raises(TwilioError) as error:
                do()
            found.append((error.value.status, error.value.code))

        def update(sid: str, key: str, **more: Any) -> Any:
            asked = {"capture": None, "status": None, **more}
            return payments.update(call, sid, callback=TOLD, key=key, **asked)

        refused(lambda: payments.start(call, order(amount="-1"), TOLD, "a"))
        refused(lambda: payments.start(call, order(connector="unknown"), TOLD, "a"))
        refused(lambda: payments.start("CA" + "0" * 32, order(), TOLD, "a"))
        record = payments.start(call, order(), TOLD, "a")
        update(record.sid, "capturing", capture="payment-card-number")
        await account.exchange.sleep(1_000_000_000)
        refused(lambda: payments.start(call, order(), TOLD, "b"))
        refused(lambda: update(record.sid, "c", status="complete"))
        refused(lambda: update("PK" + "0" * 32, "d", status="complete"))
        update(record.sid, "e", status="cancel")
        update(record.sid, "e", status="cancel")
        refused(lambda: update(record.sid, "f", capture="postal-code"))
        again = payments.start(call, order(), TOLD, "g")
        update(again.sid, "h", capture="security-code")
        await account.exchange.sleep(10_000_000_000)

    account = on_call(tmp_path, agent, "#123", 5.0)
    assert found == [
        *((400, 64003), (400, 64004), (400, 21220), (400, 64021), (400, 64019)),
        *((404, 20404), (400, 64021)),
    ]
    told = account.app.asked("/told")
    assert [each["Result"] for each in told if "Result" in each] == [
        *("transaction-cancelled", "caller-hung-up"),
    ]
    errors = [each["ErrorType"] for each in told if "ErrorType" in each]
    assert errors == ["invalid-card-number-security-code-capture-sequence"]


@pytest.mark.parametrize(("key", "wanted"), [("1", "success"), ("2", "transaction-cancelled")])
def test_a_piece_is_entered_twice_and_confirmed(tmp_path: Path, key: str, wanted: str) -> None:
    async def agent(account: AccountStage, call: str) -> None:
        payments = account.service.payments
        ordered = order(matching=("payment-card-number",), confirmation=True, security_code=False)
        sid = payments.start(call, ordered, TOLD, "a").sid
        card = "payment-card-number"
        for name in (card, f"{card}-matcher", card, f"{card}-matcher", "expiration-date"):
            payments.update(call, sid, capture=name, status=None, callback=TOLD, key=str(len(seen)))
            seen.append(name)
            await account.exchange.sleep(5_000_000_000)
        payments.update(call, sid, capture=None, status="complete", callback=TOLD, key="c")
        await account.exchange.sleep(12_000_000_000)

    seen: list[str] = []
    other = "5555555555554444"
    cards = [step for each in (CARD, other, CARD, CARD) for step in (f"#{each}", 1.8)]
    account = on_call(tmp_path, agent, *cards, "#1230", 10.0, f"#{key}", 5.0)
    told = account.app.asked("/told")
    assert told[-1]["Result"] == wanted
    assert [each["ErrorType"] for each in told if "ErrorType" in each] == ["input-matching-failed"]
    assert told[1]["Required"] == "payment-card-number,payment-card-number-matcher,expiration-date"
