"""Crash recovery: what a start makes of the documents and spools that the last process left.

A sandbox that was killed leaves active calls, conferences and recordings. Recordings are published
as far as they were written; every other record ends at the last known time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import RecordingRecord, check_recording_sid
from mediasim.exchange.recovery import RecoveredRecording, recover_with_journals
from mediasim.media.spool import journals
from mediasim.sandbox.persistence import Documents, from_document, to_document
from mediasim.truth.publishing import publish_recovered, recovered_channels
from mediasim.twilio.representations import recording_document
from mediasim.twilio.rest.resource import Stored
from mediasim.twilio.rest.table import all_stored

__all__ = ["end_record", "epoch_after", "last_moment", "publish_left", "revive"]

_NS_PER_SECOND: Final = 1_000_000_000
Protect = Callable[[RecordingRecord], object]
"""Encrypts a recording's published media, or stores it elsewhere."""


def last_moment(documents: Documents) -> int:
    """Return the last time in the documents, in nanoseconds since 1970; 0 where there is none."""
    return max((at for each in documents.values() for at in _times(each)), default=0)


def _times(value: Any) -> Iterable[int]:
    """Yield every time in a document, in nanoseconds since 1970."""
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
    """Return the date of a new loop time zero: not before ``moment_ns`` nor ``earliest``."""
    # A virtual clock runs ahead of the wall clock: the next start must not date before its records.
    after = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=-(-moment_ns // _NS_PER_SECOND))
    return max(earliest, after)


_UNKNOWN_ACCOUNT: Final = f"AC{0:032x}"


def revive(
    documents: Documents,
    store: MediaStore,
    epoch: datetime | None,
    spools: Iterable[Path],
    recovered: list[RecoveredRecording] | None = None,
    account_sid: str = _UNKNOWN_ACCOUNT,
    protect: Protect | None = None,
) -> set[tuple[str, str]]:
    """Publish recordings that were active, and end all other active records, in the documents.

    ``epoch`` is the last start's, None if there was none; ``recovered`` collects the recovered
    recordings, whose journals the caller then has to delete. Without it they are deleted at once.
    ``account_sid`` is whose a recording is of which nothing is known; ``protect`` is as for
    :func:`publish_left`.
    Returns kind and SID of each changed document. Raises OSError if the disk cannot be written.
    """
    if epoch is None:
        return set()
    lifecycles = {kind: stored for kind, stored in all_stored().items() if stored.lives}
    before = {kind: {each["sid"]: each for each in documents.get(kind, ())} for kind in lifecycles}
    dates = Dates(epoch)
    epoch_ns = dates.unix_ns(0)
    rows = {document["sid"]: document for document in documents.get("recording", ())}
    found = [
        each
        for spool in spools
        for each in publish_left(store, dates, spool, rows, account_sid, protect)
    ]
    published = {each.record.sid: each.record for each in found}
    recordings = documents.setdefault("recording", [])
    for number, document in enumerate(recordings):
        record = published.get(document["sid"])
        # A row of a final status was written after all files were published.
        if record is not None and document["status"] in record.LIFECYCLE.interrupted:
            recordings[number] = to_document(record, epoch_ns)
    recordings += [
        to_document(record, epoch_ns) for sid, record in published.items() if sid not in rows
    ]
    if recovered is None:
        for each in found:
            each.forget()
    else:
        recovered += found
    died_ns = last_moment(documents) - epoch_ns

    def ended(stored: Stored, document: dict[str, Any]) -> dict[str, Any]:
        record = from_document(stored.record, document, epoch_ns)
        has_ended = end_record(stored, record, died_ns, store)
        return to_document(record, epoch_ns) if has_ended else document

    for kind, stored in lifecycles.items():
        documents[kind] = [ended(stored, each) for each in documents.get(kind, ())]
    # Documents that did not change are still the same objects.
    return {
        (kind, each["sid"])
        for kind in lifecycles
        for each in documents[kind]
        if each is not before[kind].get(each["sid"])
    }


def publish_left(
    store: MediaStore,
    dates: Dates,
    spool: Path,
    rows: Mapping[str, Mapping[str, Any]],
    account_sid: str = _UNKNOWN_ACCOUNT,
    protect: Protect | None = None,
) -> list[RecoveredRecording]:
    """Publish the recordings in the spool of a dead process, with their truth.

    ``rows`` are the documents of recordings by SID; ``account_sid`` is whose a recording is of
    which nothing is known; ``protect`` encrypts published media, or stores it elsewhere. Raises
    OSError.
    """
    epoch_ns = dates.unix_ns(0)
    for journal in journals(spool):
        # The recording was deleted, but not yet all of its files.
        if rows.get(journal.stem, {}).get("status") == "deleted":
            for path in spool.glob(f"{journal.stem}.*"):
                path.unlink(missing_ok=True)

    def substitute(sid: str, channels: int) -> dict[str, Any] | None:
        return _journal_of(sid, channels, rows, epoch_ns, account_sid)

    def complete(record: RecordingRecord) -> None:
        row = rows.get(record.sid)
        known = None if row is None else from_document(RecordingRecord, row, epoch_ns)
        record.channel_map = (known and known.channel_map) or recovered_channels(
            spool / f"{record.sid}.journal"
        )
        if known is not None and known.status not in record.LIFECYCLE.interrupted:
            record.encryption, record.absence = known.encryption, known.absence
            record.external_url = known.external_url
        elif protect is not None:
            protect(record)

    found = recover_with_journals(store, dates, recording_document, spool, substitute, complete)
    for each in found:
        publish_recovered(store, each.record, each.path)
    return found


def _journal_of(
    sid: str,
    channels: int,
    rows: Mapping[str, Mapping[str, Any]],
    epoch_ns: int,
    account_sid: str,
) -> dict[str, Any] | None:
    """Return a substitute for a recording's damaged journal, from its row.

    Without a row, identifiers and times are unknown and stand as zeros. Returns None for a file
    that is no recording's.
    """
    try:
        check_recording_sid(sid)
    except ValueError:
        return None
    row = rows.get(sid)
    if row is None:
        layout = {"kind": "call", "channels": "dual" if channels == 2 else "mono"}
        unknown = {
            "account_sid": account_sid,
            "call_sid": f"CA{0:032x}",
            "conference_sid": None,
            "source": "StartCallRecordingAPI",
            "start_ns": 0,
            "created_ns": 0,
        }
        return {"sid": sid, "layout": layout, **unknown}
    names = ("account_sid", "call_sid", "conference_sid", "source", "layout")
    times = {name: row[name] - epoch_ns for name in ("start_ns", "created_ns")}
    return {"sid": sid, **{name: row[name] for name in names}, **times}


def end_record(stored: Stored, record: Any, died_ns: int, store: MediaStore) -> bool:
    """End an active record whose process has died; return whether it was active."""
    if not stored.lives or record.status not in record.LIFECYCLE.interrupted:
        return False
    stored.end(record, died_ns, store)
    return True
