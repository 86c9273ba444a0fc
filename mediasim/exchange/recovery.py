"""Crash recovery: publish at the next start the recordings that a killed process left.

The spool has a recording's audio to the last flush before the crash, and the journal beside it has
the record. A journal is removed only when the media is published, the row of the database is
written and the app's callback was answered: whichever of these a crash prevents, the next start
finds the journal and does the rest. A crash between two steps of publishing leaves the media
published and the journal in place: then only the steps after the media are done again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from mediasim.audio.wav import AudioFileError, read_wav
from mediasim.exchange import lifecycle
from mediasim.exchange.dates import Dates
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.media_store import MediaNotFound, MediaStore, RecordingDocument
from mediasim.exchange.records import RecordingRecord, check_recording_sid
from mediasim.exchange.trim import absence
from mediasim.media.spool import (
    Recovered,
    Substitute,
    journals,
    read_journal,
    recover,
    replace_text,
)

__all__ = [
    "CALLBACK",
    "SPOOL",
    "Journals",
    "RecoveredRecording",
    "Step",
    "journal_of",
    "recover_recordings",
    "recover_with_journals",
    "settle_interrupted",
    "sidecar_paths",
]

SPOOL = "spool"
"""The folder of recordings in progress, in a store's directory."""
Step = Literal["media", "row", "callback"]
"""A step that is due before a journal may be removed."""
CALLBACK: Final = "callback"
"""The step, and its key in a journal, whose value describes the callback to send."""


_JOURNALLED: Final = (
    *("sid", "account_sid", "call_sid", "conference_sid"),
    *("source", "start_ns", "created_ns"),
)
"""The fields of a record that its journal has unchanged."""


def journal_of(record: RecordingRecord) -> dict[str, Any]:
    """Return the journal of a recording that starts."""
    fields = {name: getattr(record, name) for name in _JOURNALLED}
    return {**fields, "layout": record.layout.request()}


class Journals:
    """The steps that are still due for each recording. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[str, set[Step]] = {}
        self._paths: dict[str, Path] = {}

    def begin(self, sid: str, journal: Path) -> None:
        """Keep a recording's journal until its media is published."""
        with self._lock:
            self._paths[sid] = journal
            self._due.setdefault(sid, set()).add("media")

    def require(self, sid: str, step: Step) -> None:
        """Keep a journal until this step is done too; does nothing without a journal."""
        with self._lock:
            if sid in self._paths:
                self._due[sid].add(step)

    def done(self, sid: str, step: Step) -> None:
        """Mark a step as done, and remove the journal after the last one."""
        with self._lock:
            due = self._due.get(sid)
            if due is None or step not in due:
                return
            due.discard(step)
            journal = self._paths[sid]
            try:
                if not due:
                    del self._due[sid], self._paths[sid]
                    _remove_journal(journal)
                elif step == CALLBACK:
                    _forget_callback(journal)
            except OSError:
                pass  # the disk fails: the journal stays, and the next start does the step again


def _remove_journal(journal: Path) -> None:
    """Remove a journal and its sidecar files."""
    # The journal first: a crash after it leaves orphans, which are removed at the next start.
    for path in (journal, *sidecar_paths(journal)):
        path.unlink(missing_ok=True)


def _remove_orphans(spool: Path) -> None:
    """Remove sidecar files whose journals are gone, and files that were not written completely."""
    for path in (*spool.glob(".RE*.new"), *spool.glob("RE*.copied")):
        path.unlink(missing_ok=True)
    for path in (*spool.glob("*.truth"), *spool.glob("*.reference?")):
        if not path.with_suffix(".journal").exists():
            path.unlink(missing_ok=True)


def sidecar_paths(journal: Path) -> tuple[Path, Path, Path]:
    """Return a recording in progress's files: its truth so far, and two for reference audio.

    The two are written in turn, so that one is always whole.
    """
    names = (".truth", ".reference0", ".reference1")
    first, second, third = (journal.with_suffix(name) for name in names)
    return first, second, third


def _forget_callback(journal: Path) -> None:
    document = read_journal(journal)
    if document is not None and document.pop(CALLBACK, None) is not None:
        replace_text(journal, json.dumps(document))


