"""After a kill: what had been recorded by then is published by the next to start."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
from staging import acts, clip, named, on_exchange, party, pcm_of, seconds

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.audio.wav import read_wav
from mediasim.exchange.dates import Dates
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.recovery import recover_recordings
from mediasim.scenario.running.call_plans import DialPlan, Moment, RecordingPlan
from mediasim.scenario.running.calls import DialledCall, PartyPhones
from mediasim.twilio.representations import error_code, recording_document

PLANS = (
    RecordingPlan("dual", channels="dual"),
    RecordingPlan("ended", stop=Moment(at_ns=seconds(3))),
    RecordingPlan("mono", track="inbound"),
)


def killed(directory: Path, after: float) -> tuple[Exchange, MediaStore]:
    """A call that is lived to its end, and the disk as it was in the middle of it."""
    left = directory / "left"

    async def main(exchange: Exchange) -> Exchange:
        plan = DialPlan("main", party("ann"), party("bob"), recordings=PLANS)
        behaviors = {"ann": acts(clip("ann", 9.0)), "bob": acts(clip("bob", 9.0))}
        flow = DialledCall(exchange, plan, PartyPhones(behaviors, frozenset()))

        async def kill() -> None:
            await exchange.sleep_until(seconds(after))
            exchange.plane.catch_up(exchange.calls[0].room)
            shutil.copytree(directory / "alive", left)

        async with asyncio.TaskGroup() as group:
            group.create_task(kill())
            group.create_task(flow.run())
        return exchange

    return on_exchange(directory / "alive", main), MediaStore(left)


def test_what_had_been_recorded_is_published_to_the_last_second(tmp_path: Path) -> None:
    exchange, store = killed(tmp_path, 7.0)
    found = recover_recordings(store, Dates(), recording_document)
    names = {named(exchange, name).sid: name for name in ("dual", "mono")}
    assert {record.sid for record in found} == set(names)  # the other one had been published
    for record in found:
        whole = pcm_of(exchange, names[record.sid])
        pcm = read_wav(store.wav_path(record.sid)).pcm
        assert 5 * 8000 <= pcm.shape[1] <= 6 * 8000
        assert pcm.shape[1] % FRAME_SAMPLES == 0
        assert np.array_equal(pcm, whole[:, : pcm.shape[1]])
        assert record.samples == pcm.shape[1]


def test_its_document_is_that_of_the_recording_without_its_channels(tmp_path: Path) -> None:
    exchange, store = killed(tmp_path, 7.0)
    recover_recordings(store, Dates(), recording_document)
    sid = named(exchange, "dual").sid
    recovered, whole = store.document(sid), exchange.store.document(sid)
    assert recovered["status"] == "completed"
    for key in ("sid", "account_sid", "call_sid", "source", "channels", "start_time"):
        assert recovered[key] == whole[key]
    assert recovered["channel_map"]["layout"] == whole["channel_map"]["layout"]
    assert recovered["channel_map"]["channels"] == []


def test_afterwards_the_spool_is_empty_and_a_second_start_finds_nothing(tmp_path: Path) -> None:
    _, store = killed(tmp_path, 7.0)
    assert len(recover_recordings(store, Dates(), recording_document)) == 2
    assert list((store.directory / "spool").iterdir()) == []
    assert recover_recordings(store, Dates(), recording_document) == []


def test_a_recording_killed_before_its_first_sample_is_absent(tmp_path: Path) -> None:
    _, store = killed(tmp_path, 2.0)
    for part in (store.directory / "spool").glob("*.part"):
        part.write_bytes(part.read_bytes()[:44])
    found = recover_recordings(store, Dates(), recording_document)
    assert [(it.status, error_code(it)) for it in found] == [("absent", 16101)] * len(found)
    assert len(found) == 3
    assert store.sids() == sorted(it.sid for it in found)


def test_journals_that_are_not_ours_are_left_where_they_are(tmp_path: Path) -> None:
    _, store = killed(tmp_path, 7.0)
    spool = store.directory / "spool"
    (spool / "REforeign.journal").write_text('{"channels": 1, "sid": "REforeign"}')
    (spool / "REforeign.part").write_bytes(b"\0" * 1000)
    assert len(recover_recordings(store, Dates(), recording_document)) == 2
    assert sorted(it.name for it in spool.iterdir()) == ["REforeign.journal", "REforeign.part"]
