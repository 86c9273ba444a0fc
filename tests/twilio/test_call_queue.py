"""The queue of calls that the API places, and the countries that may be called."""

from __future__ import annotations

from pathlib import Path

import pytest
from account_stage import ALICE, APP_NUMBER, BOB, AccountStage
from meeting import comes, on_account, until

from mediasim.exchange.records import CallRecord
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import CallRequest, TwimlSource
from mediasim.twilio.rules import (
    CallLimits,
    DialingPermission,
    DialingPermissions,
    RulesSettings,
    countries_of,
)

SHORT = TwimlSource(twiml="<Response><Pause length='2'/></Response>")
SECOND = 1_000_000_000


def placed(account: AccountStage, count: int) -> list[CallRecord]:
    account.telephone(BOB, after=0.1)
    ask = CallRequest(BOB, APP_NUMBER, SHORT)
    return [account.service.create_call(ask) for _ in range(count)]


def test_so_many_a_second_are_dialled(tmp_path: Path) -> None:
    calls: list[CallRecord] = []

    async def main(account: AccountStage) -> None:
        account.service.rules.settings = RulesSettings(limits=CallLimits(per_second=2))
        calls.extend(placed(account, 4))
        # A call that comes in does not wait, and nobody waits for it.
        comes(account, ALICE, "<Hangup/>")
        await until(account, 10)
        calls.extend(placed(account, 1))

    on_account(tmp_path, main)
    assert [call.queue_ms for call in calls] == [0, 500, 1000, 1500, 0]
    answered = [(call.answered_ns or 0) / SECOND for call in calls]
    assert answered == pytest.approx([0.1, 0.6, 1.1, 1.6, 10.1], abs=0.03)


def test_the_queue_has_an_end(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.service.rules.settings = RulesSettings(limits=CallLimits(per_second=1 / 50_000))
        placed(account, 2)
        with pytest.raises(TwilioError) as full:
            placed(account, 2)
        assert (full.value.status, full.value.code) == (429, 22005)
        for session in list(account.service.sessions.values()):
            session.end("canceled")

    on_account(tmp_path, main)


def test_a_dial_in_the_document_of_a_noun_is_passed_over(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, after=0.1)
        answers = account.app.answers
        answers["/screen"] = f"<Response><Dial>{ALICE}</Dial><Pause/></Response>"
        comes(
            account, ALICE, f"<Dial timeLimit='1'><Number url='/screen'>{BOB}</Number></Dial>", 9.0
        )

    account = on_account(tmp_path, main)
    (note,) = account.service.notifications
    assert (note.error_code, note.log) == (13201, "0")
    child = account.exchange.catalogue.calls()[1]
    assert (child.to, child.status, child.duration_seconds()) == (BOB, "completed", 2)


def test_what_may_be_called() -> None:
    permissions = DialingPermissions(lambda: countries_of(["+14155550100", "+442071838750"]))
    permitted = {
        "+14155550177": True,
        "+442071838751": True,
        "+449098790000": False,  # premium rate
        "+4930901820": False,
        "+999": True,  # of no country
        "client:bob": True,
    }
    assert {number: permissions.permits(number) for number in permitted} == permitted
    permissions.put(DialingPermission("GB", False, True, False))
    assert not permissions.permits("+442071838751")
    assert permissions.permits("+449098790000")
    assert [each.iso_code for each in permissions.changed()] == ["GB"]
    assert DialingPermissions().permits("+449098790000")
