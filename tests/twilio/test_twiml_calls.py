"""Calls under an app's TwiML: what is heard, recorded and told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP, APP_NUMBER, BOB, CAROL, AccountStage, unreachable
from numpy.typing import NDArray

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.phone_numbers import country
from mediasim.twilio.ports import HttpAnswer
from mediasim.twilio.requests import (
    Callback,
    CallRequest,
    CallUpdate,
    RecordingRequest,
    TwimlSource,
)
from mediasim.twilio.resources import ApplicationRecord

PATH = 5 * 160
"""Samples from when a word is said to when the server has it."""


def words(seed: int, seconds: float = 1.0) -> NDArray[np.int16]:
    return noise("white", round(seconds * 8000), -20, np.random.default_rng(seed))


HELLO, YES, PLEASE = words(1, 2.0), words(2, 1.5), words(3)


def place_of(channel: NDArray[np.int16], said: NDArray[np.int16]) -> int:
    """Where a clip stands in a channel, exactly as mu-law carries it; -1 if it does not."""
    coded = ulaw_decode(ulaw_encode(said))
    starts = np.flatnonzero(channel[: len(channel) - len(coded) + 1] == coded[0])
    for start in starts.tolist():
        if np.array_equal(channel[start : start + len(coded)], coded):
            return int(start)
    return -1


def on_account(
    directory: Path, main: Callable[[AccountStage], Coroutine[Any, Any, Any]], **exchange: Any
) -> AccountStage:
    async def conduct() -> AccountStage:
        account = AccountStage(directory, **exchange)
        await main(account)
        await account.over()
        return account

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(conduct())


def calls_in(
    directory: Path,
    twiml: str,
    *steps: Any,
    also: Callable[[AccountStage], None] | None = None,
    **exchange: Any,
) -> AccountStage:
    """Alice calls the app's number, which answers with a document."""

    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice", status_callback=f"{APP}/status")
        account.app.answers["/voice"] = f"<Response>{twiml}</Response>"
        phone = account.telephone(ALICE, *steps)
        if also is not None:
            also(account)
        account.service.place_inbound(ALICE, APP_NUMBER, phone)

    return on_account(directory, main, **exchange)


def kinds(account: AccountStage) -> list[str]:
    return [event.kind for event in account.exchange.events.log]


def at(account: AccountStage, kind: str) -> float:
    """When something happened first, in seconds."""
    return next(e.at_ns for e in account.exchange.events.log if e.kind == kind) / 1e9


def codes(account: AccountStage) -> list[int]:
    return [each.error_code for each in account.service.notifications]


# -- a call that comes in -----------------------------------------------------------------------


def test_an_inbound_call_is_fetched_for_answered_and_ended(tmp_path: Path) -> None:
    account = calls_in(tmp_path, '<Pause length="3"/>')
    asked = account.app.asked("/voice")[0]
    assert asked["CallStatus"] == "ringing"
    assert (asked["From"], asked["To"], asked["Direction"]) == (ALICE, APP_NUMBER, "inbound")
    assert at(account, "call.completed") - at(account, "call.answered") == 3.0
    assert account.app.told("/status", "CallStatus") == ["completed"]
    assert account.app.told("/status", "CallDuration") == ["3"]


@pytest.mark.parametrize(
    ("reason", "status"), [("", "no-answer"), (' reason="busy"', "busy")], ids=["rejected", "busy"]
)
def test_reject_does_not_answer(tmp_path: Path, reason: str, status: str) -> None:
    account = calls_in(tmp_path, f'<Pause length="2"/><Reject{reason}/>')
    assert "call.answered" not in kinds(account)
    assert account.app.told("/status", "CallStatus") == [status]
    assert at(account, f"call.{status}") == 2.0


def test_the_app_of_an_application_is_told_which_it_is(tmp_path: Path) -> None:
    application = "AP" + "1" * 32

    async def main(account: AccountStage) -> None:
        service = account.service
        service.applications.add(
            ApplicationRecord(
                sid=application,
                account_sid=service.sid,
                friendly_name="one",
                created_ns=0,
                voice_url=f"{APP}/app",
                status_callback=f"{APP}/status",
            )
        )
        account.app.answers["/app"] = "<Response/>"
        account.number(APP_NUMBER, "/voice", voice_application_sid=application)
        service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE))
        account.telephone(BOB)
        service.create_call(CallRequest(BOB, APP_NUMBER, application_sid=application))

    account = on_account(tmp_path, main)
    assert account.app.told("/app", "ApplicationSid") == [application] * 2
    assert account.app.told("/status", "ApplicationSid") == [application] * 2


