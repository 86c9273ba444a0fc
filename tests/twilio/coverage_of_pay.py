"""Scenes of payments, of messages between an app and a client, and of Voice Insights."""

from __future__ import annotations

import json
from typing import Any, Final

from account_stage import APP, BOB
from coverage_stage import NAMED, YES, Asked, Play, Scene, Stage
from meeting import until

from mediasim.twilio.payments import PayConnector

__all__ = ["PAY_SCENES", "PAY_TWIML"]

CARD: Final = "4111111111111111"
VISA: Final = (0.5, f"#{CARD}", 0.5, "#1230", 0.5, "#123", 0.5, "#94105", 2.0, "hangup")
AMEX: Final = (0.5, "#378282246310005", 0.5, "#0140", 0.5, "#1234", 0.5, "#94105", 2.0, "hangup")
BANK: Final = (0.5, "#121181976", 0.5, "#508862392#", 4.0, "hangup")
CONNECTORS: Final = {
    "Default": PayConnector(url=f"{APP}/gateway"),
    "no": PayConnector("no"),
    "yes": PayConnector(),
}
PROMPTS: Final = "".join(
    f'<Prompt for="{step}"><Pause length="0"/></Prompt>'
    for step in (
        *("payment-card-number", "expiration-date", "security-code", "postal-code"),
        *("payment-processing", "bank-routing-number", "bank-account-number"),
    )
)
"""Prompts of no length."""


def gateway(stage: Stage) -> None:
    """Put a payment processor beside the app."""
    stage.service.payments.connectors = CONNECTORS
    stage.app.answers["/gateway"] = json.dumps({"charge_id": "c1", "token_id": "t1"})


class Paying(Scene):
    """The document, in an account that has a payment processor."""

    def play(self, text: str) -> Play:
        inner = super().play(text)

        async def play(stage: Stage) -> None:
            gateway(stage)
            await inner(stage)

        return play


def pay(more: str, shows: dict[str, str], *steps: Any, inside: str = PROMPTS) -> Paying:
    document = f'<Pay statusCallback="/told" action="/paid" {more} ¤>{inside}</Pay><Pause/>'
    return Paying("Pay", document, shows, steps or VISA)


def prompt(rest: str, name: str, value: str, *steps: Any, more: str = "") -> Paying:
    document = f"<Pay {more}><Prompt {rest} ¤><Say>it is this one</Say></Prompt></Pay>"
    return Paying("Prompt", document, {name: value}, steps or (7.0, *VISA))


PAY_TWIML: Final[tuple[Scene, ...]] = (
    pay(
        "",
        {
            "securityCode": "false",
            "postalCode": "false",
            "validCardTypes": "amex",
            "chargeAmount": "12.50",
            "description": "Tickets",
            "paymentConnector": "no",
            "confirmation": "true",
            "requireMatchingInputs": "security-code",
            "minPostalCodeLength": "6",
            "input": "speech",
        },
    ),
    pay('chargeAmount="12.50"', {"currency": "eur"}),
    pay('paymentConnector="yes"', {"tokenType": "one-time"}),
    pay('timeout="1"', {"maxAttempts": "3"}, 12.0, "hangup"),
    pay("", {"timeout": "1"}, 12.0, "hangup"),
    pay("", {"language": "de-DE"}, 4.0, "#*", 1.0, "hangup", inside=""),
    pay("", {"paymentMethod": "ach-debit"}, *BANK),
    pay('paymentMethod="ach-debit"', {"bankAccountType": "consumer-savings"}, *BANK),
    Paying(
        "Pay",
        f"<Pay ¤>{PROMPTS}</Pay><Pause/>",
        {"action": "/paid", "statusCallback": "/t"},
        VISA,
    ),
    pay("", {"statusCallbackMethod": "GET"}),
    prompt("", "for", "payment-card-number", 4.0, "#*", 1.0, "hangup"),
    prompt('for="payment-card-number"', "attempt", "2", 4.0, "#*", 1.0, "hangup"),
    prompt('for="payment-card-number"', "errorType", "timeout", 4.0, "#*", 1.0, "hangup"),
    prompt(
        'for="security-code"',
        "cardType",
        "amex",
        7.0,
        f"#{CARD}",
        6.0,
        "#1230",
        4.0,
        "#*",
        1.0,
        "hangup",
    ),
    prompt(
        'for="bank-routing-number"',
        "requireMatchingInputs",
        "true",
        *(4.0, "#*", 1.0, "hangup"),
        more='paymentMethod="ach-debit"',
    ),
)
"""Each attribute of Pay and Prompt that acts is in one of these."""


