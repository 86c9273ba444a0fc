"""A recording that has ended is processed for a while: then its media is there, and it is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, AccountStage
from meeting import on_account, words

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.media_store import MediaStore
from mediasim.twilio.download import download
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import Callback

HELLO = words(1, 1.0)


def calls(account: AccountStage, document: str) -> None:
    account.exchange.processing_ns = 2 * NS_PER_SECOND
    account.app.answers["/voice"] = f"<Response>{document}</Response>"
    account.telephone(BOB, 1.0, words(2, 1.0), 2.0)
    phone = account.telephone(ALICE, 0.5, HELLO, 3.0)
    account.service.place_inbound(ALICE, APP_NUMBER, phone)


def status_of(account: AccountStage) -> str:
    (record,) = account.exchange.catalogue.recordings()
    return record.status


RECORD = '<Record action="/after" timeout="1" recordingStatusCallback="/recorded"/>'
DIAL = (
    '<Dial action="/after" record="record-from-answer" recordingStatusCallback="/recorded">'
    f"{BOB}</Dial>"
)


@pytest.mark.parametrize("document", [RECORD, DIAL])
def test_it_is_told_after_the_action_and_the_last_status_callback(
    tmp_path: Path, document: str
) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/after"] = "<Response><Hangup/></Response>"
        calls(account, document)
        account.service.statuses.follow(
            account.exchange.catalogue.calls()[0].sid, Callback(f"{APP}/status")
        )
        await account.over()
        (record,) = account.exchange.catalogue.recordings()
        assert status_of(account) == "processing"
        store: MediaStore = account.exchange.store
        assert download(store, record).status == 404
        with pytest.raises(TwilioError):
            account.service.delete_recording(record.sid)
        await asyncio.sleep(3)
        await account.webhooks.settled()
        assert status_of(account) == "completed"
        assert download(store, record).status == 200
        paths = [path for path, _ in account.app.requests]
        assert paths[-3:] == ["/after", "/status", "/recorded"]
        (after,), (told,) = account.app.asked("/after"), account.app.asked("/recorded")
        for name in ("RecordingSid", "RecordingUrl", "RecordingDuration"):
            assert after[name] == told[name]

    on_account(tmp_path, main)


def test_an_account_that_closes_waits_for_none(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/after"] = "<Response><Hangup/></Response>"
        calls(account, RECORD)
        await account.over()
        await account.service.close()
        assert status_of(account) == "completed"
        assert account.app.told("/recorded", "RecordingStatus") == ["completed"]

    on_account(tmp_path, main)
