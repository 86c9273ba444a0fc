"""The words of what a Record verb recorded: from the truth, told as Twilio tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from account_stage import ALICE, APP_NUMBER, AccountStage
from numpy.typing import NDArray

from mediasim.audio.tones import noise
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.net.virtual_loop import VirtualLoop


def speech(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    return noise("white", round(seconds * 8000), -20, np.random.default_rng(seed))


FIVE = "one two three four five"


def voicemail(
    directory: Path,
    attributes: str,
    *steps: Any,
    after: float = 0.0,
    at_done: Callable[[AccountStage], str] | None = None,
    asks: str = 'transcribe="true"',
    profile: str = DEFAULT_PROFILE,
) -> AccountStage:
    async def conduct() -> AccountStage:
        account = AccountStage(directory, profile=profile)
        account.number(APP_NUMBER, "/voice")
        record = f'<Record action="/done" {asks} transcribeCallback="/words" {attributes}/>'
        account.app.answers["/voice"] = f"<Response>{record}</Response>"
        hang_up = "<Response><Hangup/></Response>"
        account.app.answers["/done"] = lambda _: at_done(account) if at_done else hang_up
        account.service.place_inbound(ALICE, APP_NUMBER, account.telephone(ALICE, *steps))
        await account.over()
        await asyncio.sleep(after)
        await account.webhooks.settled()
        return account

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(conduct())


def test_what_a_caller_said_is_told_with_everything_about_it(tmp_path: Path) -> None:
    steps = (1.0, (speech(2.0), "Please call me back."), 0.5, (speech(1.5, 2), "It is Bob."))
    account = voicemail(tmp_path, 'timeout="2"', *steps, after=60.0)
    (record,) = account.service.transcriptions.all()
    (told,) = account.app.asked("/words")
    recording = account.exchange.catalogue.recordings()[0]
    url = (
        f"http://127.0.0.1:8080/2010-04-01/Accounts/{record.account_sid}/Recordings/{recording.sid}"
    )
    assert told["TranscriptionText"] == "Please call me back. It is Bob."
    assert (told["TranscriptionStatus"], told["TranscriptionSid"]) == ("completed", record.sid)
    assert (told["RecordingSid"], told["RecordingUrl"]) == (recording.sid, url)
    assert told["TranscriptionUrl"] == f"{url}/Transcriptions/{record.sid}"
    assert (told["From"], told["To"], told["CallSid"]) == (ALICE, APP_NUMBER, recording.call_sid)
    assert [kind for kind, _ in account.app.requests] == ["/voice", "/done", "/words"]
    took = record.updated_ns - record.created_ns
    assert took == (recording.samples or 0) * 125_000


def test_words_that_were_not_recorded_are_not_told(tmp_path: Path) -> None:
    account = voicemail(tmp_path, 'maxLength="3" playBeep="false"', (speech(5.0), FIVE), after=60.0)
    # Letters decide: a word of those five stands for a second or so.
    assert account.app.told("/words", "TranscriptionText") == ["one two three"]


def test_a_beep_of_somebody_else_and_keys_are_no_words(tmp_path: Path) -> None:
    account = voicemail(tmp_path, "", 2.0, (speech(2.5), "Hello"), 1.0, "#5", after=60.0)
    assert account.app.told("/words", "TranscriptionText") == ["Hello"]


def test_a_recording_to_be_transcribed_lasts_two_minutes_at_most(tmp_path: Path) -> None:
    account = voicemail(tmp_path, 'playBeep="false"', *[(speech(5.0), FIVE)] * 30, after=300.0)
    (recording,) = account.exchange.catalogue.recordings()
    assert recording.duration_seconds() == 120
    assert account.app.told("/words", "TranscriptionStatus") == ["completed"]


def test_a_recording_too_short_fails_with_a_warning(tmp_path: Path) -> None:
    steps = (0.2, (speech(1.0), "Hi"), "#1")
    account = voicemail(tmp_path, 'playBeep="false"', *steps, after=1.0)
    (told,) = account.app.asked("/words")
    assert (told["TranscriptionStatus"], told["TranscriptionText"]) == ("failed", "")
    (warning,) = account.service.notifications
    assert (warning.error_code, warning.log) == (13617, "1")
    (recording,) = account.exchange.catalogue.recordings()
    assert recording.status == "completed"
    assert recording.duration_seconds() == 1


def test_a_max_length_too_high_is_recorded_without(tmp_path: Path) -> None:
    account = voicemail(tmp_path, 'maxLength="121"', 2.0, (speech(3.0), FIVE), after=60.0)
    assert not account.app.asked("/words")
    assert not account.service.transcriptions.all()
    assert [each.error_code for each in account.service.notifications] == [13615]
    assert account.app.asked("/done")


def test_noises_without_words_fail(tmp_path: Path) -> None:
    account = voicemail(tmp_path, "", 2.0, (speech(3.0), ""), after=60.0)
    assert account.app.told("/words", "TranscriptionStatus") == ["failed"]


def test_one_who_hangs_up_is_transcribed_too(tmp_path: Path) -> None:
    steps = (2.0, (speech(3.0), FIVE), "hangup")
    account = voicemail(tmp_path, "", *steps, after=60.0)
    assert account.app.told("/words", "TranscriptionText") == [FIVE]
    assert account.app.told("/words", "CallStatus") == ["completed"]


def test_one_that_is_deleted_on_the_way_tells_nothing(tmp_path: Path) -> None:
    def at_done(account: AccountStage) -> str:
        (record,) = account.service.transcriptions.all()
        account.service.transcriptions.remove(record.sid)
        return "<Response><Hangup/></Response>"

    steps = (2.0, (speech(3.0), FIVE))
    account = voicemail(tmp_path, 'timeout="3"', *steps, after=60.0, at_done=at_done)
    assert account.app.asked("/done")
    assert not account.app.asked("/words")
    assert "transcription.completed" not in [it.kind for it in account.exchange.events.log]


@pytest.mark.parametrize(
    ("asks", "profile", "transcribed"),
    [
        ('transcribe="false"', "2022-05", False),
        ('transcribe="maybe"', "2022-05", True),
        ("", "2022-05", True),
        ("", "2024-07", True),
        ("", "2025-09", False),
        ('transcribe="maybe"', "2025-09", False),
    ],
)
def test_a_callback_alone_asks_for_words_until_2024(
    tmp_path: Path, asks: str, profile: str, transcribed: bool
) -> None:
    steps = 2.0, (speech(3.0), FIVE)
    account = voicemail(tmp_path, "", *steps, after=60.0, asks=asks, profile=profile)
    assert bool(account.app.asked("/words")) == transcribed


def test_silence_that_is_kept_has_no_words(tmp_path: Path) -> None:
    account = voicemail(tmp_path, 'timeout="3"', after=60.0)
    assert account.app.told("/words", "TranscriptionStatus") == ["failed"]


def test_nothing_said_leaves_nothing_to_transcribe_where_silence_is_discarded(
    tmp_path: Path,
) -> None:
    account = voicemail(tmp_path, 'timeout="2"', after=60.0, profile="2022-05")
    assert not account.service.transcriptions.all()
    assert not account.app.asked("/words")
