"""A machine that can carry no more calls refuses new ones; those under way know nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from test_twiml_calls import HELLO, PATH, YES, on_account, place_of

from mediasim.exchange.records import CallRecord
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import CallRequest, TwimlSource

DIAL = f'<Response><Dial action="/after" record="record-from-answer-dual">{BOB}</Dial></Response>'


def alice_calls(
    directory: Path, overloaded: Callable[[AccountStage], bool], meanwhile: Any = None
) -> AccountStage:
    """Alice calls the app, which dials Bob; ``overloaded`` tells from then on."""

    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice")
        account.app.answers["/voice"] = DIAL
        account.app.answers["/after"] = "<Response/>"
        account.telephone(ALICE, 3.0, HELLO, 3.0, "hangup")
        account.telephone(BOB, 0.5, YES)
        account.service.place_inbound(ALICE, APP_NUMBER, account.phones[ALICE])
        account.exchange.plane.overloaded = lambda: overloaded(account)
        if meanwhile is not None:
            await meanwhile(account)

    return on_account(directory, main)


def warnings(account: AccountStage) -> list[tuple[int, str]]:
    return [(each.error_code, each.log) for each in account.service.notifications]


def test_a_call_that_the_app_makes_is_refused_and_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(account: AccountStage) -> None:
        account.exchange.plane.overloaded = lambda: True
        ask = CallRequest(to=BOB, from_=ALICE, source=TwimlSource(url=f"{APP}/voice"))
        with pytest.raises(TwilioError, match="no time left for more calls") as refused:
            account.service.create_call(ask)
        assert (refused.value.status, refused.value.code) == (429, 20429)

    with caplog.at_level(logging.WARNING):
        account = on_account(tmp_path, main)
    assert not account.exchange.catalogue.calls()
    assert not account.app.requests
    assert warnings(account) == [(20429, "1")]
    assert f"a call to {BOB} is refused" in caplog.text


def test_who_calls_the_app_is_refused(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice")
        account.exchange.plane.overloaded = lambda: True
        phone = account.telephone(ALICE)
        with pytest.raises(TwilioError) as refused:
            account.service.place_inbound(ALICE, APP_NUMBER, phone)
        assert refused.value.status == 429
        account.exchange.plane.overloaded = lambda: False
        account.app.answers["/voice"] = "<Response><Hangup/></Response>"
        account.service.place_inbound(ALICE, APP_NUMBER, phone)

    account = on_account(tmp_path, main)
    assert [call.status for call in account.exchange.catalogue.calls()] == ["completed"]


def test_a_dialled_leg_fails_and_the_app_is_told_so(tmp_path: Path) -> None:
    account = alice_calls(tmp_path, lambda _: True)
    assert account.app.told("/after", "DialCallStatus") == ["failed"]
    child = next(call for call in account.exchange.catalogue.calls() if call.parent_call_sid)
    assert child.status == "failed"
    assert warnings(account) == [(20429, "1")]
    assert account.service.notifications[0].call_sid == child.parent_call_sid


def test_calls_under_way_go_on_and_are_recorded_whole(tmp_path: Path) -> None:
    def answered(call: CallRecord) -> bool:
        return call.status == "in-progress"

    refused: list[int] = []

    async def third_call(account: AccountStage) -> None:
        await account.exchange.sleep(4_500_000_000)
        ask = CallRequest(to=BOB, from_=ALICE, source=TwimlSource(url=f"{APP}/voice"))
        with pytest.raises(TwilioError) as error:
            account.service.create_call(ask)
        refused.append(error.value.status)

    account = alice_calls(
        tmp_path,
        lambda account: sum(map(answered, account.exchange.catalogue.calls())) == 2,
        third_call,
    )
    assert refused == [429]
    parent, child = account.media()
    assert place_of(parent, HELLO) == (3 - 1) * 8000 + PATH
    assert place_of(child, YES) == 4000 + PATH
    assert account.app.told("/after", "DialCallStatus") == ["completed"]
