"""The debugger's webhook: one signed request for each error and warning."""

from __future__ import annotations

import json
from pathlib import Path

from account_stage import ALICE, APP, APP_NUMBER, AccountStage
from meeting import on_account

from mediasim.twilio.ports import HttpAnswer


def in_trouble(tmp_path: Path, debugger: str = "/debugger") -> AccountStage:
    """A call whose app answers with a verb that is unknown, then with no TwiML at all."""

    async def main(account: AccountStage) -> None:
        account.service.debugger_url = APP + debugger
        account.app.answers["/voice"] = "<Response><Sing/><Redirect>/next</Redirect></Response>"
        account.app.answers["/next"] = "<Response"
        account.app.answers["/broken"] = HttpAnswer(500, {}, b"")
        phone = account.telephone(ALICE, 5.0)
        account.service.place_inbound(ALICE, APP_NUMBER, phone)

    return on_account(tmp_path, main)


def test_each_notification_is_posted_once(tmp_path: Path) -> None:
    account = in_trouble(tmp_path)
    posted = account.app.asked("/debugger")
    notes = account.service.notifications
    assert len(notes) >= 2
    assert [each["Sid"] for each in posted] == [each.sid for each in notes]
    assert {each["Level"] for each in posted} == {"ERROR", "WARNING"}
    for each, note in zip(posted, notes, strict=True):
        payload = json.loads(each["Payload"])
        assert payload["error_code"] == str(note.error_code)
        assert payload["resource_sid"] == note.call_sid
        assert payload["more_info"]["Msg"] == note.message_text
        assert payload["webhook"]["request"]["url"] == note.request_url
        assert payload["webhook"]["request"]["parameters"]["CallSid"] == note.call_sid
        assert each["Timestamp"].startswith("2026-01-05T09:00:0")
        assert each["ParentAccountSid"] == ""


def test_a_debugger_that_is_not_there_does_not_report_itself(tmp_path: Path) -> None:
    account = in_trouble(tmp_path, "/broken")
    kinds = [each.error_code for each in account.service.notifications]
    assert len(set(kinds)) == len(kinds) == len(account.app.asked("/broken")) // 1