def test_redirect_goes_on_with_another_document(tmp_path: Path) -> None:
    def also(account: AccountStage) -> None:
        account.app.answers["/next"] = '<Response><Pause length="4"/></Response>'

    account = calls_in(tmp_path, '<Pause/><Redirect method="GET">next?a=1</Redirect>', also=also)
    assert account.app.asked("/next")[0]["a"] == "1"
    assert at(account, "call.completed") == 5.0


def test_a_circle_of_redirects_ends(tmp_path: Path) -> None:
    account = calls_in(tmp_path, "<Redirect>/voice</Redirect>")
    assert len(account.app.asked("/voice")) == 100
    assert account.service.notifications[-1].error_code == 12000
    assert "call.completed" in kinds(account) or "call.no-answer" in kinds(account)


def test_the_country_of_both_numbers_is_told(tmp_path: Path) -> None:
    account = calls_in(tmp_path, "<Hangup/>")
    (asked,), (told,) = account.app.asked("/voice"), account.app.asked("/status")
    for who in ("From", "To", "Caller", "Called"):
        for what, value in (("City", ""), ("State", ""), ("Zip", ""), ("Country", "US")):
            assert asked[who + what] == told[who + what] == value


@pytest.mark.parametrize(
    ("number", "known"),
    [("+442071838750", "GB"), ("+16135550123", "CA"), ("client:ann", ""), ("+999", "")],
)
def test_the_country_of_a_number(number: str, known: str) -> None:
    assert country(number) == known


def test_a_call_has_a_token(tmp_path: Path) -> None:
    account = calls_in(tmp_path, "<Gather timeout='1'/><Redirect>/next</Redirect>")
    tokens = [json.loads(each["CallToken"]) for _, each in account.app.requests[:2]]
    assert tokens[0] == tokens[1]
    assert tokens[0]["parentCallInfoToken"]


def test_an_app_that_dials_itself_for_ever_is_stopped(tmp_path: Path) -> None:
    account = calls_in(tmp_path, f"<Dial timeLimit='2'>{APP_NUMBER}</Dial>")
    (error,) = account.service.notifications
    assert (error.error_code, error.log) == (13224, "0")
    assert "call each other in a circle" in error.message_text
    assert len(account.app.asked("/voice")) == 11


# -- what is played and recorded ----------------------------------------------------------------


def test_what_is_played_is_recorded_as_the_outbound_track(tmp_path: Path) -> None:
    clip = words(9, 0.5)

    def also(account: AccountStage) -> None:
        account.app.answers["/clip.wav"] = wav(clip)

    twiml = '<Start><Recording trim="do-not-trim" recordingStatusCallback="/rec"/></Start>'
    twiml += '<Play loop="2">/clip.wav</Play><Pause/>'
    account = calls_in(tmp_path, twiml, 0.2, PLEASE, also=also)
    inbound, outbound = account.media()
    assert np.array_equal(outbound[:8000], np.concatenate((clip, clip)))
    assert not outbound[8000:].any()
    assert place_of(inbound, PLEASE) == 1600 + PATH
    assert account.app.told("/rec", "RecordingStatus") == ["completed"]
    assert account.app.told("/rec", "RecordingChannels") == ["2"]


def wav(pcm: NDArray[np.int16]) -> bytes:
    from mediasim.audio.wav import wav_header

    return wav_header(1, len(pcm)) + pcm.tobytes()


def test_speech_is_said_and_a_missing_file_is_noted(tmp_path: Path) -> None:
    def also(account: AccountStage) -> None:
        account.app.answers["/none.mp3"] = HttpAnswer(404, {}, b"")

    twiml = '<Start><Recording trim="do-not-trim"/></Start><Say>Good morning</Say>'
    account = calls_in(tmp_path, twiml + "<Play>/none.mp3</Play><Pause/>", also=also)
    _, outbound = account.media()
    assert np.abs(outbound).max() > 1000
    assert [one.error_code for one in account.service.notifications] == [11200]


# -- Gather -------------------------------------------------------------------------------------


