"""Elastic SIP Trunking: calls without a document, both ways, recorded as their trunk says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from meeting import PATH, on_account, place_of, words

from mediasim.exchange.records import CallRecord
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.representations import call_json, recording_json
from mediasim.twilio.requests import CallUpdate, TwimlSource
from mediasim.twilio.sip.records import AccessListRecord, MappingRecord
from mediasim.twilio.sip.trunks import OriginationUrlRecord, RecordingMode, TrunkRecord

HELLO, YES = words(1, 1.0), words(2, 1.0)
DOMAIN = "office.pstn.twilio.com"
PBX = "sip:pbx@pbx.example.com"


def add_trunk(
    account: AccountStage, *urls: tuple[str, int, int], mode: RecordingMode, **more: Any
) -> TrunkRecord:
    """A trunk whose calls need no password, with the number of the app; URLs with priority and
    weight."""
    service, sip = account.service, account.service.sip
    trunk = TrunkRecord(
        service.new_sid("TK"), service.sid, 0, domain_name=DOMAIN, recording_mode=mode, **more
    )
    sip.trunks.add(trunk)
    acl = AccessListRecord(service.new_sid("AL"), service.sid, "office", 0)
    sip.access_lists.add(acl)
    key = MappingRecord.sid_of(trunk.sid, acl.sid, "calls")
    sip.mappings.add(MappingRecord(key, service.sid, trunk.sid, acl.sid, "calls", 0))
    for sip_url, priority, weight in urls:
        sid = service.new_sid("OU")
        sip.origination_urls.add(
            OriginationUrlRecord(
                sid, service.sid, trunk.sid, sid, sip_url, 0, priority=priority, weight=weight
            )
        )
    number = service.own_number(APP_NUMBER)
    assert number is not None
    number.trunk_sid = trunk.sid
    return trunk


def pbx_calls(account: AccountStage, number: str = BOB, *steps: Any) -> CallRecord:
    """The customer's exchange calls a number over its trunk."""
    phone = account.telephone("sip:pbx@office", *(steps or (0.5, HELLO, 1.0, "hangup")))
    return account.service.place_inbound(ALICE, f"sip:{number}@{DOMAIN}", phone)


MODES: dict[RecordingMode, tuple[int, float] | None] = {
    "do-not-record": None,
    "record-from-ringing": (1, 2.0),
    "record-from-answer": (1, 0.0),
    "record-from-ringing-dual": (2, 2.0),
    "record-from-answer-dual": (2, 0.0),
}
"""Channels of a plain download, and seconds of ringing in the recording."""


@pytest.mark.parametrize("way", ["terminating", "originating"])
def test_a_trunks_calls_are_recorded_as_it_says(tmp_path: Path, way: str) -> None:
    """Both legs in one call resource, the caller in the first channel, and nothing told."""
    for mode, wanted in MODES.items():

        async def main(
            account: AccountStage,
            mode: RecordingMode = mode,
            wanted: tuple[int, float] | None = wanted,
        ) -> None:
            trunk = add_trunk(account, (PBX, 10, 10), mode=mode)
            callee = BOB if way == "terminating" else PBX
            account.telephone(callee, 0.2, YES, 20.0, after=2.0)
            if way == "terminating":
                record = pbx_calls(account)
            else:
                caller = account.telephone(ALICE, 0.5, HELLO, 1.0, "hangup")
                record = account.service.place_inbound(ALICE, APP_NUMBER, caller)
            await account.over()
            dates = account.service.dates
            (shown,) = (
                call_json(each, dates) for each in account.service.catalogue.call_resources()
            )
            to = BOB if way == "terminating" else APP_NUMBER
            assert (shown["from"], shown["to"], shown["sid"]) == (ALICE, to, record.sid)
            assert (shown["direction"], shown["trunk_sid"]) == (f"trunking-{way}", trunk.sid)
            assert (shown["status"], shown["parent_call_sid"]) == ("completed", None)
            assert shown["duration"] in ("2", "3")
            assert account.app.requests == []
            recordings = account.service.catalogue.recordings()
            if wanted is None:
                assert recordings == []
                return
            channels, ringing = wanted
            (recording,) = recordings
            told = recording_json(recording, dates)
            assert (told["source"], told["call_sid"]) == ("Trunking", record.sid)
            assert recording.layout.plain_channels == channels
            caller_channel, callee_channel = account.media()
            begun = PATH + round(ringing * 8000)
            assert place_of(caller_channel, HELLO) == begun + 4000
            assert place_of(callee_channel, YES) == begun + 1600

        on_account(tmp_path / mode, main)