# -- payments by REST --------------------------------------------------------------------------

TOLD: Final = {"StatusCallback": f"{APP}/told"}
PATH: Final = "Calls/{call}/Payments"
CAPTURES: Final = ("payment-card-number", "expiration-date", "security-code", "postal-code")


def takes_payment(*steps: Any, captures: tuple[str, ...] = CAPTURES, **form: str) -> Play:
    """An agent takes a payment in a call, piece by piece."""

    async def play(stage: Stage) -> None:
        gateway(stage)
        sid = stage.comes("<Pause length='30'/>", *(steps or (1.0, *VISA)))
        await until(stage, 0.5)
        path = f"Calls/{sid}/Payments"
        made = await stage.tried("POST", path, **({"IdempotencyKey": "a", **TOLD} | form))
        if "sid" not in made:
            return
        for number, each in enumerate(captures):
            again = {"IdempotencyKey": f"b{number}", **TOLD}
            await stage.ask("POST", f"{path}/{made['sid']}", Capture=each, **again)
            await until(stage, 1.0 + 4.5 * (number + 1))
        ends = {"IdempotencyKey": "c", "Status": "complete", **TOLD}
        await stage.ask("POST", f"{path}/{made['sid']}", **ends)

    return play


SLOW: Final = (1.0, f"#{CARD}", 1.6, "#1230", 4.0, "#123", 4.0, "#94105", 8.0, "hangup")
"""Each piece in its turn: a key takes a fifth of a second."""
BANK_PIECES: Final = ("bank-routing-number", "bank-account-number")


def changes_payment(**form: str) -> Play:
    """Change a payment under way, in which a card's security code is asked for."""

    async def play(stage: Stage) -> None:
        gateway(stage)
        sid = stage.comes("<Pause length='30'/>", 1.5, "#123", 5.0, "hangup")
        await until(stage, 0.5)
        path = f"Calls/{sid}/Payments"
        made = await stage.ask("POST", path, IdempotencyKey="a", **TOLD)
        await stage.tried("POST", f"{path}/{made['sid']}", **form)

    return play


def without(name: str) -> dict[str, str]:
    """What every request needs, but for one."""
    return {key: value for key, value in {"IdempotencyKey": "a", **TOLD}.items() if key != name}


def needs(**form: str) -> Play:
    """Ask for a payment with this form alone."""

    async def play(stage: Stage) -> None:
        gateway(stage)
        sid = stage.comes("<Pause length='3'/>", 2.0, "hangup")
        await until(stage, 0.5)
        await stage.tried("POST", f"Calls/{sid}/Payments", **form)

    return play


PAYMENTS = (
    Asked(PATH, needs(**TOLD), {"IdempotencyKey": "a"}),
    Asked(PATH, needs(IdempotencyKey="a"), TOLD),
    Asked(
        PATH,
        takes_payment(*SLOW),
        {
            "ChargeAmount": "12.50",
            "Description": "Tickets",
            "TokenType": "one-time",
            "PaymentConnector": "no",
            "Parameter": '{"order": "1"}',
            "PostalCode": "false",
            "SecurityCode": "false",
            "ValidCardTypes": "amex",
            "MinPostalCodeLength": "6",
            "RequireMatchingInputs": "security-code",
            "Input": "speech",
            "PaymentMethod": "ach-debit",
        },
    ),
    Asked(PATH, takes_payment(*SLOW, ChargeAmount="12.50"), {"Currency": "EUR"}),
    Asked(PATH, takes_payment(*SLOW[:-2], 2.0, "#1", 4.0, "hangup"), {"Confirmation": "true"}),
    Asked(
        PATH, takes_payment(1.0, "#4111", 12.0, "hangup", captures=CAPTURES[:1]), {"Timeout": "1"}
    ),
    Asked(
        PATH,
        takes_payment(
            *(1.0, "#121181976", 3.0, "#508862392#", 6.0, "hangup"),
            captures=BANK_PIECES,
            PaymentMethod="ach-debit",
        ),
        {"BankAccountType": "consumer-savings"},
    ),
    Asked(
        f"{PATH}/{{sid}}",
        changes_payment(IdempotencyKey="b", **TOLD),
        {"Capture": "security-code", "Status": "cancel"},
    ),
    Asked(f"{PATH}/{{sid}}", changes_payment(Status="cancel", **TOLD), {"IdempotencyKey": "b"}),
    Asked(f"{PATH}/{{sid}}", changes_payment(Status="cancel", IdempotencyKey="b"), TOLD),
)


