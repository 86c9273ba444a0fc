"""What a start makes of what the last one left: documents in which nothing is under way.

A sandbox that was killed leaves calls, conferences and recordings in the middle of their lives.
Recordings are published as far as they were written; everything else ends at the last moment
that is known of.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.lifecycle import interrupt
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.exchange.recovery import recover_recordings
from mediasim.sandbox.documents import from_document, to_document
from mediasim.twilio.representations import recording_document
from mediasim.twilio.resources import TranscriptionRecord
from mediasim.twilio.transcriptions import finish

__all__ = ["Documents", "epoch_after", "last_moment", "revive"]

Documents = dict[str, list[dict[str, Any]]]
"""By kind, oldest first."""

_Life = CallRecord | ConferenceRecord | RecordingRecord | TranscriptionRecord
_LIVES: Final[dict[str, type[_Life]]] = {
    "call": CallRecord,
    "conference": ConferenceRecord,
    "recording": RecordingRecord,
    "transcription": TranscriptionRecord,
}
_SECOND: Final = 1_000_000_000


def last_moment(documents: Documents) -> int:
    """The last time in them, in nanoseconds since 1970; 0 where there is none."""
    return max((at for each in documents.values() for at in _times(each)), default=0)


def _times(value: Any) -> Iterable[int]:
    if isinstance(value, list):
        for item in value:
            yield from _times(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name.endswith("_ns") and isinstance(item, int):
                yield item
            else:
                yield from _times(item)


def epoch_after(moment_ns: int, earliest: datetime) -> datetime:
    """The date of a new loop's time zero: not before what happened in the last one."""
    after = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=-(-moment_ns // _SECOND))
    return max(earliest, after)


def revive(
    documents: Documents, store: MediaStore, epoch: datetime | None, spools: Iterable[Path]
) -> set[tuple[str, str]]:
    """Publish recordings that were under way, and end what has not ended, in the documents.

    ``epoch`` is the last start's, None if there was none. Returns kind and SID of what changed.
    """
    if epoch is None:
        return set()
    before = {kind: {each["sid"]: each for each in documents.get(kind, ())} for kind in _LIVES}
    dates = Dates(epoch)
    epoch_ns = dates.unix_ns(0)
    published = {
        record.sid: record
        for each in spools
        for record in recover_recordings(store, dates, recording_document, each)
    }
    recordings = documents.setdefault("recording", [])
    known = {document["sid"] for document in recordings}
    for number, document in enumerate(recordings):
        if (record := published.get(document["sid"])) is not None:
            record.channel_map = from_document(RecordingRecord, document, epoch_ns).channel_map
            recordings[number] = to_document(record, epoch_ns)
    recordings += [
        to_document(record, epoch_ns) for sid, record in published.items() if sid not in known
    ]
    died_ns = last_moment(documents) - epoch_ns
    for kind in _LIVES:
        documents[kind] = [
            _ended(kind, each, epoch_ns, died_ns) for each in documents.get(kind, [])
        ]
    return {
        (kind, each["sid"])
        for kind in _LIVES
        for each in documents[kind]
        if each is not before[kind].get(each["sid"])
    }


def _ended(kind: str, document: dict[str, Any], epoch_ns: int, died_ns: int) -> dict[str, Any]:
    """The document, unless its record was active: then what that comes to."""
    type_ = _LIVES[kind]
    if document["status"] not in type_.LIFE.interrupted:
        return document
    record = from_document(type_, document, epoch_ns)
    if isinstance(record, TranscriptionRecord):
        finish(record, died_ns)
    else:
        interrupt(record, died_ns)
    if isinstance(record, RecordingRecord):  # of which nothing was found to publish
        record.samples, record.absence = 0, "too-short"
    return to_document(record, epoch_ns)
