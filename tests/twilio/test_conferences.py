"""Conferences: who hears whom, what is recorded, and what the app is told and may do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, BOB, CAROL, AccountStage
from meeting import (
    PATH,
    STATUS,
    Samples,
    codes,
    comes,
    ended,
    media,
    on_account,
    place_of,
    recordings,
    told,
    until,
    words,
)

from mediasim.audio.tones import beep
from mediasim.audio.wav import write_wav
from mediasim.exchange.records import ConferenceRecord
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import (
    CallUpdate,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    TwimlSource,
)
from mediasim.twilio.session import VerbEvent

A, B, C = words(1), words(2), words(3)


def room(attributes: str = 'beep="false"', dial: str = "", name: str = "meeting") -> str:
    return f"<Dial {dial}><Conference {attributes}>{name}</Conference></Dial>"


RECORDED = '<Start><Recording trim="do-not-trim"/></Start>'
"""Of one's own call: the second channel is what one hears."""
FROM_START = 'beep="false" record="record-from-start" trim="do-not-trim"'


def conference(account: AccountStage) -> ConferenceRecord:
    newest: ConferenceRecord = account.exchange.catalogue.conferences()[-1]
    return newest


def wav(directory: Path, pcm: Samples) -> bytes:
    write_wav(directory / "sound.wav", pcm[np.newaxis])
    return (directory / "sound.wav").read_bytes()


def heard(account: AccountStage, number: int = 0) -> Samples:
    """What a caller with a recording of its own was sent."""
    channels = media(account, recordings(account, "StartCallRecordingAPI")[number])
    return np.asarray(channels[1])


def mixed(account: AccountStage) -> Samples:
    """The conference's own recording."""
    return np.asarray(media(account, recordings(account, "Conference")[0])[0])


# -- meeting ------------------------------------------------------------------------------------


def test_each_hears_all_the_others_and_not_itself(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, RECORDED + room(), 1.0, A, 3.0)
        comes(account, BOB, RECORDED + room(), 2.5, B, 1.0)
        comes(account, CAROL, room('beep="false" muted="true"'), 4.0, C)

    account = on_account(tmp_path, main)
    alice, bob = heard(account, 0), heard(account, 1)
    assert place_of(alice, B) == 20_000 + PATH
    assert place_of(bob, A) == 8_000 + PATH
    assert place_of(alice, A) == place_of(bob, B) == -1
    assert place_of(alice, C) == place_of(bob, C) == -1, "who is muted is not heard"
    record = conference(account)
    assert (record.status, record.reason_ended) == ("completed", "last-participant-left")
    assert record.call_sid_ending is not None


def test_wait_music_plays_until_a_second_caller_comes(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, RECORDED + room(), 5.0)
        await until(account, 1)
        assert conference(account).status == "init"
        await until(account, 2)
        comes(account, BOB, room(), 1.0, B)
        await until(account, 2.5)
        assert conference(account).status == "in-progress"

    account = on_account(tmp_path, main)
    alice, music = heard(account), account.exchange.hold_music
    assert np.array_equal(alice[:16_000], music[:16_000])
    assert not alice[16_000:24_000].any()
    assert place_of(alice, B) == 24_000 + PATH


def test_nobody_starts_it_until_who_may(tmp_path: Path) -> None:
    waiting = 'beep="false" waitUrl="" startConferenceOnEnter="false"'

    async def main(account: AccountStage) -> None:
        comes(account, ALICE, RECORDED + room(waiting), 0.5, A, 5.0)
        comes(account, BOB, RECORDED + room(waiting), 6.0)
        await until(account, 3)
        assert conference(account).status == "init"
        comes(account, CAROL, room(), 0.5, C)

    account = on_account(tmp_path, main)
    bob = heard(account, 1)
    assert place_of(bob, A) == -1
    assert not bob[:24_000].any()
    assert place_of(bob, C) == 28_000 + PATH


