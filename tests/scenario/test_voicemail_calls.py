"""The Record verb: what is recorded after the beep, and each way it ends."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from staging import PATH, Samples, acts, clip, kinds, named, on_exchange, party, pcm_of, seconds

from mediasim.audio.dtmf import END_SHOWS_FRAMES, dtmf_digits
from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.tones import beep
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.message import MessageRequest
from mediasim.exchange.phone import Behavior, PartyControl
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.exchange.waiting import NOTICE_FRAMES
from mediasim.scenario.running.call_plans import RecordingPlan, VoicemailPlan
from mediasim.scenario.running.calls import PartyPhones, VoicemailCall
from mediasim.twilio.representations import error_code

REQUESTED = {field.name for field in fields(MessageRequest)}
MESSAGE, GREETING = clip("message"), clip("greeting", 1.5)


def call(
    directory: Path,
    behavior: Behavior | None,
    *,
    gone_after: float | None = None,
    profile: str = DEFAULT_PROFILE,
    **plan: Any,
) -> tuple[Exchange, str]:
    """Ann calls the voicemail; returns what ended the recording too."""
    asked = {name: plan.pop(name) for name in list(plan) if name in REQUESTED}
    given = {"caller": party("ann"), "recording": "message", "trim": "do-not-trim", **plan}
    given["request"] = MessageRequest(**asked)

    async def main(exchange: Exchange) -> tuple[Exchange, str]:
        behaviors = {} if behavior is None else {"ann": behavior}
        planned = VoicemailPlan("post", **given)
        flow = VoicemailCall(exchange, planned, PartyPhones(behaviors, frozenset()))
        if gone_after is not None:

            async def leave() -> None:
                await exchange.sleep(seconds(gone_after))
                await exchange.calls[0].hang_up()

            leaving = exchange.loop.create_task(leave())
            del leaving
        await flow.run()
        return exchange, flow.finished_by

    return on_exchange(directory, main, profile)


def presses(digits: str, *, in_band: bool = False) -> Behavior:
    """Say the message, press keys, and wait."""

    async def act(control: PartyControl) -> None:
        live = control.call
        await acts(MESSAGE)(control)
        assert live.line is not None
        at = live.line.clock.sample_at(live.exchange.now_ns)
        if in_band:
            pcm = dtmf_digits(digits, tone_ms=100, gap_ms=100)
            live.line.timeline.place(pcm, at, kind="dtmf", text=digits)
        else:
            live.line.phone.press(digits, at, 800, 800)
        await live.exchange.sleep(seconds(60))

    return act


def frames_of(pcm: Samples) -> int:
    return len(pcm[0]) // FRAME_SAMPLES


# -- how it ends ----------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [1, 3])
def test_it_ends_when_the_caller_has_been_silent(tmp_path: Path, timeout: int) -> None:
    exchange, by = call(tmp_path, acts(MESSAGE, 60.0), timeout_ns=seconds(timeout))
    pcm = pcm_of(exchange, "message")
    assert by == "silence"
    assert np.array_equal(pcm[0, PATH : PATH + 8000], MESSAGE)
    # The last of so many silent frames is known when it is over, and noticed a little later.
    assert frames_of(pcm) == 55 + timeout * 50 - 1 + NOTICE_FRAMES


def test_a_pause_for_breath_does_not_end_it(tmp_path: Path) -> None:
    steps = acts(MESSAGE, 0.9, MESSAGE, 0.9, MESSAGE, 60.0)
    exchange, _ = call(tmp_path, steps, timeout_ns=seconds(1))
    assert frames_of(pcm_of(exchange, "message")) == 55 + 2 * 95 + 50 - 1 + NOTICE_FRAMES


def test_it_ends_on_a_key(tmp_path: Path) -> None:
    exchange, by = call(tmp_path, presses("#"))
    assert by == "key"
    # A key is known two frames after it went down: one to send it, one to take it.
    assert frames_of(pcm_of(exchange, "message")) == 50 + 2 + NOTICE_FRAMES
    assert exchange.calls[0].digits == [(25 + 50 + 2, "#")]  # after the beep
    assert "dtmf" in kinds(exchange)


def test_it_ends_on_a_key_that_is_a_tone_in_the_audio(tmp_path: Path) -> None:
    exchange, by = call(tmp_path, presses("7", in_band=True))
    assert by == "key"
    end = (8000 + 800 + PATH) // FRAME_SAMPLES
    assert abs(frames_of(pcm_of(exchange, "message")) - end - END_SHOWS_FRAMES - NOTICE_FRAMES) <= 1


@pytest.mark.parametrize("in_band", [False, True])
def test_other_keys_do_not_end_it(tmp_path: Path, in_band: bool) -> None:
    exchange, by = call(
        tmp_path, presses("123", in_band=in_band), finish_on_key="*#", timeout_ns=seconds(2)
    )
    assert by == "silence"
    assert frames_of(pcm_of(exchange, "message")) > 50 + 100
    exchange, by = call(tmp_path, presses("12#", in_band=in_band), finish_on_key="*#")
    assert by == "key"


def test_it_ends_at_its_maximum_length_to_the_sample(tmp_path: Path) -> None:
    exchange, by = call(tmp_path, acts(MESSAGE, MESSAGE, MESSAGE), max_length_ns=seconds(2.5))
    pcm = pcm_of(exchange, "message")
    assert by == "length"
    assert pcm.shape == (1, 20000)
    assert np.array_equal(pcm[0, 16000 + PATH :], MESSAGE[: 4000 - PATH])


def test_a_caller_that_hangs_up_is_heard_to_its_last_word(tmp_path: Path) -> None:
    exchange, by = call(tmp_path, acts(MESSAGE, "hangup"))
    assert by == "hangup"
    pcm = pcm_of(exchange, "message")
    assert pcm.shape == (1, PATH + 8000)
    assert np.array_equal(pcm[0, PATH:], MESSAGE)


def test_a_caller_that_is_never_silent_hangs_up_in_the_end(tmp_path: Path) -> None:
    loud = party("ann", noise_dbfs=-30.0)
    exchange, by = call(tmp_path, acts(MESSAGE), caller=loud, timeout_ns=seconds(2))
    assert by == "hangup"
    assert 5.5 * 50 <= frames_of(pcm_of(exchange, "message")) <= 5.5 * 50 + 6


def test_the_call_ends_with_its_recording_and_publishes_it_first(tmp_path: Path) -> None:
    exchange, _ = call(tmp_path, acts(MESSAGE, 60.0), timeout_ns=seconds(1))
    seen = kinds(exchange)
    assert seen.index("recording.completed") < seen.index("call.completed")
    record = exchange.calls[0].record
    assert (record.status, record.to, record.direction) == ("completed", "voicemail", "inbound")
    length = pcm_of(exchange, "message").shape[1]
    assert record.ended_ns == named(exchange, "message").record.start_ns + length * 125_000


# -- what is recorded -----------------------------------------------------------------------


def test_the_caller_hears_the_greeting_and_the_beep_before_it_is_recorded(tmp_path: Path) -> None:
    also = (RecordingPlan("all", start="leg", channels="dual"),)
    exchange, _ = call(
        tmp_path, acts(MESSAGE, 60.0), greeting=GREETING, also=also, timeout_ns=seconds(1)
    )
    said, sent = pcm_of(exchange, "all")
    signal = beep()
    start = -(-(len(GREETING) + len(signal)) // FRAME_SAMPLES) * FRAME_SAMPLES
    assert np.array_equal(sent[: len(GREETING)], GREETING)
    assert np.array_equal(sent[len(GREETING) :][: len(signal)], signal)
    assert not sent[start:].any()
    assert np.array_equal(said[start:], pcm_of(exchange, "message")[0])
    assert named(exchange, "message").record.start_ns == start * 125_000


def test_without_greeting_or_beep_it_is_recorded_from_the_answer(tmp_path: Path) -> None:
    exchange, _ = call(tmp_path, acts(MESSAGE, "hangup"), beep=False)
    assert named(exchange, "message").record.start_ns == 0
    assert np.array_equal(pcm_of(exchange, "message")[0, PATH:], MESSAGE)


def test_silence_is_trimmed_off_its_ends(tmp_path: Path) -> None:
    exchange, _ = call(
        tmp_path,
        acts(0.5, MESSAGE, 0.5, MESSAGE, 60.0),
        timeout_ns=seconds(1),
        trim="trim-silence",
    )
    pcm = pcm_of(exchange, "message")[0]
    assert np.array_equal(pcm, np.concatenate((MESSAGE, np.zeros(4000, np.int16), MESSAGE)))
    assert named(exchange, "message").trimmed == (4000 + PATH, 4000 + PATH + len(pcm))


def test_where_nothing_was_said_there_is_no_recording(tmp_path: Path) -> None:
    exchange, by = call(
        tmp_path, None, timeout_ns=seconds(1), trim="trim-silence", profile="2022-05"
    )
    recording = named(exchange, "message")
    assert by == "silence"
    assert (recording.record.status, error_code(recording.record)) == ("absent", 16102)
    assert exchange.store.sids() == [recording.sid]
    assert list(tmp_path.rglob("*.wav")) == []
    assert exchange.store.document(recording.sid)["duration"] == "0"
    assert "recording.absent" in kinds(exchange)


def test_untrimmed_silence_is_a_recording(tmp_path: Path) -> None:
    exchange, _ = call(tmp_path, None, timeout_ns=seconds(1))
    pcm = pcm_of(exchange, "message")
    assert frames_of(pcm) == 50 - 1 + NOTICE_FRAMES
    assert not pcm.any()


def test_who_hangs_up_during_the_greeting_leaves_nothing(tmp_path: Path) -> None:
    exchange, by = call(tmp_path, acts(MESSAGE), greeting=GREETING, gone_after=0.5)
    assert by == ""
    assert exchange.recordings == []
    assert exchange.calls[0].record.status == "completed"


def test_its_record_says_what_it_is(tmp_path: Path) -> None:
    exchange, _ = call(tmp_path, acts(MESSAGE, "hangup"))
    record = named(exchange, "message").record
    assert (record.source, record.layout.kind) == ("RecordVerb", "record-verb")
    assert record.call_sid == exchange.calls[0].sid
    (entry,) = record.channel_map
    assert (entry.channel, entry.leg, entry.role) == (1, "mix", "mix")
