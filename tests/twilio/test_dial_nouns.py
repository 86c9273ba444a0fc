"""Whom Dial rings, in what order, and who it says is calling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from account_stage import ALICE, APP_NUMBER, BOB, CAROL, AccountStage
from meeting import on_account
from test_twiml_calls import YES, dialled, place_of

from mediasim.twilio.requests import DialRequest

BOTH = f"<Number>{BOB}</Number><Number>{CAROL}</Number>"


def test_one_after_the_other_until_somebody_answers(tmp_path: Path) -> None:
    account = dialled(
        tmp_path,
        'sequential="true" timeout="5" record="record-from-answer"',
        BOTH,
        bob=((), {"outcome": "no-answer"}),
        carol=((0.5, YES), {"after": 2.0}),
    )
    calls = {call.to: call for call in account.exchange.catalogue.calls()}
    assert (calls[BOB].status, calls[CAROL].status) == ("no-answer", "completed")
    assert calls[CAROL].created_ns == calls[BOB].created_ns + 10_000_000_000, "Twilio adds 5 s"
    assert place_of(account.media()[1], YES) >= 0
    assert account.app.told("/after", "DialCallSid") == [calls[CAROL].sid]


def test_the_second_is_not_rung_if_the_first_answers(tmp_path: Path) -> None:
    account = dialled(
        tmp_path,
        'sequential="true"',
        BOTH,
        bob=((0.5, YES, "hangup"), {"after": 2.0}),
        carol=((), {}),
    )
    assert [call.to for call in account.exchange.catalogue.calls()] == [APP_NUMBER, BOB]


def test_all_at_once_is_the_default(tmp_path: Path) -> None:
    account = dialled(
        tmp_path,
        'timeout="4"',
        BOTH,
        bob=((), {"outcome": "no-answer"}),
        carol=((), {"outcome": "busy"}),
    )
    born = {call.to: call.created_ns for call in account.exchange.catalogue.calls()}
    assert born[BOB] == born[CAROL]
    assert account.app.told("/after", "DialCallStatus") == ["busy"]


def test_the_callee_sees_the_caller_or_whom_the_app_says(tmp_path: Path) -> None:
    plain = dialled(tmp_path / "plain", "", BOB, bob=((0.5, "hangup"), {}))
    named = dialled(tmp_path / "named", f'callerId="{APP_NUMBER}"', BOB, bob=((0.5, "hangup"), {}))
    seen = [
        next(call.from_ for call in account.exchange.catalogue.calls() if call.to == BOB)
        for account in (plain, named)
    ]
    assert seen == [ALICE, APP_NUMBER]


def test_one_party_of_a_dial_is_recorded_in_one_channel(tmp_path: Path) -> None:
    account = dialled(
        tmp_path,
        'record="record-from-answer-dual" recordingTrack="outbound"',
        BOB,
        bob=((0.5, YES), {"after": 2.0}),
    )
    channels = account.media()
    assert len(channels) == 1
    assert place_of(channels[0], YES) >= 0
    assert not np.array_equal(channels[0][:800], account.exchange.ringback[:800])


@pytest.mark.parametrize(
    ("value", "channels", "from_ringing"),
    [
        ("do-not-record", None, False),
        ("record-from-answer", 2, False),
        ("record-from-ringing", 2, True),
        ("record-from-answer-dual", 2, False),
        ("record-from-ringing-dual", 2, True),
        ("true", 2, False),
        ("false", None, False),
    ],
)
def test_record_has_five_values_and_two_older_ones(
    tmp_path: Path, value: str, channels: int | None, from_ringing: bool
) -> None:
    account = dialled(tmp_path, f'record="{value}"', BOB, bob=((0.5, YES), {"after": 2.0}))
    recordings = account.exchange.catalogue.recordings()
    reported = [each.layout.stored_channels for each in recordings]
    assert reported == ([] if channels is None else [channels])
    if channels is not None:
        rung = np.array_equal(account.media()[1][:800], account.exchange.ringback[:800])
        assert rung == from_ringing


@pytest.mark.parametrize("address", [BOB, "client:bob", "sip:bob@example.com"])
def test_who_calls_a_telephone_itself_is_connected_without_a_document(
    tmp_path: Path, address: str
) -> None:
    async def main(account: AccountStage) -> None:
        caller = account.telephone(ALICE, 3.0, "hangup")
        account.telephone(address, 1.0, YES)
        account.service.place_from_client("client:ann", address, caller, DialRequest(address))

    account = on_account(tmp_path, main)
    parent, child = account.exchange.catalogue.calls()
    assert (child.parent_call_sid, child.to, child.from_) == (parent.sid, address, "client:ann")
    assert (parent.status, child.status) == ("completed", "completed")
    kinds = [event.kind for event in account.exchange.events.log]
    assert "call.bridged" in kinds
    assert not any(kind.startswith("twiml.") for kind in kinds)
    assert not account.service.notifications