def test_a_wait_document_plays_once_and_a_sound_file_for_ever(tmp_path: Path) -> None:
    tune = words(9, 0.5)

    async def main(account: AccountStage) -> None:
        account.app.answers["/tune.wav"] = wav(tmp_path, tune)
        account.app.answers["/wait"] = "<Response><Play>tune.wav</Play><Record/></Response>"
        comes(account, ALICE, RECORDED + room('waitUrl="/wait"'), 2.0, "hangup")
        await until(account, 3)
        comes(account, BOB, RECORDED + room('waitUrl="tune.wav"', name="other"), 2.0, "hangup")

    account = on_account(tmp_path, main)
    once, ever = heard(account, 0), heard(account, 1)
    assert np.array_equal(once[:4000], tune)
    assert not once[4000:].any()
    assert np.array_equal(ever[:16_000], np.tile(tune, 4))
    assert account.app.asked("/wait")[0]["FriendlyName"] == "meeting"
    assert codes(account) == [13238], "Record may not stand in a wait document"


def test_without_its_wait_document_a_caller_is_not_let_in(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.app.answers["/action"] = '<Response><Pause length="2"/></Response>'
        comes(account, ALICE, room('waitUrl="/wait.xml"', dial='action="/action"'), 60.0)
        account.app.answers["/wait.xml"] = "<Response"

    account = on_account(tmp_path, main)
    assert told(account, "/action", "DialCallStatus", "DialBridged") == [("failed", "false")]
    assert conference(account).status == "completed"


# -- beeps --------------------------------------------------------------------------------------


def test_a_beep_tells_the_others_who_comes_and_goes_and_is_recorded(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        attributes = 'record="record-from-start" trim="do-not-trim" waitUrl=""'
        comes(account, ALICE, RECORDED + room(attributes), 9.0)
        await until(account, 2)
        comes(account, BOB, RECORDED + room(""), 5.0)
        await until(account, 4)
        comes(account, CAROL, room('beep="onExit"'), 2.0, "hangup")

    account = on_account(tmp_path, main, profile="2022-05")
    alice, bob, record = heard(account, 0), heard(account, 1), mixed(account)
    sound = beep()
    assert np.array_equal(alice[16_000:20_000], sound), "Bob comes"
    assert not bob[:4000].any(), "but does not hear it himself"
    left = 8000 * 4 + PATH  # Carol's end takes the path too
    assert np.array_equal(alice[16_000 + left : 20_000 + left], sound), "Carol goes"
    assert np.array_equal(record[:4000], sound)
    assert np.array_equal(record[left : left + 4000], sound)
    assert not record[4000:left].any()
    truth = account.exchange.store.truth(recordings(account, "Conference")[0].sid)
    said = truth["channels"][0]["intervals"]
    assert [(each["kind"], each["text"], each["start"]) for each in said] == [
        ("server", "beep", 0),
        ("server", "beep", left),
    ]


@pytest.mark.parametrize("kind", ["false", "onExit"])
def test_no_beep_where_none_was_asked_for(tmp_path: Path, kind: str) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, RECORDED + room('waitUrl=""'), 2.0, "hangup")
        comes(account, BOB, room(f'beep="{kind}"'), 4.0)

    assert not heard(on_account(tmp_path, main)).any()


# -- recordings ---------------------------------------------------------------------------------


def test_a_recording_is_one_channel_of_those_who_are_heard(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(
            account,
            ALICE,
            room(f'{FROM_START} recordingStatusCallback="/recorded"'),
            *(3.0, A, 4.0),
        )
        await until(account, 1)
        comes(account, BOB, room(), 4.0, B, 1.0)
        comes(account, CAROL, room('beep="false" muted="true"'), 4.0, C)

    account = on_account(tmp_path, main, profile="2022-05")
    (record,) = recordings(account, "Conference")
    pcm = media(account, record)
    assert len(pcm) == 1
    assert record.conference_sid == conference(account).sid
    assert place_of(pcm[0], A) == 16_000 + PATH, "it begins when two are there"
    assert place_of(pcm[0], B) == 32_000 + PATH
    assert place_of(pcm[0], C) == -1
    ((status, sid, name),) = told(
        account, "/recorded", "RecordingStatus", "ConferenceSid", "FriendlyName"
    )
    assert (status, sid, name) == ("completed", record.conference_sid, "meeting")
    assert "CallSid" not in account.app.asked("/recorded")[0], "it is of no call in particular"


@pytest.mark.parametrize("profile", ["2024-07", "2025-09"])
def test_later_profiles_keep_the_first_caller_in_a_channel(tmp_path: Path, profile: str) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(FROM_START), 1.0, A)
        comes(account, BOB, room(), 2.5, B)
        comes(account, CAROL, room(), 4.0, C)

    account = on_account(tmp_path, main, profile=profile)
    first, others = media(account, recordings(account, "Conference")[0])
    assert place_of(first, A) == 8000 + PATH
    assert place_of(others, A) == -1
    assert place_of(others, B) == 20_000 + PATH
    assert place_of(others, C) == 32_000 + PATH
    assert place_of(first, B) == place_of(first, C) == -1


def test_the_api_records_a_conference_in_progress(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        comes(account, ALICE, room(), 3.0, A, 3.0)
        await until(account, 1)
        sid = conference(account).sid
        with pytest.raises(TwilioError) as early:
            manager.start_recording(sid, RecordingRequest())
        assert (early.value.status, early.value.code) == (400, 16099)
        comes(account, BOB, room(), 7.0)
        await until(account, 2)
        record = manager.start_recording(sid, RecordingRequest())
        assert record.source == "StartConferenceRecordingAPI"
        assert manager.current_recording(sid) is record
        await until(account, 5)
        account.service.recordings.update(record.sid, "stopped")
        with pytest.raises(TwilioError):
            manager.current_recording(sid)
        assert account.service.catalogue.recordings(conference=sid) == [record]

    account = on_account(tmp_path, main, profile="2022-05")
    (record,) = recordings(account, "StartConferenceRecordingAPI")
    pcm = media(account, record)
    assert pcm.shape == (1, 24_000)
    assert place_of(pcm[0], A) == 8000 + PATH


def test_the_older_callback_tells_of_the_recording(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(f'{FROM_START} eventCallbackUrl="/ended"'), 1.0, A)
        comes(account, BOB, room(), 2.0)

    account = on_account(tmp_path, main)
    (record,) = recordings(account, "Conference")
    ((event, url, seconds, size),) = told(
        account, "/ended", "EventName", "RecordingUrl", "Duration", "RecordingFileSize"
    )
    assert event == "conference-record-end"
    assert url.endswith(record.sid)
    assert seconds == str(record.duration_seconds())
    assert int(size) == account.exchange.store.wav_path(record.sid).stat().st_size


# -- leaving ------------------------------------------------------------------------------------


def test_who_ends_it_on_exit_sends_the_others_on_with_their_documents(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        follows = '<Play digits="1"/><Pause length="2"/>'
        comes(account, ALICE, RECORDED + room() + follows, 60.0)
        account.app.answers["/action"] = '<Response><Pause length="3"/></Response>'
        comes(account, CAROL, room(dial='action="/action"'), 60.0)
        ends = 'beep="false" endConferenceOnExit="true" participantLabel="host"'
        comes(account, BOB, room(ends), 3.0, "hangup")

    account = on_account(tmp_path, main)
    record = conference(account)
    assert record.reason_ended == "participant-with-end-conference-on-exit-left"
    bob = next(call for call in account.exchange.catalogue.calls() if call.from_ == BOB)
    assert record.call_sid_ending == bob.sid
    assert told(account, "/action", "DialCallStatus") == [("answered",)]
    assert ended(account)[CAROL] == pytest.approx(ended(account)[BOB] + 3)
    assert heard(account)[24_000 + PATH :].any(), "Alice hears the key of her next verb"


def test_a_star_or_the_time_limit_takes_a_caller_out(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(dial='hangupOnStar="true"') + '<Pause length="2"/>', 2.0, "#*")
        comes(account, BOB, room(dial='timeLimit="5"') + "<Pause/>", 60.0)
        comes(account, CAROL, room(), 8.0)

    account = on_account(tmp_path, main)
    assert ended(account)[BOB] == 6
    assert 4 < ended(account)[ALICE] < 4.5


def test_parties_stay_until_nobody_has_anything_more_to_do(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(), 0.5)
        comes(account, BOB, room(), 10.0)

    account = on_account(tmp_path, main)
    assert ended(account)[ALICE] == ended(account)[BOB]
    assert 10.4 < ended(account)[BOB] < 11


def test_a_call_given_another_document_has_left(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        alice = comes(account, ALICE, room(STATUS + '"leave"'), 60.0)
        comes(account, BOB, room(), 6.0)
        await until(account, 3)
        script = TwimlSource(twiml='<Response><Pause length="1"/></Response>')
        account.service.update_call(alice.sid, CallUpdate(source=script))

    account = on_account(tmp_path, main)
    reasons = [reason for (reason,) in told(account, "/conference", "ReasonParticipantLeft")]
    assert reasons == ["participant_updated_via_api", "participant_hung_up"]
    assert ended(account)[ALICE] == 4


def test_a_name_is_free_again_once_its_conference_is_over(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(), 1.0, "hangup")
        await until(account, 3)
        comes(account, BOB, room(), 1.0, "hangup")

    account = on_account(tmp_path, main)
    assert [each.status for each in account.exchange.catalogue.conferences(name="meeting")] == [
        "completed",
        "completed",
    ]


# -- what the app is told -----------------------------------------------------------------------


def test_events_are_told_in_order_with_what_belongs_to_each(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        first = f'beep="false" participantLabel="host" {STATUS}"start end join leave"'
        comes(account, ALICE, room(first), 4.0)
        await until(account, 1)
        comes(account, BOB, room(f'beep="false" statusCallback="{APP}/ignored"'), 1.0, "hangup")

    account = on_account(tmp_path, main)
    alice, bob = account.exchange.catalogue.calls()
    record = conference(account)
    told_all = account.app.asked("/conference")
    assert [each["StatusCallbackEvent"] for each in told_all] == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    assert [each["SequenceNumber"] for each in told_all] == list("123456")
    assert {each["ConferenceSid"] for each in told_all} == {record.sid}
    assert {each["FriendlyName"] for each in told_all} == {"meeting"}
    joined = told_all[0]
    assert joined["CallSid"] == alice.sid
    assert joined["ParticipantLabel"] == "host"
    assert joined["Timestamp"].endswith("+0000")
    flags = ("Muted", "Hold", "Coaching", "EndConferenceOnExit", "StartConferenceOnEnter")
    assert [joined[flag] for flag in flags] == ["false"] * 4 + ["true"]
    assert "CallSid" not in told_all[2]
    left = told_all[3]
    assert left["CallSid"] == bob.sid
    assert left["ReasonParticipantLeft"] == "participant_hung_up"
    assert left["ParticipantCallStatus"] == "completed"
    end = told_all[-1]
    assert end["ReasonConferenceEnded"] == "last-participant-left"
    assert end["Reason"]
    assert end["CallSidEndingConference"] == alice.sid
    assert end["ParticipantLabelEndingConference"] == "host"
    assert not account.app.asked("/ignored"), "the first participant's callback is the one"


def test_speaking_is_told(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(f'beep="false" {STATUS}"speaker"'), 1.0, A, 3.0)
        comes(account, BOB, room(), 5.0)

    account = on_account(tmp_path, main)
    assert told(account, "/conference", "StatusCallbackEvent") == [
        ("participant-speech-start",),
        ("participant-speech-stop",),
    ]


def test_a_callback_without_events_tells_nothing(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(f'statusCallback="{APP}/conference"'), 1.0)
        comes(account, BOB, room(), 1.0)

    assert not on_account(tmp_path, main).app.asked("/conference")


# -- what the app does --------------------------------------------------------------------------


def test_mute_and_hold(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        comes(account, ALICE, RECORDED + room(f'{FROM_START} {STATUS}"mute hold"'), 1.0, A, 9.0)
        bob = comes(account, BOB, RECORDED + room(), 3.0, B, 2.0, C, 3.0)
        await until(account, 2.5)
        sid = conference(account).sid
        shown = manager.update_participant(sid, bob.sid, ParticipantUpdate(muted=True))
        assert shown.muted
        assert not shown.hold
        await until(account, 5)
        manager.update_participant(sid, bob.sid, ParticipantUpdate(muted=False))
        hold = ParticipantUpdate(hold=True, hold_source=TwimlSource("http://127.0.0.1:5000/hold"))
        account.app.answers["/hold"] = '<Response><Pause length="1"/><Play digits="5"/></Response>'
        assert manager.update_participant(sid, bob.sid, hold).hold
        await until(account, 8)
        manager.update_participant(sid, bob.sid, ParticipantUpdate(hold=False))

    account = on_account(tmp_path, main)
    alice, bob = heard(account, 0), heard(account, 1)
    for spoken in (B, C):
        assert place_of(alice, spoken) == place_of(mixed(account), spoken) == -1
    assert place_of(bob, A) == 8000 + PATH
    assert not bob[40_000:47_840].any()
    assert bob[48_000:50_000].any(), "what HoldUrl plays"
    assert [event for (event,) in told(account, "/conference", "StatusCallbackEvent")] == [
        "participant-mute",
        "participant-unmute",
        "participant-hold",
        "participant-unhold",
    ]


def test_hold_music_is_the_default(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room(), 1.5, A, 3.0)
        bob = comes(account, BOB, RECORDED + room(), 5.0)
        await until(account, 1)
        update = ParticipantUpdate(hold=True)
        account.service.conferences.update_participant(conference(account).sid, bob.sid, update)

    bob = heard(on_account(tmp_path, main))
    assert bob[8000:32_000].any()
    assert place_of(bob, A) == -1


def test_a_party_may_hold_the_conference_itself(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, RECORDED + room(), 1.0, A, 2.0, B, 3.0)
        comes(account, BOB, RECORDED + room(), 3.0, "hold", 0.2, C, 1.8, "resume", 1.0, C)

    account = on_account(tmp_path, main)
    alice, bob = heard(account, 0), heard(account, 1)
    assert place_of(bob, A) == 8000 + PATH
    assert place_of(bob, B) == -1
    assert not bob[24_000:48_000].any()
    assert place_of(alice, C) == 56_000 + PATH, "the second time"


def test_other_changes_are_told_as_one(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        alice = comes(account, ALICE, RECORDED + room(f'waitUrl="" {STATUS}"modify"'), 5.0)
        await until(account, 1)
        sid = conference(account).sid
        music = ParticipantUpdate(wait=TwimlSource(f"{APP}/music"))
        account.app.answers["/music"] = '<Response><Play digits="3"/></Response>'
        manager.update_participant(sid, alice.sid, music)
        await until(account, 2)
        bob = comes(account, BOB, room(""), 2.0, "hangup")
        await until(account, 3)
        update = ParticipantUpdate(beep_on_exit=False, end_conference_on_exit=True)
        assert manager.update_participant(sid, bob.sid, update).end_conference_on_exit

    account = on_account(tmp_path, main)
    alice = heard(account)
    assert not alice[:8000].any()
    assert alice[8000:8800].any(), "the new WaitUrl"
    assert not alice[20_000:].any(), "no beep"
    assert told(account, "/conference", "StatusCallbackEvent", "EndConferenceOnExit") == [
        ("participant-modify", "false"),
        ("participant-modify", "true"),
    ]
    reason = conference(account).reason_ended
    assert reason == "participant-with-end-conference-on-exit-left"


def test_a_kicked_caller_goes_on_with_its_document(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        comes(account, ALICE, room(f'beep="false" {STATUS}"leave"'), 5.0)
        label = 'beep="false" participantLabel="guest"'
        comes(account, BOB, room(label) + '<Pause length="1"/>', 60.0)
        await until(account, 2)
        sid = conference(account).sid
        assert len(manager.participants(sid)) == 2
        manager.remove_participant(sid, "guest")
        assert [each.label for each in manager.participants(sid)] == [None]
        with pytest.raises(TwilioError) as gone:
            manager.participant(sid, "guest")
        assert (gone.value.status, gone.value.code) == (404, 20404)

    account = on_account(tmp_path, main)
    assert ended(account)[BOB] == 3
    assert told(account, "/conference", "ReasonParticipantLeft")[0] == (
        "participant_updated_via_api",
    )


def test_the_last_one_kicked_ends_it(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        alice = comes(account, ALICE, room(), 9.0)
        await until(account, 1)
        account.service.conferences.remove_participant(conference(account).sid, alice.sid)

    assert conference(on_account(tmp_path, main)).reason_ended == "last-participant-kicked"


def test_the_app_ends_a_conference(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        comes(account, ALICE, room(FROM_START + f' {STATUS}"end leave"'), 1.0, A, 60.0)
        comes(account, BOB, room(), 60.0)
        await until(account, 4)
        sid = conference(account).sid
        assert manager.update_conference(sid, ConferenceUpdate("completed")).status == "completed"
        assert manager.participants(sid) == []
        assert manager.update_conference(sid, ConferenceUpdate("completed")).status == "completed"

    account = on_account(tmp_path, main)
    assert conference(account).reason_ended == "conference-ended-via-api"
    assert len(mixed(account)) == 32_000
    reasons = told(account, "/conference", "ReasonParticipantLeft")
    assert reasons == [("conference_ended_via_api",)] * 2 + [("-",)]
    assert ended(account) == {ALICE: 4, BOB: 4}


def test_announcements_to_all_are_recorded_and_to_one_are_not(tmp_path: Path) -> None:
    for_all, for_one = words(7, 0.5), words(8, 0.5)

    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        account.app.answers["/all.wav"] = wav(tmp_path, for_all)
        account.app.answers["/one.wav"] = wav(tmp_path, for_one)
        account.app.answers["/one"] = "<Response><Pause/><Play>one.wav</Play></Response>"
        comes(account, ALICE, RECORDED + room(FROM_START + f' {STATUS}"announcement"'), 1.0)
        bob = comes(account, BOB, RECORDED + room(), 1.0)
        await until(account, 1)
        sid = conference(account).sid
        manager.update_conference(sid, ConferenceUpdate(announce=TwimlSource(f"{APP}/all.wav")))
        to_bob = ParticipantUpdate(announce=TwimlSource(f"{APP}/one"))
        manager.update_participant(sid, bob.sid, to_bob)
        bad = ParticipantUpdate(announce=TwimlSource(f"{APP}/bad"))
        account.app.answers["/bad"] = "<Response"
        manager.update_participant(sid, bob.sid, bad)

    account = on_account(tmp_path, main, profile="2022-05")
    alice, bob, record = heard(account, 0), heard(account, 1), mixed(account)
    assert place_of(alice, for_all) == place_of(bob, for_all) == place_of(record, for_all) == 8000
    assert place_of(bob, for_one) == 16_000
    assert place_of(alice, for_one) == place_of(record, for_one) == -1
    events = told(account, "/conference", "StatusCallbackEvent", "AnnounceUrl", "CallSid")
    bob_sid = account.exchange.catalogue.calls()[1].sid
    assert events == [
        ("announcement-fail", f"{APP}/bad", bob_sid),
        ("announcement-end", f"{APP}/all.wav", "-"),
        ("announcement-end", f"{APP}/one", bob_sid),
    ]


def test_a_coach_is_heard_by_one_alone(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        alice = comes(account, ALICE, RECORDED + room(FROM_START), 1.0, A, 8.0)
        comes(account, BOB, RECORDED + room(), 9.0)
        await until(account, 0.5)
        sid = conference(account).sid
        coach = comes(
            account,
            CAROL,
            RECORDED + room(f'beep="false" coach="{alice.sid}"'),
            *(2.5, C, 2.0, B),
        )
        await until(account, 1)
        assert manager.participant(sid, coach.sid).call_sid_to_coach == alice.sid
        await until(account, 5)
        manager.update_participant(sid, coach.sid, ParticipantUpdate(coaching=False))
        update = ParticipantUpdate(call_sid_to_coach="CA" + 32 * "0")
        with pytest.raises(TwilioError) as nobody:
            manager.update_participant(sid, coach.sid, update)
        assert nobody.value.code == 16028

    account = on_account(tmp_path, main)
    alice, bob, carol = (heard(account, number) for number in range(3))
    assert place_of(alice, C) == 24_000 + PATH
    assert place_of(bob, C) == place_of(mixed(account), C) == -1
    assert place_of(carol, A) == 4_000 + PATH, "a coach hears the conference"
    assert place_of(bob, B) == 48_000 + PATH, "who coaches no more is heard by all"


def test_a_conference_refuses_whom_it_cannot_take(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        comes(account, ALICE, room('beep="false" participantLabel="x"'), 4.0)
        comes(account, BOB, room('participantLabel="x"') + "<Pause/>", 9.0)
        comes(account, CAROL, room('maxParticipants="1"') + "<Pause/>", 9.0)
        nobody = 32 * "1"
        comes(account, "+15550100009", room(f'coach="CA{nobody}"', dial='action="/a"'), 9.0)
        account.app.answers["/a"] = "<Response/>"
        comes(account, "+15550100008", room('participantLabel="a/b"'), 9.0)
        comes(account, "+15550100007", room(name=""), 9.0)
        await until(account, 3)
        only = account.service.conferences.participants(conference(account).sid)
        assert [each.label for each in only] == ["x"]
        account.service.conferences.remove_participant(conference(account).sid, "x")

    account = on_account(tmp_path, main)
    assert sorted(codes(account)) == [13237, 13240, 16020, 16023, 16025]
    assert told(account, "/a", "DialCallStatus") == [("failed",)]


# -- dialling somebody in -----------------------------------------------------------------------


def asking(**more: Any) -> ParticipantRequest:
    return ParticipantRequest(to=BOB, from_="+15550100002", beep="false", **more)


def test_the_app_dials_somebody_in(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        account.telephone(BOB, 2.0, B, after=2.0)
        comes(account, ALICE, RECORDED + room(), 6.0)
        await until(account, 1)
        record = await manager.create_participant("meeting", asking(label="bob"))
        assert (record.status, record.label) == ("queued", "bob")
        assert record.conference_sid == conference(account).sid
        await until(account, 2)
        assert [each.status for each in manager.participants(record.conference_sid)] == [
            "connected",
            "ringing",
        ]
        await until(account, 4)
        assert manager.participant(record.conference_sid, "bob").status == "connected"
        call = account.service.call_record(record.call_sid)
        assert (call.direction, call.to) == ("outbound-api", BOB)
        with pytest.raises(TwilioError) as twice:
            await manager.create_participant(record.conference_sid, asking(label="bob"))
        assert twice.value.code == 16025

    account = on_account(tmp_path, main)
    assert place_of(heard(account), B) == 40_000 + PATH
    bob = next(call for call in account.exchange.catalogue.calls() if call.to == BOB)
    verbs = [each for each in account.exchange.events.log if isinstance(each, VerbEvent)]
    assert bob.sid not in {each.call_sid for each in verbs}  # it followed no document


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
def test_who_does_not_answer_has_left(tmp_path: Path, outcome: str) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, outcome=outcome)
        events = f'beep="false" {STATUS}"join leave"'
        comes(account, ALICE, room(events), 8.0)
        await until(account, 1)
        await account.service.conferences.create_participant(
            conference(account).sid, asking(timeout_seconds=5)
        )
        comes(account, CAROL, room(), 8.0)

    account = on_account(tmp_path, main)
    left = [each for each in account.app.asked("/conference") if "ReasonParticipantLeft" in each]
    assert left[0]["ReasonParticipantLeft"] == "participant_add_failed"
    assert left[0]["ParticipantCallStatus"] == outcome


def test_dialling_begins_a_conference_which_ends_if_nobody_comes(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, outcome="busy")
        manager = account.service.conferences
        record = await manager.create_participant("new", asking())
        assert manager.record(record.conference_sid).status == "init"

    account = on_account(tmp_path, main)
    assert conference(account).friendly_name == "new"
    assert conference(account).status == "completed"


def test_a_call_on_its_way_is_stopped_when_it_is_kicked(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, 1.0, after=30.0)
        manager = account.service.conferences
        record = await manager.create_participant("new", asking())
        await until(account, 3)
        manager.remove_participant(record.conference_sid, record.call_sid)
        assert account.service.call_record(record.call_sid).status == "canceled"

    assert conference(on_account(tmp_path, main)).status == "completed"


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        manager = account.service.conferences
        unknown = "CF" + 32 * "0"
        for ask in (
            lambda: manager.update_conference(unknown, ConferenceUpdate("completed")),
            lambda: manager.participants(unknown),
            lambda: manager.remove_participant(unknown, "CA" + 32 * "0"),
        ):
            with pytest.raises(TwilioError) as refused:
                ask()
            assert (refused.value.status, refused.value.code) == (404, 20404)
        with pytest.raises(TwilioError):
            await manager.create_participant(unknown, asking())
        comes(account, ALICE, room(), 1.0, "hangup")
        await until(account, 3)
        sid = conference(account).sid
        with pytest.raises(TwilioError) as over:
            await manager.create_participant(sid, asking())
        assert over.value.code == 16099
        with pytest.raises(TwilioError):
            manager.update_conference(sid, ConferenceUpdate("init"))

    on_account(tmp_path, main)