def gathered(directory: Path, attributes: str, *steps: Any, prompt: str = "") -> AccountStage:
    def also(account: AccountStage) -> None:
        account.app.answers["/keys"] = "<Response><Hangup/></Response>"
        account.app.answers["/clip.wav"] = wav(words(5, 6.0))

    twiml = f'<Gather action="/keys" {attributes}>{prompt}</Gather><Pause length="7"/>'
    return calls_in(directory, twiml, *steps, also=also)


def test_gather_takes_so_many_digits(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'numDigits="3"', 1.0, "#12", 1.0, "#3")
    assert account.app.told("/keys", "Digits") == ["123"]
    assert at(account, "call.completed") < 3.5


def test_gather_ends_on_its_key(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'finishOnKey="*"', 1.0, "#4#*9")
    assert account.app.told("/keys", "Digits") == ["4#"]


def test_gather_ends_when_no_more_keys_come(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'timeout="2"', 1.0, "#7")
    assert account.app.told("/keys", "Digits") == ["7"]
    assert at(account, "call.completed") == pytest.approx(3.1, abs=0.2)


def test_without_input_the_next_verb_runs(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'timeout="2"')
    assert not account.app.asked("/keys")
    assert at(account, "call.completed") == 9.0


def test_without_input_the_action_may_be_asked_for(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'timeout="2" actionOnEmptyResult="true"')
    assert account.app.told("/keys", "Digits") == [""]


def test_a_key_cuts_the_prompt_short(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'numDigits="1"', 1.0, "#5", prompt="<Play>/clip.wav</Play>")
    assert account.app.told("/keys", "Digits") == ["5"]
    assert at(account, "call.completed") < 1.5


def test_keys_pressed_as_tones_count(tmp_path: Path) -> None:
    from mediasim.audio.dtmf import dtmf_digits

    account = gathered(tmp_path, 'numDigits="2"', 1.0, dtmf_digits("86"))
    assert account.app.told("/keys", "Digits") == ["86"]


def test_what_was_said_is_understood(tmp_path: Path) -> None:
    account = gathered(tmp_path, 'input="speech" speechTimeout="1"', 1.0, PLEASE)
    assert account.app.told("/keys", "SpeechResult") == ["words"]
    assert at(account, "call.completed") == pytest.approx(3.2, abs=0.3)


# -- Record -------------------------------------------------------------------------------------


def voicemail(
    directory: Path, attributes: str, *steps: Any, profile: str = DEFAULT_PROFILE
) -> AccountStage:
    def also(account: AccountStage) -> None:
        account.app.answers["/done"] = "<Response><Hangup/></Response>"

    twiml = f'<Record action="/done" recordingStatusCallback="/rec" {attributes}/>'
    return calls_in(directory, twiml, *steps, also=also, profile=profile)


def test_record_ends_on_silence_and_asks_what_follows(tmp_path: Path) -> None:
    account = voicemail(tmp_path, 'timeout="2" trim="do-not-trim"', 1.0, HELLO)
    (channel,) = account.media()
    assert place_of(channel, HELLO) >= 0
    done = account.app.asked("/done")[0]
    assert done["Digits"] == ""
    assert done["RecordingUrl"].endswith(done["RecordingSid"])
    assert account.app.told("/rec", "RecordingSource") == ["RecordVerb"]
    assert account.app.told("/rec", "RecordingChannels") == ["1"]


def test_record_ends_on_a_key(tmp_path: Path) -> None:
    account = voicemail(tmp_path, "", 1.0, PLEASE, "##")
    assert account.app.told("/done", "Digits") == ["#"]


def test_record_of_one_who_hangs_up_is_told_so(tmp_path: Path) -> None:
    account = voicemail(tmp_path, "", 1.0, PLEASE, "hangup")
    assert account.app.told("/done", "Digits") == ["hangup"]
    assert place_of(account.media()[0], PLEASE) >= 0
    assert kinds(account).count("recording.completed") == 1


def test_nothing_said_is_recorded_and_asks_like_anything(tmp_path: Path) -> None:
    account = voicemail(tmp_path, 'timeout="2"')
    (record,) = account.exchange.catalogue.recordings()
    assert account.app.told("/rec", "RecordingStatus") == [record.status] == ["completed"]
    (done,) = account.app.asked("/done")
    assert (done["RecordingSid"], done["RecordingDuration"]) == (record.sid, "2")
    assert not account.media()[0].any()


