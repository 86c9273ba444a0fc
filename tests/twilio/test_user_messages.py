"""User-defined messages: between an app and telephones, which are plugged in at one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from account_stage import ALICE, APP, APP_NUMBER, TOKEN, AccountStage
from test_twiml_calls import codes, on_account
from twilio.request_validator import RequestValidator

from mediasim.exchange.events import UserMessageEvent
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import Callback


def during_a_call(
    directory: Path, work: Callable[[AccountStage, str], Any], twiml: str = '<Pause length="9"/>'
) -> AccountStage:
    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice")
        account.app.answers["/voice"] = f"<Response>{twiml}</Response>"
        call = account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE))
        await account.exchange.sleep(1_000_000_000)
        await work(account, call.sid)

    return on_account(directory, main)


def test_a_telephone_is_plugged_in(tmp_path: Path) -> None:
    taken: list[tuple[str, str]] = []

    async def work(account: AccountStage, call: str) -> None:
        messages = account.service.user_messages
        messages.connect(call, lambda sid, content: taken.append((sid, content)))
        first = messages.send(call, '{"a": 1}', "key")
        assert messages.send(call, '{"a": 1}', "key") is first
        messages.subscribe(call, Callback(f"{APP}/said"))
        messages.subscribe(call, Callback(f"{APP}/asked", "GET"))
        sid = messages.receive(call, '{"b": 2}')
        await account.webhooks.settled()
        assert account.app.asked("/asked")[0]["Sid"] == sid
        taken.append((first.sid, "sent"))

    account = during_a_call(tmp_path, work)
    (sid, content), (sent, _) = taken
    assert (sid, content) == (sent, '{"a": 1}')
    kinds = [
        (each.kind, each.content)
        for each in account.exchange.events.log
        if isinstance(each, UserMessageEvent)
    ]
    assert kinds == [("user-message.received", '{"a": 1}'), ("user-message.sent", '{"b": 2}')]
    (delivery,) = [each for each in account.webhooks.deliveries if each.url.endswith("/said")]
    attempt = delivery.attempts[0]
    assert attempt.headers["Content-Type"] == "application/json"
    assert "bodySHA256=" in attempt.url
    signed = attempt.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(attempt.url, attempt.body, signed)
    body = json.loads(attempt.body)
    assert {name: body[name] for name in ("ContentType", "Content", "SequenceNumber")} == {
        "ContentType": "application/json",
        "Content": '{"b": 2}',
        "SequenceNumber": "0",
    }
    assert body["Timestamp"].endswith("GMT") or body["Timestamp"].endswith("+0000")


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        ("", "application/json", 32702),
        ("{no", "application/json", 32702),
        ('"' + "x" * 10_240 + '"', "application/json", 32702),
        ("{}", "text/plain", 32701),
    ],
)
def test_what_is_no_message(tmp_path: Path, content: str, kind: str, code: int) -> None:
    async def work(account: AccountStage, call: str) -> None:
        with pytest.raises(TwilioError) as refused:
            account.service.user_messages.receive(call, content, kind)
        assert refused.value.code == code

    during_a_call(tmp_path, work)


def test_a_telephone_that_takes_none_is_noted(tmp_path: Path) -> None:
    """The call that comes in over the account's own line has no telephone to take messages."""

    async def work(account: AccountStage, call: str) -> None:
        inner = [each.sid for each in account.service.catalogue.calls()][-1]
        assert inner != call
        assert account.service.user_messages.send(inner, "{}").sid.startswith("KX")

    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice")
        account.number("+15550100009", "/inner")
        account.app.answers["/voice"] = "<Response><Dial>+15550100009</Dial></Response>"
        account.app.answers["/inner"] = "<Response><Pause length='5'/></Response>"
        call = account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE, 6.0))
        await account.exchange.sleep(3_000_000_000)
        await work(account, call.sid)

    account = on_account(tmp_path, main)
    assert 32710 in codes(account)


def test_a_call_that_is_over_takes_none(tmp_path: Path) -> None:
    async def work(account: AccountStage, call: str) -> None:
        await account.exchange.sleep(20_000_000_000)
        messages = account.service.user_messages
        for do in (
            lambda: messages.send(call, "{}"),
            lambda: messages.subscribe(call, Callback(APP)),
        ):
            with pytest.raises(TwilioError) as refused:
                do()
            assert refused.value.code == 21220

    during_a_call(tmp_path, work)
