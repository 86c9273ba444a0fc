"""Recordings that a killed process left in progress: published on the next start.

What had been written when the process died is there, to the last flush; what was said of it
beforehand is in its journal. A journal stands beside a recording's spool from its start. It may go
only when the media is published, the row of the database is written and the app's callback was
answered: whatever of these a kill cuts off, the next start finds the journal and does the rest. A
kill between two steps of publishing leaves the media published and the journal in place: then only
what follows the media is done again.
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
    "beside",
    "recover_recordings",
    "revive_recordings",
    "settle_left",
]

SPOOL = "spool"
"""The folder of a store's directory in which recordings under way are."""
Step = Literal["media", "row", "callback"]
CALLBACK: Final = "callback"
"""The step, and what it is called in a journal: its value tells whom to call."""


class Journals:
    """The steps that are still due, by recording SID. Safe to use from any thread."""

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
        """Keep it until this is done too; nothing for a recording without a journal."""
        with self._lock:
            if sid in self._paths:
                self._due[sid].add(step)

    def done(self, sid: str, step: Step) -> None:
        """Note that a step is done; after the last one the journal is removed."""
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
                pass  # a disk that takes no change leaves it to the next start


def _remove_journal(journal: Path) -> None:
    """Remove a journal, and then what stands beside it."""
    # The journal first: until it is gone, a kill has the app told again.
    for path in (journal, *beside(journal)):
        path.unlink(missing_ok=True)


def _remove_orphans(spool: Path) -> None:
    """Remove what stood beside journals that are gone, and what was not written whole."""
    for path in (*spool.glob(".RE*.new"), *spool.glob("RE*.copied")):
        path.unlink(missing_ok=True)
    for path in (*spool.glob("*.truth"), *spool.glob("*.reference?")):
        if not path.with_suffix(".journal").exists():
            path.unlink(missing_ok=True)


def beside(journal: Path) -> tuple[Path, Path, Path]:
    """What is known of a recording while it is made: its truth so far, and two places for the
    audio that it points into, used in turn."""
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
    """A recording that was published after a kill; its journal is still in place."""

    record: RecordingRecord
    journal: Mapping[str, Any]
    path: Path
    """The journal's."""

    def forget(self) -> None:
        """Remove the journal and what stands beside it."""
        _remove_journal(self.path)


def recover_recordings(
    store: MediaStore, dates: Dates, document: RecordingDocument
) -> list[RecordingRecord]:
    """Publish every recording found in the store's spool.

    Returns their records; ``dates`` are of the process that died, ``document`` makes the JSON
    beside the media. Nothing is left in the spool.
    """
    revived = revive_recordings(store, dates, document, store.directory / SPOOL)
    for each in revived:
        each.forget()
    return [each.record for each in revived]


def revive_recordings(
    store: MediaStore,
    dates: Dates,
    document: RecordingDocument,
    spool: Path,
    substitute: Substitute | None = None,
    about: Callable[[RecordingRecord], None] | None = None,
) -> list[RecoveredRecording]:
    """The same, with their journals, which stay until :meth:`RecoveredRecording.forget`.

    ``substitute`` gives the journal of a recording whose own cannot be read, by SID and channels;
    ``about`` completes a record before its document is written. Raises OSError for a disk that
    cannot be written.
    """

    def write(record: RecordingRecord) -> None:
        store.publish_document(record.sid, document(record, dates))

    found = []
    for recovered in recover(spool, substitute):
        record = _record(recovered.journal)
        if record is None:
            continue  # not a journal of ours: left where it is
        samples = _publish_media(store, record.sid, recovered)
        recovered.path.unlink(missing_ok=True)
        _settle(record, recovered.samples, samples, about, write)
        found.append(RecoveredRecording(record, recovered.journal, recovered.journal_path))
    revived = {each.path for each in found}
    for path in journals(spool):
        journal = None if path in revived else read_journal(path)
        record = None if journal is None else _record(journal)
        if journal is None or record is None:
            continue
        # Without audio of its own it had been published, or had not begun to be written.
        length = media_samples(store, record.sid) or 0
        _settle(record, length, length, about, write)
        found.append(RecoveredRecording(record, journal, path))
    _remove_orphans(spool)
    return sorted(found, key=lambda each: each.record.sid)


def settle_left(store: MediaStore, record: RecordingRecord, died_ns: int) -> None:
    """End a recording whose process died and that no spool holds: by what is in the store."""
    if record.status != "processing":
        lifecycle.move(record, "processing", died_ns)
    samples = media_samples(store, record.sid) or 0
    lifecycle.settle(record, samples, samples, died_ns)


def media_samples(store: MediaStore, sid: str) -> int | None:
    """How many samples each channel of the published media has; None if there is none."""
    try:
        return int(read_wav(store.wav_path(sid)).pcm.shape[1])
    except (AudioFileError, MediaNotFound):
        return None


def _publish_media(store: MediaStore, sid: str, recovered: Recovered) -> int:
    """Publish what is in the spool, without what was to be trimmed; returns its samples."""
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
    """The record as it was begun; None for a journal that is not one of ours."""
    try:
        return RecordingRecord(
            sid=check_recording_sid(journal["sid"]),
            account_sid=journal["account_sid"],
            call_sid=journal["call_sid"],
            source=journal["source"],
            layout=recording_layout(**journal["layout"]),
            created_ns=journal["created_ns"],
            start_ns=journal["start_ns"],
            conference_sid=journal["conference_sid"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _settle(
    record: RecordingRecord,
    recorded: int,
    kept: int,
    about: Callable[[RecordingRecord], None] | None,
    write: Callable[[RecordingRecord], None],
) -> None:
    """Complete the record of what has been published, and write its document."""
    ended_ns = record.start_ns + kept * 125_000
    lifecycle.move(record, "processing", ended_ns)
    if about is not None:
        about(record)
    lifecycle.settle(record, recorded, kept, ended_ns, write=write)