# -- messages between an app and a client ------------------------------------------------------


def in_a_call(path: str, *, twice: bool = False, **form: str) -> Play:
    """Ask it of a call that is under way, twice with the same key if that is what is tried."""

    async def play(stage: Stage) -> None:
        sid = stage.comes("<Pause length='3'/>", 0.5, NAMED, 2.0, "hangup")
        await until(stage, 0.5)
        for _ in range(2 if twice else 1):
            await stage.tried("POST", f"Calls/{sid}/{path}", **form)

    return play


def subscribed(**form: str) -> Play:
    """Subscribe to the messages of a client, which sends one."""

    async def play(stage: Stage) -> None:
        sid = stage.comes("<Pause length='3'/>", 0.5, NAMED, 2.0, "hangup")
        await until(stage, 0.5)
        await stage.tried("POST", f"Calls/{sid}/UserDefinedMessageSubscriptions", **form)
        stage.service.user_messages.receive(sid, '{"a": 1}')

    return play


MESSAGES = (
    Asked(
        "Calls/{call}/UserDefinedMessages",
        in_a_call("UserDefinedMessages"),
        {"Content": '{"a": 1}'},
    ),
    Asked(
        "Calls/{call}/UserDefinedMessages",
        in_a_call("UserDefinedMessages", twice=True, Content='{"a": 1}'),
        {"IdempotencyKey": "a"},
    ),
    Asked(
        "Calls/{call}/UserDefinedMessageSubscriptions",
        subscribed(),
        {"Callback": f"{APP}/from-client"},
    ),
    Asked(
        "Calls/{call}/UserDefinedMessageSubscriptions",
        subscribed(Callback=f"{APP}/from-client"),
        {"Method": "GET"},
    ),
    Asked(
        "Calls/{call}/UserDefinedMessageSubscriptions",
        in_a_call("UserDefinedMessageSubscriptions", twice=True, Callback=f"{APP}/x"),
        {"IdempotencyKey": "a"},
    ),
)


# -- insights ----------------------------------------------------------------------------------


async def annotates(stage: Stage) -> None:
    stage.telephone(BOB, 0.5, YES, "hangup")
    sid = stage.comes("<Pause length='1'/>", 0.5, "hangup")
    await until(stage, 3)
    await stage.tried("POST", f"/v1/Voice/{sid}/Annotation")


async def sets_insights(stage: Stage) -> None:
    stage.names["$SUB"] = (await stage.ask("POST", "/Accounts"))["sid"]
    await stage.tried("POST", "/v1/Voice/Settings")


INSIGHTS = (
    Asked(
        "/v1/Voice/{call}/Annotation",
        annotates,
        {
            "AnsweredBy": "human",
            "ConnectivityIssue": "dropped_call",
            "QualityIssues": "choppy_robotic",
            "Spam": "true",
            "CallScore": "3",
            "Comment": "as expected",
            "Incident": "T1",
        },
    ),
    Asked("/v1/Voice/Settings", sets_insights, {"AdvancedFeatures": "false"}),
    Asked("/v1/Voice/Settings", sets_insights, {"SubaccountSid": "$SUB"}),
)
PAY_SCENES: Final[tuple[Asked, ...]] = (*PAYMENTS, *MESSAGES, *INSIGHTS)
"""Each parameter that acts of these is in one of them."""
