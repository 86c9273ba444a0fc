"""The rules of recording of Twilio's pages, a sentence each: Record, Dial's record, CURRENT."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from account_stage import ALICE, APP_NUMBER, BOB, AccountStage
from meeting import codes, comes, media, on_account, place_of, recordings, words

from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import RecordingRequest

HELLO, YES = words(1, 1.0), words(2, 1.0)
CLIENT = "client:alice"


def leaves(
    directory: Path, document: str, *steps: Any, who: str = ALICE, **exchange: Any
) -> AccountStage:
    """Somebody calls the app, which answers with this document, and leaves a message."""

    async def main(account: AccountStage) -> None:
        account.app.answers["/done"] = "<Response><Hangup/></Response>"
        account.app.answers[who] = f"<Response>{document}</Response>"
        phone = account.telephone(who, *steps)
        account.service.place_inbound(who, APP_NUMBER, phone)

    return on_account(directory, main, **exchange)


def seconds(account: AccountStage) -> float:
    """How long the call's only message was recorded, before it was trimmed."""
    (call,) = account.exchange.catalogue.calls()
    assert call.answered_ns is not None
    assert call.ended_ns is not None
    return round((call.ended_ns - call.answered_ns) / 1e9, 1)


# -- Record -------------------------------------------------------------------------------------


def test_verbs_after_a_record_are_unreachable_even_if_nothing_was_recorded(tmp_path: Path) -> None:
    document = '<Record action="/done"/><Redirect>/never</Redirect>'
    # A key during the beep ends the message before it has begun.
    account = leaves(tmp_path / "now", document, 0.05, "#5", 9.0)
    (record,) = account.exchange.catalogue.recordings()
    assert (record.status, record.absence) == ("absent", "too-short")
    (done,) = account.app.asked("/done")
    assert (done["Digits"], done["RecordingSid"]) == ("5", record.sid)
    assert done["RecordingDuration"] == "0"
    assert not account.app.asked("/never")
    before = leaves(tmp_path / "then", document, 0.05, "#5", 9.0, profile="2022-05")
    assert before.app.asked("/never"), "as its pages had it until then"
    assert not before.app.asked("/done")


@pytest.mark.parametrize(
    ("attributes", "who", "lasts", "warned"),
    [
        ('maxLength="14400"', ALICE, 700.0, []),  # hours of silence take seconds to record
        ('maxLength="14401"', ALICE, 700.0, [13612]),
        ("", CLIENT, 600.0, []),
        ('maxLength="601"', CLIENT, 600.0, [13612]),
        ('maxLength="60"', CLIENT, 60.0, []),
        ('transcribe="true"', ALICE, 120.0, []),
        ('transcribe="true"', CLIENT, 120.0, []),
        ('transcribe="true" maxLength="120"', ALICE, 120.0, []),
        ('transcribe="true" maxLength="121"', ALICE, 121.0, [13615]),
    ],
)
def test_how_long_a_message_is_at_most(
    tmp_path: Path, attributes: str, who: str, lasts: float, warned: list[int]
) -> None:
    document = f'<Record action="/done" timeout="0" playBeep="false" {attributes}/>'
    account = leaves(tmp_path, document, HELLO, 699.0, "hangup", who=who)
    assert seconds(account) == pytest.approx(lasts, abs=0.2)
    of_length = [code for code in codes(account) if code != 13617]
    assert of_length == warned
    assert account.app.asked("/done")


@pytest.mark.parametrize(
    ("attributes", "digits", "lasts"),
    [
        ("", "5", 2.0),
        ('finishOnKey="#"', "", 7.0),
        ('finishOnKey=""', "", 7.0),
        ('finishOnKey="5"', "5", 2.0),
    ],
)
def test_which_keys_end_a_message(
    tmp_path: Path, attributes: str, digits: str, lasts: float
) -> None:
    document = f'<Record action="/done" playBeep="false" {attributes}/>'
    account = leaves(tmp_path, document, 1.0, HELLO, "#5", 30.0)
    assert account.app.told("/done", "Digits") == [digits]
    assert seconds(account) == pytest.approx(lasts, abs=0.4)


def test_without_an_action_its_own_document_is_asked_again(tmp_path: Path) -> None:
    document = '<Record maxLength="2" playBeep="false"/>'
    account = leaves(tmp_path, document, HELLO, 1.5, "hangup")
    first, second, *_ = account.app.asked("/voice")
    assert "RecordingSid" not in first
    assert second["RecordingSid"] == account.exchange.catalogue.recordings()[0].sid


@pytest.mark.parametrize(
    ("attributes", "length"), [("", 8000), ('trim="do-not-trim"', 6 * 8000), ('trim="x"', 8000)]
)
def test_silence_is_trimmed_off_a_message_unless_it_says_otherwise(
    tmp_path: Path, attributes: str, length: int
) -> None:
    document = f'<Record action="/done" timeout="4" playBeep="false" {attributes}/>'
    account = leaves(tmp_path, document, 1.0, HELLO, 30.0)
    (channel,) = account.media()
    assert channel.size == pytest.approx(length, abs=1600)
    assert place_of(channel, HELLO) >= 0


