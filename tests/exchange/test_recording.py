"""Recordings of a call: several at once, paused, stopped, and what their documents say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from staging import (
    PATH,
    acts,
    clip,
    kinds,
    named,
    on_exchange,
    party,
    pcm_of,
    seconds,
    stands_at,
)

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.phone import Behavior
from mediasim.exchange.profiles import DEFAULT_PROFILE
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.states import IllegalMove
from mediasim.media.recorder import PauseBehavior
from mediasim.scenario.running.call_plans import DialPlan, Moment, PausePlan, RecordingPlan
from mediasim.scenario.running.calls import DialledCall, PartyPhones
from mediasim.twilio.representations import error_code, recording_document, rfc2822

LONG, REPLY = clip("long", 10.0), clip("reply")
SKIP, SILENCE = PauseBehavior.SKIP, PauseBehavior.SILENCE


def at(moment: float) -> Moment:
    """Of the call; it is answered a second after it was dialled."""
    return Moment(at_ns=seconds(1 + moment))


def call(
    directory: Path,
    *plans: RecordingPlan,
    profile: str = DEFAULT_PROFILE,
    **behaviors: Behavior,
) -> Exchange:
    """Ann speaks for ten seconds unless told otherwise."""

    async def main(exchange: Exchange) -> Exchange:
        plan = DialPlan("main", party("ann"), party("bob"), recordings=plans)
        acting = {"ann": acts(LONG), **behaviors}
        await DialledCall(exchange, plan, PartyPhones(acting, frozenset())).run()
        return exchange

    return on_exchange(directory, main, profile)


def said(start: float, end: float) -> Any:
    """What the server has of ann between two times of the answered call."""
    whole = np.concatenate((np.zeros(PATH, np.int16), LONG, np.zeros(8000, np.int16)))
    return whole[round(start * 8000) : round(end * 8000)]


# -- several --------------------------------------------------------------------------------


def test_recordings_of_one_call_do_not_disturb_each_other(tmp_path: Path) -> None:
    exchange = call(
        tmp_path,
        RecordingPlan("whole", channels="dual"),
        RecordingPlan("middle", start=at(2), stop=at(5), track="inbound"),
        RecordingPlan("skipped", pauses=(PausePlan(at(3), for_ns=seconds(1), behavior=SKIP),)),
        RecordingPlan("late", start=at(6), pauses=(PausePlan(at(7)),)),
    )
    assert len({it.sid for it in exchange.recordings}) == 4
    whole = pcm_of(exchange, "whole")
    length = whole.shape[1]
    assert np.array_equal(whole[0], said(0, length / 8000))
    assert np.array_equal(pcm_of(exchange, "middle"), [said(2, 5)])
    skipped = pcm_of(exchange, "skipped")
    assert np.array_equal(skipped[0], np.delete(whole[0], np.s_[24000:32000]))
    late = pcm_of(exchange, "late")[0]
    assert np.array_equal(late[:8000], said(6, 7))
    assert not late[8000:].any()
    assert len(late) == length - 48000
    records = exchange.catalogue.recordings(call=exchange.calls[0].sid)
    assert [record.status for record in records] == ["completed"] * 4


@pytest.mark.parametrize(("track", "channel"), [("inbound", 0), ("outbound", 1)])
def test_one_track_is_one_channel(tmp_path: Path, track: Any, channel: int) -> None:
    exchange = call(
        tmp_path,
        RecordingPlan("dual", channels="dual"),
        RecordingPlan("one", track=track),
        bob=acts(1.0, REPLY),
    )
    dual, one = pcm_of(exchange, "dual"), pcm_of(exchange, "one")
    assert np.array_equal(one, dual[channel : channel + 1])
    assert stands_at(dual[1], REPLY) == 8000 + PATH
    (entry,) = named(exchange, "one").record.channel_map
    assert (entry.track, entry.party) == (track, ("ann", "bob")[channel])


# -- pauses and stops -----------------------------------------------------------------------


def test_pauses_follow_one_another(tmp_path: Path) -> None:
    pauses = (
        PausePlan(at(1), until=at(2), behavior=SKIP),
        PausePlan(at(3), for_ns=seconds(0.5), behavior=SILENCE),
        PausePlan(at(4), for_ns=seconds(2), behavior=SKIP),
    )
    exchange = call(tmp_path, RecordingPlan("main", pauses=pauses, stop=at(8)))
    expected = np.concatenate((said(0, 1), said(2, 4), said(6, 8)))
    expected[2 * 8000 : 2 * 8000 + 4000] = 0
    assert np.array_equal(pcm_of(exchange)[0], expected)
    words = [kind for kind in kinds(exchange) if kind.startswith("recording.")]
    assert words == [
        "recording.started",
        *["recording.paused", "recording.resumed"] * 3,
        "recording.stopped",
        "recording.completed",
    ]


@pytest.mark.parametrize("behavior", [SKIP, SILENCE])
def test_a_pause_without_an_end_lasts_until_the_recording_is_stopped(
    tmp_path: Path, behavior: PauseBehavior
) -> None:
    pauses = (PausePlan(at(2), behavior=behavior),)
    exchange = call(tmp_path, RecordingPlan("main", pauses=pauses, stop=at(5)))
    pcm = pcm_of(exchange)[0]
    assert len(pcm) == (16000 if behavior is SKIP else 40000)
    assert np.array_equal(pcm[:16000], said(0, 2))
    assert not pcm[16000:].any()
    assert "recording.resumed" not in kinds(exchange)


def test_a_stop_in_a_pause_ends_it_and_later_pauses_are_nothing(tmp_path: Path) -> None:
    pauses = (PausePlan(at(2), for_ns=seconds(4), behavior=SKIP), PausePlan(at(7)))
    exchange = call(tmp_path, RecordingPlan("main", pauses=pauses, stop=at(3)))
    assert np.array_equal(pcm_of(exchange)[0], said(0, 2))
    assert kinds(exchange).count("recording.paused") == 1
    assert "recording.resumed" not in kinds(exchange)


def test_a_call_s_end_in_a_pause_ends_the_recording(tmp_path: Path) -> None:
    pauses = (PausePlan(at(2), until=Moment(event="never"), behavior=SKIP),)
    exchange = call(tmp_path, RecordingPlan("main", pauses=pauses))
    assert np.array_equal(pcm_of(exchange)[0], said(0, 2))
    assert named(exchange, "main").record.status == "completed"


def with_recording(directory: Path, work: Any) -> Exchange:
    """Something done to a recording that is one second old."""

    async def main(exchange: Exchange) -> Exchange:
        plan = DialPlan("main", party("ann"), party("bob"), recordings=(RecordingPlan("main"),))
        flow = DialledCall(exchange, plan, PartyPhones({"ann": acts(LONG)}, frozenset()))

        async def act() -> None:
            await exchange.sleep_until(seconds(2))
            work(exchange.recordings[0])

        async with asyncio.TaskGroup() as group:
            group.create_task(act())
            group.create_task(flow.run())
        return exchange

    return on_exchange(directory, main)


def test_what_cannot_be_done_to_a_recording_is_refused(tmp_path: Path) -> None:
    def work(recording: LiveRecording) -> None:
        with pytest.raises(IllegalMove):
            recording.resume()
        recording.pause(SKIP)
        with pytest.raises(IllegalMove):
            recording.pause(SKIP)
        recording.stop()
        recording.stop()
        for again in (recording.resume, lambda: recording.pause(SILENCE)):
            with pytest.raises(IllegalMove):
                again()

    exchange = with_recording(tmp_path, work)
    assert np.array_equal(pcm_of(exchange)[0], said(0, 1))


def test_a_stopped_recording_is_there_while_the_call_goes_on(tmp_path: Path) -> None:
    found: list[Any] = []

    def work(recording: LiveRecording) -> None:
        recording.stop()
        found.append(recording.exchange.store.wav_path(recording.sid).read_bytes())
        found.append(recording.exchange.calls[0].active)

    exchange = with_recording(tmp_path, work)
    wav = exchange.store.wav_path(named(exchange, "main").sid)
    assert found == [wav.read_bytes(), True]


# -- what is published ----------------------------------------------------------------------


def test_its_document_says_what_was_recorded(tmp_path: Path) -> None:
    plan = RecordingPlan("main", channels="dual", source="StartCallRecordingAPI", stop=at(2.6))
    exchange = call(tmp_path, plan, bob=acts(1.0, REPLY))
    recording = named(exchange, "main")
    document = exchange.store.document(recording.sid)
    assert document == recording_document(recording.record, exchange.dates)
    assert document["source"] == "StartCallRecordingAPI"
    assert document["duration"] == "3"  # 2.6 seconds to the nearest
    assert document["channels"] == 2
    assert document["start_time"] == rfc2822(exchange.dates, seconds(1))
    channels = document["channel_map"]["channels"]
    parent, child = exchange.calls
    assert [(it["channel"], it["party"], it["call_sid"]) for it in channels] == [
        (1, "ann", parent.sid),
        (2, "bob", child.sid),
    ]


def test_nothing_is_left_in_the_spool(tmp_path: Path) -> None:
    call(tmp_path, RecordingPlan("main"), RecordingPlan("other", start=at(1), stop=at(2)))
    assert [path.name for path in (tmp_path / "spool").iterdir()] == []


def test_silence_is_trimmed_off_all_channels_at_the_same_samples(tmp_path: Path) -> None:
    plan = RecordingPlan("main", channels="dual", trim="trim-silence")
    exchange = call(tmp_path, plan, ann=acts(1.0, REPLY, 4.0), bob=acts(3.0, REPLY))
    caller, callee = pcm_of(exchange)
    assert len(caller) == len(callee) == 3 * 8000
    assert np.array_equal(caller[:8000], REPLY)
    assert np.array_equal(callee[16000:], REPLY)
    assert named(exchange, "main").trimmed == (8000 + PATH, 32000 + PATH)


@pytest.mark.parametrize(
    ("profile", "trim", "stop", "code"),
    [
        ("2022-05", "do-not-trim", at(0), 16101),
        ("2022-05", "trim-silence", at(3), 16102),
        ("2024-07", "trim-silence", at(3), 16102),
        ("2025-09", "do-not-trim", at(0), 16101),
        ("2025-09", "trim-silence", at(0), 16101),
    ],
)
def test_a_recording_of_nothing_is_absent(
    tmp_path: Path, profile: str, trim: Any, stop: Moment, code: int
) -> None:
    plan = RecordingPlan("main", trim=trim, stop=stop)
    exchange = call(tmp_path, plan, ann=acts(5.0), profile=profile)
    record = named(exchange, "main").record
    assert (record.status, error_code(record), record.samples) == ("absent", code, 0)
    document = exchange.store.document(record.sid)
    assert (document["status"], document["error_code"]) == ("absent", code)
    assert list(tmp_path.rglob("*.wav")) == []


@pytest.mark.parametrize("trim", ["do-not-trim", "trim-silence"])
def test_a_silent_recording_is_kept_whole(tmp_path: Path, trim: Any) -> None:
    exchange = call(tmp_path, RecordingPlan("main", trim=trim, stop=at(3)), ann=acts(5.0))
    record = named(exchange, "main").record
    assert (record.status, record.samples) == ("completed", 3 * 8000)
    assert not pcm_of(exchange).any()


def test_the_journal_of_a_recording_under_way_says_whose_it_is(tmp_path: Path) -> None:
    journals: list[Any] = []

    def work(recording: LiveRecording) -> None:
        path = tmp_path / "spool" / f"{recording.sid}.journal"
        journals.append(json.loads(path.read_text()))

    exchange = with_recording(tmp_path, work)
    record = named(exchange, "main").record
    (journal,) = journals
    for key in ("sid", "account_sid", "call_sid", "source", "start_ns", "created_ns"):
        assert journal[key] == getattr(record, key)
    assert journal["channels"] == 2