def test_trunk_recordings_are_trimmed(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        mode: RecordingMode = "record-from-ringing-dual"
        add_trunk(account, mode=mode, recording_trim="trim-silence")
        account.telephone(BOB, 1.0, YES, 20.0)
        pbx_calls(account)
        await account.over()
        loud = np.abs(account.media()).max(axis=0) > 300
        assert loud[:320].any()
        assert loud[-320:].any()

    on_account(tmp_path, main)


@pytest.mark.parametrize(
    ("outcomes", "status", "asked"),
    [
        ({}, "failed", 1),
        ({"first": "failed", "second": "answer"}, "completed", 0),
        ({"first": "busy", "second": "answer"}, "busy", 0),
        ({"first": "no-answer", "second": "answer"}, "no-answer", 0),
        ({"first": "failed", "second": "failed"}, "completed", 1),
    ],
)
def test_origination_urls_are_tried_in_their_order(
    tmp_path: Path, outcomes: dict[str, str], status: str, asked: int
) -> None:
    """The next one if one fails; then the disaster recovery URL, whose document answers."""

    async def main(account: AccountStage) -> None:
        urls = [(f"sip:{name}@pbx.example.com", n, 10) for n, name in enumerate(outcomes)]
        for (url, *_), outcome in zip(urls, outcomes.values(), strict=True):
            account.telephone(url, 5.0, "hangup", outcome=outcome)
        disaster = f"{APP}/disaster" if asked else None
        add_trunk(account, *reversed(urls), mode="do-not-record", disaster_recovery_url=disaster)
        account.app.answers["/disaster"] = (
            "<Response><Say>The office is closed.</Say></Response>" if outcomes else "<Response/>"
        )
        caller = account.telephone(ALICE)
        record = account.service.place_inbound(ALICE, APP_NUMBER, caller)
        await account.over()
        assert record.status == status
        assert len(account.app.asked("/disaster")) == asked
        codes = [each.error_code for each in account.service.notifications]
        assert codes == ([] if outcomes else [32010])
        assert {each.call_sid for each in account.service.notifications} <= {record.sid}

    on_account(tmp_path, main)


def test_weights_share_the_calls_of_one_priority(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        urls = ("sip:often@pbx.example.com", 1, 30), ("sip:seldom@pbx.example.com", 1, 10)
        for url, *_ in urls:
            account.telephone(url, "hangup")
        add_trunk(account, *urls, mode="do-not-record")
        caller = account.telephone(ALICE)
        for _ in range(40):
            account.service.place_inbound(ALICE, APP_NUMBER, caller)
        await account.over()
        legs = [each.to for each in account.service.catalogue.calls() if each.to != APP_NUMBER]
        assert len(legs) == 40
        assert 22 <= legs.count("sip:often@pbx.example.com") <= 38

    on_account(tmp_path, main)


def test_a_url_without_a_user_is_sent_the_number(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        url = "sip:pbx.example.com;transport=tcp"
        add_trunk(account, (url, 10, 10), mode="do-not-record", cnam_lookup_enabled=True)
        reached = f"sip:{APP_NUMBER}@pbx.example.com;transport=tcp"
        account.telephone(reached, 1.0, "hangup")
        record = account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE))
        await account.over()
        assert record.status == "completed"
        assert [each.to for each in account.service.catalogue.calls()] == [APP_NUMBER, reached]

    on_account(tmp_path, main)


@pytest.mark.parametrize(("outcome", "status"), [("busy", "busy"), ("failed", "failed")])
def test_a_callee_that_does_not_answer_ends_the_customers_call(
    tmp_path: Path, outcome: str, status: str
) -> None:
    async def main(account: AccountStage) -> None:
        add_trunk(account, mode="record-from-answer")
        account.telephone(BOB, outcome=outcome)
        record = pbx_calls(account)
        await account.over()
        assert record.status == status
        assert account.service.catalogue.recordings() == []

    on_account(tmp_path, main)


def test_what_a_trunk_does_not_take(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        trunk = add_trunk(account, mode="do-not-record")
        phone = account.telephone("sip:pbx@office")

        def refusal(to: str) -> tuple[int, int]:
            with pytest.raises(TwilioError) as told:
                account.service.place_inbound(ALICE, to, phone)
            return told.value.status, told.value.code

        record = account.service.place_inbound(ALICE, f"sip:{BOB}@{DOMAIN}", phone)
        await account.exchange.sleep(3_000_000_000)
        with pytest.raises(TwilioError, match="follows no TwiML"):
            account.service.update_call(
                record.sid, CallUpdate(source=TwimlSource(twiml="<Response/>"))
            )
        account.service.update_call(record.sid, CallUpdate(status="completed"))
        await account.over()
        assert record.status == "completed"
        account.service.delete_call(record.sid)
        assert account.service.catalogue.calls() == []
        assert refusal(f"sip:4155550100@{DOMAIN}") == (400, 32101)
        assert refusal(f"sip:{BOB}@other.pstn.twilio.com") == (404, 20404)
        account.service.sip.drop_mappings(trunk.sid)
        assert refusal(f"sip:{BOB}@{DOMAIN}") == (403, 32200)

    on_account(tmp_path, main)
