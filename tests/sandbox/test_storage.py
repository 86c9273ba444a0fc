"""What a sandbox finds again at its next start, and what a kill leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from mediasim.exchange.dates import DEFAULT_EPOCH, Dates
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.lifecycle import move
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.exchange.recovery import SPOOL
from mediasim.exchange.states import CallStatus
from mediasim.media.spool import SpoolFile
from mediasim.sandbox.crash_recovery import epoch_after, last_moment, revive
from mediasim.sandbox.persistence import Documents, from_document, to_document
from mediasim.sandbox.settings import Settings
from mediasim.sandbox.storage import Storage, StorageError
from mediasim.twilio.representations import rfc2822
from mediasim.twilio.transcriptions import TranscriptionRecord

EPOCH_NS = Dates().unix_ns(0)
SECOND = 1_000_000_000


def sid(prefix: str, number: int) -> str:
    return f"{prefix}{number:032x}"


def call(number: int, status: CallStatus) -> CallRecord:
    record = CallRecord(
        sid=sid("CA", number),
        account_sid=sid("AC", 0),
        to="+14155550100",
        from_="+14155550101",
        direction="inbound",
        status="ringing",
        created_ns=number * SECOND,
    )
    if status in ("in-progress", "completed"):
        move(record, "in-progress", (number + 1) * SECOND)
    if status == "completed":
        move(record, "completed", (number + 2) * SECOND)
    return record


def recording(number: int) -> RecordingRecord:
    return RecordingRecord(
        sid=sid("RE", number),
        account_sid=sid("AC", 0),
        call_sid=sid("CA", 2),
        source="DialVerb",
        layout=recording_layout("dial", "dual"),
        created_ns=3 * SECOND,
        start_ns=3 * SECOND,
    )


def spooled(record: RecordingRecord, folder: Path, seconds: int) -> None:
    """A recording under way when its process was killed."""
    journal = {
        "sid": record.sid,
        "account_sid": record.account_sid,
        "call_sid": record.call_sid,
        "conference_sid": None,
        "source": record.source,
        "start_ns": record.start_ns,
        "created_ns": record.created_ns,
        "layout": record.layout.request(),
    }
    spool = SpoolFile(folder / SPOOL, record.sid, 2, journal)
    spool.write(np.zeros((seconds * 8000, 2), np.int16))


def test_a_kill_ends_what_was_under_way_at_the_last_moment_known(tmp_path: Path) -> None:
    store = MediaStore(tmp_path)
    under_way, unspooled = recording(1), recording(2)
    spooled(under_way, tmp_path, 10)
    conference = ConferenceRecord(sid("CF", 1), sid("AC", 0), "room", created_ns=0)
    documents: Documents = {
        "call": [
            to_document(call(1, "completed"), EPOCH_NS),
            to_document(call(2, "in-progress"), EPOCH_NS),
            to_document(call(3, "ringing"), EPOCH_NS),
        ],
        "recording": [to_document(each, EPOCH_NS) for each in (under_way, unspooled)],
        "conference": [to_document(conference, EPOCH_NS)],
    }
    changed = revive(documents, store, DEFAULT_EPOCH, [store.directory / "spool"])
    calls = [from_document(CallRecord, each, EPOCH_NS) for each in documents["call"]]
    assert [each.status for each in calls] == ["completed", "completed", "failed"]
    assert calls[0] == call(1, "completed")
    assert calls[1].ended_ns == 13 * SECOND  # when the recording had last been written
    recordings = [from_document(RecordingRecord, it, EPOCH_NS) for it in documents["recording"]]
    assert [each.status for each in recordings] == ["completed", "absent"]
    assert recordings[0].samples == 80_000
    assert store.wav_path(under_way.sid).stat().st_size == 44 + 80_000 * 4
    assert store.document(under_way.sid)["start_time"] == rfc2822(Dates(), 3 * SECOND)
    assert documents["conference"][0]["status"] == "completed"
    assert changed == {
        ("call", sid("CA", 2)),
        ("call", sid("CA", 3)),
        ("conference", sid("CF", 1)),
        ("recording", sid("RE", 1)),
        ("recording", sid("RE", 2)),
    }
    assert revive(documents, store, DEFAULT_EPOCH, [store.directory / "spool"]) == set()


def test_a_transcription_under_way_at_a_kill_is_finished(tmp_path: Path) -> None:
    spoken, mute = (
        TranscriptionRecord(sid("TR", n), sid("AC", 0), sid("RE", n), 5, words, SECOND)
        for n, words in enumerate(("Hello there", ""))
    )
    documents: Documents = {"transcription": [to_document(it, EPOCH_NS) for it in (spoken, mute)]}
    changed = revive(documents, MediaStore(tmp_path), DEFAULT_EPOCH, [])
    found = [from_document(TranscriptionRecord, it, EPOCH_NS) for it in documents["transcription"]]
    assert [(each.status, each.text) for each in found] == [
        ("completed", "Hello there"),
        ("failed", ""),
    ]
    assert changed == {("transcription", each.sid) for each in found}


def test_a_recording_that_only_the_spool_knows_is_published_too(tmp_path: Path) -> None:
    spooled(recording(7), tmp_path, 1)
    documents: Documents = {}
    revive(documents, MediaStore(tmp_path), DEFAULT_EPOCH, [tmp_path / "spool"])
    assert [each["sid"] for each in documents["recording"]] == [sid("RE", 7)]
    assert documents["recording"][0]["status"] == "completed"


def test_time_goes_on_after_what_happened_before() -> None:
    documents: Documents = {"call": [to_document(call(1, "completed"), EPOCH_NS)]}
    assert last_moment(documents) == EPOCH_NS + 3 * SECOND
    assert epoch_after(EPOCH_NS + 3 * SECOND + 1, DEFAULT_EPOCH) == DEFAULT_EPOCH + timedelta(
        seconds=4
    )
    assert epoch_after(last_moment({}), DEFAULT_EPOCH) == DEFAULT_EPOCH


def test_in_memory_nothing_is_kept() -> None:
    storage = Storage(Settings())
    assert storage.database is None
    assert storage.folder.is_dir()
    assert storage.stored_setting("account", None, "AC1") == "AC1"
    storage.record_start(datetime(2026, 1, 1, tzinfo=UTC))
    storage.close()
    assert not storage.folder.exists()


def test_starts_are_counted_and_settings_kept(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new" / "data")
    first = Storage(settings)
    assert (first.boot, first.last_epoch) == (1, None)
    assert first.stored_setting("auth-token", None, "made-up") == "made-up"
    first.record_start(DEFAULT_EPOCH)
    first.close()
    second = Storage(settings)
    assert (second.boot, second.last_epoch) == (2, DEFAULT_EPOCH)
    assert second.stored_setting("auth-token", None, "other") == "made-up"
    assert second.stored_setting("auth-token", "given", "other") == "given"
    second.close()


def test_two_sandboxes_cannot_share_a_folder(tmp_path: Path) -> None:
    first = Storage(Settings(data=tmp_path))
    with pytest.raises(StorageError, match="in use by another sandbox"):
        Storage(Settings(data=tmp_path))
    first.close()
    Storage(Settings(data=tmp_path)).close()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot use"):
        Storage(Settings(data=tmp_path / "file"))
    with pytest.raises(StorageError, match="is no database URL"):
        Storage(Settings(data=tmp_path, database="nothing"))


def test_an_absence_kept_as_twilios_error_code_is_read_as_its_reason() -> None:
    silent = recording(8)
    silent.absence = "silent"
    document = to_document(silent, EPOCH_NS)
    assert from_document(RecordingRecord, document, EPOCH_NS) == silent
    del document["absence"]
    assert from_document(RecordingRecord, {**document, "error_code": 16102}, EPOCH_NS) == silent