@pytest.mark.parametrize("profile", ["2022-05", "2024-07"])
def test_nothing_said_asked_nothing_once(tmp_path: Path, profile: str) -> None:
    account = voicemail(tmp_path, 'timeout="2"', profile=profile)
    assert not account.app.asked("/done")
    assert account.app.told("/rec", "RecordingStatus") == []
    assert account.exchange.catalogue.recordings()[0].status == "absent"


# -- Dial ---------------------------------------------------------------------------------------


def dialled(
    directory: Path, attributes: str, noun: str, *steps: Any, **phones: Any
) -> AccountStage:
    def also(account: AccountStage) -> None:
        account.app.answers["/after"] = "<Response><Pause/></Response>"
        for number, phone in phones.items():
            account.telephone({"bob": BOB, "carol": CAROL}[number], *phone[0], **phone[1])

    twiml = f'<Dial action="/after" recordingStatusCallback="/rec" {attributes}>{noun}</Dial>'
    return calls_in(directory, twiml, *steps, also=also)


def test_two_parties_are_recorded_in_two_channels(tmp_path: Path) -> None:
    account = dialled(
        tmp_path,
        'record="record-from-answer"',
        BOB,
        3.0,
        HELLO,
        bob=((0.5, YES), {"after": 2.0}),
    )
    parent, child = account.media()
    assert place_of(parent, HELLO) == (3 - 2) * 8000 + PATH
    assert place_of(child, YES) == 4000 + PATH
    assert place_of(parent, YES) == place_of(child, HELLO) == -1
    after = account.app.asked("/after")[0]
    assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
    record = account.exchange.catalogue.recordings()[0]
    parents = [call.sid for call in account.exchange.catalogue.calls() if not call.parent_call_sid]
    assert [record.call_sid] == parents == account.app.told("/rec", "CallSid")


def test_a_recording_from_ringing_holds_the_ringing(tmp_path: Path) -> None:
    account = dialled(
        tmp_path, 'record="record-from-ringing-dual"', BOB, bob=((0.5, YES), {"after": 2.0})
    )
    _, child = account.media()
    assert np.array_equal(child[:16000], account.exchange.ringback[:16000])
    assert place_of(child, YES) == 16000 + 4000 + PATH


@pytest.mark.parametrize(
    "written", ["555-010-0003", "(555) 010-0003", "5550100003", "1 555 010 0003", "+1 555.010.0003"]
)
def test_a_number_is_dialled_in_the_forms_that_people_write(tmp_path: Path, written: str) -> None:
    for number, noun in enumerate((written, f"<Number>{written}</Number>")):
        account = dialled(
            tmp_path / str(number),
            'callerId="555-010-0009"',
            noun,
            bob=((0.5, YES), {"after": 2.0}),
        )
        child = account.exchange.catalogue.calls()[-1]
        assert (child.to, child.from_, child.status) == (BOB, "+15550100009", "completed")
        assert account.app.told("/after", "DialCallStatus") == ["completed"]
        assert codes(account) == []


@pytest.mark.parametrize(
    "noun",
    [
        *("undefined", "None", "+1", "+0123456789", "alice@example.com", "\u0664\u0661\u0665"),
        *("<Number/>", "<Number> </Number>", "<Client/>", "<Sip>alice</Sip>"),
    ],
)
def test_what_cannot_be_called_fails_and_is_told(tmp_path: Path, noun: str) -> None:
    account = dialled(tmp_path, "", noun)
    assert account.app.told("/after", "DialCallStatus") == ["failed"]
    assert codes(account) == [13243 if "<Sip>" in noun else 13223]


def test_a_caller_id_that_is_no_number_is_told(tmp_path: Path) -> None:
    account = dialled(tmp_path, 'callerId="me"', BOB, bob=((0.5, YES), {"after": 2.0}))
    assert account.app.told("/after", "DialCallStatus") == ["completed"]
    assert codes(account) == [13214]


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed", "reject"])
def test_nobody_answers(tmp_path: Path, outcome: str) -> None:
    account = dialled(tmp_path, 'timeout="5"', BOB, bob=((), {"outcome": outcome}))
    told = {"reject": "busy"}.get(outcome, outcome)
    assert account.app.told("/after", "DialCallStatus") == [told]
    assert account.app.told("/after", "DialBridged") == ["false"]
    assert not account.exchange.catalogue.recordings()