@pytest.mark.parametrize("trim", ["trim-silence", "do-not-trim"])
def test_an_account_that_discards_silence_keeps_none(tmp_path: Path, trim: str) -> None:
    async def main(account: AccountStage) -> None:
        account.exchange.keeps_silence, account.exchange.discards_silence = False, True
        told = 'recordingStatusCallback="/told" recordingStatusCallbackEvent="absent completed"'
        recording = f'<Start><Recording trim="{trim}" {told}/></Start>'
        comes(account, ALICE, f"{recording}<Pause length='3'/>", 9.0)

    account = on_account(tmp_path, main)
    (record,) = account.exchange.catalogue.recordings()
    assert (record.status, record.absence) == ("absent", "silent")
    (told,) = account.app.asked("/told")
    assert (told["RecordingStatus"], told["ErrorCode"]) == ("absent", "16102")


# -- Dial's record around a queue ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "track", "channels", "plain"),
    [
        ("record-from-answer-dual", "both", 2, 2),
        ("record-from-ringing-dual", "both", 2, 2),
        ("record-from-ringing", "both", 2, 1),
        ("true", "both", 2, 1),
        ("record-from-answer", "inbound", 1, 1),
        ("record-from-answer-dual", "outbound", 1, 1),
        ("do-not-record", "both", 0, 0),
    ],
)
def test_a_dial_records_its_leg_of_a_queue(
    tmp_path: Path, record: str, track: str, channels: int, plain: int
) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, "<Enqueue waitUrl=''>line</Enqueue>", 4.0, HELLO, 3.0, "hangup")
        await asyncio.sleep(2)
        attributes = f'record="{record}" recordingTrack="{track}" action="/after"'
        comes(account, BOB, f"<Dial {attributes}><Queue>line</Queue></Dial>", 1.0, YES, 8.0)

    account = on_account(tmp_path, main)
    found = recordings(account, "DialVerb")
    sids = [each.sid for each in found]
    assert account.app.told("/after", "RecordingSid") == (sids or [""])
    if not channels:
        assert not found
        return
    (one,) = found
    (agent,) = (call for call in account.exchange.catalogue.calls() if call.from_ == BOB)
    assert one.call_sid == agent.sid
    assert (one.layout.stored_channels, one.layout.plain_channels) == (channels, plain)
    heard = [
        (place_of(channel, YES) >= 0, place_of(channel, HELLO) >= 0)
        for channel in media(account, one)
    ]
    of_track = {"both": [(True, False), (False, True)], "inbound": [(True, False)]}
    assert heard == of_track.get(track, [(False, True)])


# -- whose recording it is ----------------------------------------------------------------------


@pytest.mark.parametrize("stops", [False, True])
def test_a_recording_of_two_legs_names_the_parent_whoever_has_started_it(
    tmp_path: Path, stops: bool
) -> None:
    async def main(account: AccountStage) -> None:
        told = 'recordingStatusCallback="/told"'
        stop = "<Stop><Recording name='it'/></Stop>" if stops else ""
        account.app.answers["/screen"] = (
            f"<Response><Start><Recording name='it' trim='do-not-trim' {told}/></Start>"
            f"<Pause length='2'/>{stop}</Response>"
        )
        account.telephone(BOB, 4.0, YES, 9.0)
        dial = f"<Dial><Number url='/screen'>{BOB}</Number></Dial>"
        comes(account, ALICE, dial, 6.0, HELLO, 3.0, "hangup")

    account = on_account(tmp_path, main)
    parent, child = account.exchange.catalogue.calls()
    assert child.parent_call_sid == parent.sid
    (record,) = account.exchange.catalogue.recordings()
    assert record.call_sid == parent.sid
    assert account.app.told("/told", "CallSid") == [parent.sid]
    if stops:
        assert record.duration_seconds() == 2
        return
    first, second = media(account, record)
    assert place_of(first, HELLO) >= 0
    assert place_of(second, YES) >= 0


# -- Twilio.CURRENT -----------------------------------------------------------------------------


def test_the_current_recording_is_of_a_call_with_one(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        call = comes(account, ALICE, "<Pause length='5'/>", 9.0)
        await asyncio.sleep(2)
        manager = account.service.recordings
        with pytest.raises(TwilioError) as refused:
            manager.current(call.sid)
        assert (refused.value.status, refused.value.code) == (404, 20404)
        first = account.service.start_recording(call.sid, RecordingRequest())
        assert manager.current(call.sid) is first
        account.service.start_recording(call.sid, RecordingRequest())
        with pytest.raises(TwilioError) as refused:
            manager.current(call.sid)
        assert (refused.value.status, refused.value.code) == (400, 16108)

    on_account(tmp_path, main)
