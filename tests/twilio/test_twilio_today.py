"""Sentences of Twilio's pages as they are today, each where it was once understood otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from meeting import on_account, place_of, words

from mediasim.exchange.records import CallRecord
from mediasim.twilio.requests import (
    Callback,
    CallRequest,
    CallUpdate,
    RecordingRequest,
    TwimlSource,
)

HELLO, YES = words(1, 1.0), words(2, 1.0)
EVERYTHING = Callback(f"{APP}/status", events=("initiated", "ringing", "answered", "completed"))


def dials(account: AccountStage, twiml: str, **more: Any) -> CallRecord:
    """Call Bob, who gets this document."""
    source = TwimlSource(twiml=f"<Response>{twiml}</Response>")
    return account.service.create_call(
        CallRequest(BOB, APP_NUMBER, source, status_callback=EVERYTHING, **more)
    )


def alice_calls(account: AccountStage, twiml: str, *steps: Any) -> CallRecord:
    account.app.answers["/voice"] = f"<Response>{twiml}</Response>"
    return account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE, *steps))


# -- status callbacks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status", "code", "seconds"),
    [
        ("answer", "completed", "200", "2"),
        ("busy", "busy", "486", "0"),
        ("no-answer", "no-answer", "487", "0"),
        ("failed", "failed", "404", "0"),
    ],
)
def test_the_last_callback_has_a_response_code_and_a_duration(
    tmp_path: Path, outcome: str, status: str, code: str, seconds: str
) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, outcome=outcome)
        record = dials(account, "<Pause length='2'/>")
        await account.over()
        last = account.app.asked("/status")[-1]
        told = (last["CallStatus"], last["SipResponseCode"], last["CallDuration"])
        assert told == (status, code, seconds)
        assert record.started_ns is not None, "it was dialled"
        assert "StirStatus" not in last
        for each in account.app.asked("/status")[1:-1]:
            assert each["StirStatus"] == "A"
            assert "SipResponseCode" not in each

    on_account(tmp_path, main)


def test_a_call_canceled_while_it_rings_is_told_and_one_that_was_queued_is_not(
    tmp_path: Path,
) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, after=10)
        queued = dials(account, "<Pause/>")
        account.service.update_call(queued.sid, CallUpdate("canceled"))
        ringing = dials(account, "<Pause/>")
        await asyncio.sleep(3)
        account.service.update_call(ringing.sid, CallUpdate("canceled"))
        await account.over()
        ends = [it for it in account.app.asked("/status") if it["CallStatus"] == "canceled"]
        assert [(it["CallSid"], it["SipResponseCode"]) for it in ends] == [(ringing.sid, "487")]
        assert queued.started_ns is None

    on_account(tmp_path, main)


@pytest.mark.parametrize("by", ["Record", "api"])
def test_the_last_callback_tells_of_a_recording_only_if_the_call_asked_for_it(
    tmp_path: Path, by: str
) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, HELLO)
        recording = RecordingRequest()
        more = {"recording": recording} if by == "Record" else {}
        record = dials(account, "<Pause length='3'/>", **more)
        await asyncio.sleep(2)
        if by == "api":
            account.service.start_recording(record.sid, recording)
        await account.over()
        assert account.exchange.catalogue.recordings()[0].status == "completed"
        assert ("RecordingSid" in account.app.asked("/status")[-1]) == (by == "Record")

    on_account(tmp_path, main)


# -- verbs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout", "rings"), [("7", 12.0), ("1", 10.0), ("900", 605.0)])
def test_five_seconds_are_added_to_a_dials_timeout(
    tmp_path: Path, timeout: str, rings: float
) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, outcome="no-answer")
        alice_calls(account, f'<Dial timeout="{timeout}">{BOB}</Dial>')

    account = on_account(tmp_path, main)
    child = account.exchange.catalogue.calls()[1]
    assert child.ended_ns is not None
    assert (child.status, (child.ended_ns - child.created_ns) / 1e9) == ("no-answer", rings)


@pytest.mark.parametrize(
    ("attributes", "after"), [('timeout="3"', 3.0), ('timeout="3" speechTimeout="1"', 1.0)]
)
def test_speech_ends_after_the_silence_of_the_timeout(
    tmp_path: Path, attributes: str, after: float
) -> None:
    async def main(account: AccountStage) -> None:
        alice_calls(
            account,
            f'<Gather input="speech" action="/heard" {attributes}/>',
            *(1.0, (HELLO, "hello"), 30.0),
        )
        account.app.answers["/heard"] = "<Response><Hangup/></Response>"

    account = on_account(tmp_path, main)
    (call,) = account.exchange.catalogue.calls()
    assert call.answered_ns is not None
    assert call.ended_ns is not None
    assert (call.ended_ns - call.answered_ns) / 1e9 == pytest.approx(2.0 + after, abs=0.2)


def test_speech_is_gathered_for_a_minute_at_most(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        alice_calls(
            account,
            '<Gather input="speech" action="/heard"/>',
            *((words(3, 90.0), "so many words"), 30.0),
        )
        account.app.answers["/heard"] = "<Response><Hangup/></Response>"

    account = on_account(tmp_path, main)
    (call,) = account.exchange.catalogue.calls()
    assert call.answered_ns is not None
    assert call.ended_ns is not None
    assert (call.ended_ns - call.answered_ns) / 1e9 == pytest.approx(60.0, abs=0.5)


def test_a_message_without_a_timeout_is_not_ended_by_silence(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        alice_calls(
            account,
            '<Record timeout="0" maxLength="40" trim="do-not-trim" action="/done"/>',
            *(1.0, HELLO, 60.0),
        )
        account.app.answers["/done"] = "<Response><Hangup/></Response>"

    account = on_account(tmp_path, main)
    assert account.media().shape[1] == 40 * 8000


@pytest.mark.parametrize("noun", ["Gather", "Record"])
def test_a_relative_action_of_a_document_without_a_url_leads_nowhere(
    tmp_path: Path, noun: str
) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, 0.5, "#5", 30.0)
        dials(account, f'<{noun} playBeep="false" numDigits="1" action="/next"/>')

    account = on_account(tmp_path, main)
    assert not account.app.asked("/next")
    assert 11100 in [each.error_code for each in account.service.notifications]


# -- Dial's record around a conference ----------------------------------------------------------


@pytest.mark.parametrize("record", ["record-from-answer-dual", "record-from-ringing", "true"])
def test_a_dial_records_its_leg_of_a_conference(tmp_path: Path, record: str) -> None:
    room = "<Conference beep='false' waitUrl=''>room</Conference>"

    async def main(account: AccountStage) -> None:
        dial = f'<Dial record="{record}" action="/after">{room}</Dial>'
        alice_calls(account, dial, 2.0, HELLO, 4.0, "hangup")
        await asyncio.sleep(1)
        account.telephone(BOB, 3.0, YES, 6.0)
        dials(account, f"<Dial>{room}</Dial>")

    account = on_account(tmp_path, main)
    (recording,) = account.exchange.catalogue.recordings()
    alice = account.exchange.catalogue.calls()[0]
    assert (recording.source, recording.call_sid) == ("DialVerb", alice.sid)
    first, second = account.media()
    assert place_of(first, HELLO) >= 0
    assert place_of(first, YES) == -1
    assert place_of(second, YES) >= 0
    assert place_of(second, HELLO) == -1
    assert np.count_nonzero(first[:8000]) == 0, "nobody has spoken yet"
    assert account.app.told("/after", "RecordingSid") == [recording.sid]