def test_the_first_to_answer_wins(tmp_path: Path) -> None:
    nouns = f"<Number>{BOB}</Number><Number>{CAROL}</Number>"
    account = dialled(
        tmp_path,
        'record="record-from-answer"',
        nouns,
        bob=((), {"after": 4.0}),
        carol=((0.5, YES), {"after": 2.0}),
    )
    statuses = {call.to: call.status for call in account.exchange.catalogue.calls()}
    assert (statuses[BOB], statuses[CAROL]) == ("canceled", "completed")
    assert place_of(account.media()[1], YES) >= 0


def test_a_caller_who_hangs_up_cancels_the_ringing(tmp_path: Path) -> None:
    account = dialled(tmp_path, "", BOB, 2.0, "hangup", bob=((), {"after": 10.0}))
    assert {call.to: call.status for call in account.exchange.catalogue.calls()}[BOB] == "canceled"
    assert account.app.told("/after", "DialCallStatus") == ["canceled"]


def test_answer_on_bridge_leaves_the_caller_ringing(tmp_path: Path) -> None:
    account = dialled(
        tmp_path, 'answerOnBridge="true"', BOB, 0.5, YES, bob=((1.0, "hangup"), {"after": 3.0})
    )
    answered = [e for e in account.exchange.events.log if e.kind == "call.answered"]
    assert [e.at_ns for e in answered] == [3_000_000_000] * 2


def test_time_limit_ends_the_conversation(tmp_path: Path) -> None:
    account = dialled(tmp_path, 'timeLimit="5"', BOB, bob=((), {"after": 1.0}))
    assert account.app.told("/after", "DialCallDuration") == ["5"]


def test_a_star_ends_the_conversation(tmp_path: Path) -> None:
    account = dialled(tmp_path, 'hangupOnStar="true"', BOB, 3.0, "#5*", bob=((), {"after": 1.0}))
    assert account.app.told("/after", "DialCallDuration") in (["2"], ["3"])


def test_a_screening_document_decides(tmp_path: Path) -> None:
    def also(account: AccountStage) -> None:
        account.telephone(BOB, 1.0, YES)
        account.app.answers["/screen"] = "<Response><Pause length='2'/><Hangup/></Response>"

    account = calls_in(
        tmp_path, f'<Dial><Number url="/screen">{BOB}</Number></Dial><Pause/>', also=also
    )
    assert account.app.told("/screen", "Direction") == ["outbound-dial"]
    assert "call.bridged" not in kinds(account)


# -- calls that the app makes -------------------------------------------------------------------


def test_an_api_call_is_told_of_at_each_step(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, 0.5, YES, after=3.0)
        account.app.answers["/hello"] = "<Response><Pause length='4'/></Response>"
        events = ("initiated", "ringing", "answered", "completed")
        account.service.create_call(
            CallRequest(
                to=BOB,
                from_=APP_NUMBER,
                source=TwimlSource(f"{APP}/hello"),
                status_callback=Callback(f"{APP}/status", "POST", events),
                recording=RecordingRequest("dual"),
            )
        )

    account = on_account(tmp_path, main)
    statuses = ["initiated", "ringing", "in-progress", "completed"]
    assert account.app.told("/status", "CallStatus") == statuses
    assert account.app.told("/status", "SequenceNumber") == ["0", "1", "2", "3"]
    assert account.app.asked("/hello")[0]["CallStatus"] == "in-progress"
    inbound, _ = account.media()
    assert place_of(inbound, YES) == 4000 + PATH
    assert account.exchange.catalogue.recordings()[0].source == "OutboundAPI"


def test_a_call_is_updated_while_it_goes_on(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB)
        account.app.answers["/new"] = "<Response><Pause length='2'/></Response>"
        twiml = "<Response><Pause length='60'/></Response>"
        record = account.service.create_call(CallRequest(BOB, APP_NUMBER, TwimlSource(twiml=twiml)))
        await asyncio.sleep(5)
        account.service.update_call(record.sid, CallUpdate(source=TwimlSource(f"{APP}/new")))

    account = on_account(tmp_path, main)
    assert at(account, "call.completed") == 7.0