# -- the next start ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecoveredRecording:
    """A recording that was published after a crash, whose journal is still in place."""

    record: RecordingRecord
    journal: Mapping[str, Any]
    path: Path
    """The journal's path."""

    def forget(self) -> None:
        """Remove the journal and its sidecar files."""
        _remove_journal(self.path)


def recover_recordings(
    store: MediaStore, dates: Dates, document: RecordingDocument
) -> list[RecordingRecord]:
    """Publish all recordings in the store's spool, empty the spool, and return the records.

    ``dates`` are those of the process that died; ``document`` makes the JSON beside the media.
    """
    revived = recover_with_journals(store, dates, document, store.directory / SPOOL)
    for each in revived:
        each.forget()
    return [each.record for each in revived]


def recover_with_journals(
    store: MediaStore,
    dates: Dates,
    document: RecordingDocument,
    spool: Path,
    substitute: Substitute | None = None,
    complete: Callable[[RecordingRecord], None] | None = None,
) -> list[RecoveredRecording]:
    """Publish all recordings in a spool; their journals stay until they are forgotten.

    ``substitute`` returns the journal of a recording whose own cannot be read, by SID and number of
    channels; ``complete`` completes a record before its document is written. Raises OSError if the
    disk cannot be written.
    """

    def write(record: RecordingRecord) -> None:
        store.publish_document(record.sid, document(record, dates))

    found = []
    for recovered in recover(spool, substitute):
        record = _record(recovered.journal)
        if record is None:
            continue  # not a recording's journal: left where it is
        samples = _publish_media(store, record.sid, recovered)
        recovered.path.unlink(missing_ok=True)
        _finish(record, recovered.samples, samples, complete, write)
        found.append(RecoveredRecording(record, recovered.journal, recovered.journal_path))
    revived = {each.path for each in found}
    for path in journals(spool):
        journal = None if path in revived else read_journal(path)
        record = None if journal is None else _record(journal)
        if journal is None or record is None:
            continue
        # A journal without audio: its media had been published, or had not begun to be written.
        length = media_samples(store, record.sid) or 0
        _finish(record, length, length, complete, write)
        found.append(RecoveredRecording(record, journal, path))
    _remove_orphans(spool)
    return sorted(found, key=lambda each: each.record.sid)


def settle_interrupted(store: MediaStore, record: RecordingRecord, died_ns: int) -> None:
    """End a recording whose process died, by the media in the store, as no spool has any."""
    if record.status != "processing":
        lifecycle.move(record, "processing", died_ns)
    samples = media_samples(store, record.sid) or 0
    lifecycle.finish_processing(record, samples, samples, died_ns)


def media_samples(store: MediaStore, sid: str) -> int | None:
    """Return the samples per channel of a recording's published media; None without any."""
    try:
        return int(read_wav(store.wav_path(sid)).pcm.shape[1])
    except (AudioFileError, MediaNotFound):
        return None


def _publish_media(store: MediaStore, sid: str, recovered: Recovered) -> int:
    """Publish the audio of a spool, trimmed as its journal says; return its samples per channel."""
    whole = 0, recovered.samples
    try:
        start, end = recovered.journal.get("kept", whole)
        kept = (start, end) if 0 <= start <= end <= recovered.samples else whole
    except (TypeError, ValueError):
        kept = whole
    samples: int = kept[1] - kept[0]
    if absence(recovered.samples, samples) is None:
        if kept == whole:
            store.adopt_wav(sid, recovered.path)
        else:
            store.publish_part(sid, recovered.path, *kept)
    return samples


def _record(journal: Mapping[str, Any]) -> RecordingRecord | None:
    """Return the record of a journal as it began; None if it is not a recording's journal."""
    try:
        check_recording_sid(journal["sid"])
        fields = {name: journal[name] for name in _JOURNALLED}
        return RecordingRecord(**fields, layout=recording_layout(**journal["layout"]))
    except (KeyError, TypeError, ValueError):
        return None


def _finish(
    record: RecordingRecord,
    recorded: int,
    kept: int,
    complete: Callable[[RecordingRecord], None] | None,
    write: Callable[[RecordingRecord], None],
) -> None:
    """End the processing of a published recording, and write its document."""
    ended_ns = record.start_ns + kept * 125_000
    lifecycle.move(record, "processing", ended_ns)
    if complete is not None:
        complete(record)
    lifecycle.finish_processing(record, recorded, kept, ended_ns, write=write)