def test_a_ringing_call_is_canceled_and_one_in_progress_completed(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, after=10)
        account.telephone(CAROL)
        script = TwimlSource(twiml="<Response><Pause length='60'/></Response>")
        ringing = account.service.create_call(CallRequest(BOB, APP_NUMBER, script))
        talking = account.service.create_call(CallRequest(CAROL, APP_NUMBER, script))
        await asyncio.sleep(3)
        account.service.update_call(ringing.sid, CallUpdate("canceled"))
        account.service.update_call(talking.sid, CallUpdate("completed"))
        assert (ringing.status, talking.status) == ("canceled", "completed")
        with pytest.raises(TwilioError) as refused:
            account.service.update_call(talking.sid, CallUpdate("completed"))
        # Without a change it is how an app polls.
        assert account.service.update_call(talking.sid, CallUpdate()) is talking
        assert (refused.value.status, refused.value.code) == (400, 21220)

    on_account(tmp_path, main)


def test_a_recording_by_rest_is_paused_resumed_and_stopped(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.telephone(BOB, HELLO, HELLO, HELLO)
        twiml = "<Response><Pause length='8'/></Response>"
        call = account.service.create_call(CallRequest(BOB, APP_NUMBER, TwimlSource(twiml=twiml)))
        with pytest.raises(TwilioError) as refused:
            account.service.start_recording(call.sid, RecordingRequest())
        assert refused.value.code == 21220
        await asyncio.sleep(2)
        record = account.service.start_recording(call.sid, RecordingRequest())
        assert account.service.recordings.current(call.sid) is record
        await asyncio.sleep(1)
        account.service.recordings.update(record.sid, "paused", "skip")
        await asyncio.sleep(2)
        account.service.recordings.update(record.sid, "in-progress")
        await asyncio.sleep(1)
        account.service.recordings.update(record.sid, "stopped")
        assert record.status == "completed"
        with pytest.raises(TwilioError):
            account.service.recordings.update(record.sid, "in-progress")

    account = on_account(tmp_path, main)
    assert account.media().shape == (2, 16000)


@pytest.mark.parametrize(
    ("to", "from_", "code"),
    [
        ("", APP_NUMBER, 21201),
        ("12", APP_NUMBER, 21211),
        ("+15005550001", APP_NUMBER, 21217),
        (BOB, "nobody", 21212),
        (BOB, "", 21213),
    ],
)
def test_numbers_that_cannot_be_called(tmp_path: Path, to: str, from_: str, code: int) -> None:
    async def main(account: AccountStage) -> None:
        with pytest.raises(TwilioError) as refused:
            account.service.create_call(CallRequest(to, from_, TwimlSource("http://127.0.0.1/")))
        assert (refused.value.status, refused.value.code) == (400, code)
        assert not account.exchange.catalogue.calls()

    on_account(tmp_path, main)


# -- apps that fail -----------------------------------------------------------------------------

BROKEN: list[tuple[str, Any, int]] = [
    ("an error", HttpAnswer(500, {}, b"oh"), 11200),
    ("nobody there", unreachable(), 11205),
    ("not XML", "<Response><Say>", 12100),
    ("another type", HttpAnswer(200, {"content-type": "image/png"}, b"\x89PNG"), 12300),
]


@pytest.mark.parametrize(("name", "answer", "code"), BROKEN, ids=[name for name, *_ in BROKEN])
def test_an_app_that_fails_gets_an_apology_and_a_notification(
    tmp_path: Path, name: str, answer: Any, code: int
) -> None:
    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice")
        account.app.answers["/voice"] = answer
        account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE, 1.0, YES))

    account = on_account(tmp_path, main)
    assert account.service.notifications[0].error_code == code
    assert kinds(account)[:2] == ["call.ringing", "call.answered"]
    assert kinds(account)[-1] == "call.completed"


def test_the_fallback_is_asked_instead(tmp_path: Path) -> None:
    async def main(account: AccountStage) -> None:
        account.number(APP_NUMBER, "/voice", voice_fallback_url=f"{APP}/fallback")
        account.app.answers["/voice"] = HttpAnswer(500, {}, b"")
        account.app.answers["/fallback"] = "<Response><Pause length='3'/></Response>"
        account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE))

    account = on_account(tmp_path, main)
    assert at(account, "call.completed") == 3.0
