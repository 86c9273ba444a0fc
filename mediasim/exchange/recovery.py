"""Recordings that a killed process left under way: published on the next start.

What had been written when the process died is there, to the last flush; what was said of it
beforehand is in its journal. Its truth died with the process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediasim.exchange import lifecycle
from mediasim.exchange.dates import Dates
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.media_store import MediaStore, RecordingDocument
from mediasim.exchange.records import RecordingRecord
from mediasim.media.spool import Recovered, recover

__all__ = ["SPOOL", "recover_recordings"]

SPOOL = "spool"
"""The folder of a store's directory in which recordings under way are."""


def recover_recordings(
    store: MediaStore, dates: Dates, document: RecordingDocument, spool: Path | None = None
) -> list[RecordingRecord]:
    """Publish every recording found in the spool, the store's unless another is given.

    Returns their records; ``dates`` are of the process that died, ``document`` makes the JSON
    beside the media.
    """
    found = []
    for recovered in recover(spool or store.directory / SPOOL):
        try:
            record = _record(recovered, recovered.journal)
        except (KeyError, TypeError, ValueError):
            continue  # not a journal of ours: left where it is
        _publish(store, record, recovered)
        store.publish_document(record.sid, document(record, dates))
        recovered.discard()
        found.append(record)
    return found


def _record(recovered: Recovered, journal: dict[str, Any]) -> RecordingRecord:
    return RecordingRecord(
        sid=journal["sid"],
        account_sid=journal["account_sid"],
        call_sid=journal["call_sid"],
        source=journal["source"],
        layout=recording_layout(**journal["layout"]),
        created_ns=journal["created_ns"],
        start_ns=journal["start_ns"],
        conference_sid=journal["conference_sid"],
    )


def _publish(store: MediaStore, record: RecordingRecord, recovered: Recovered) -> None:
    samples = recovered.samples
    ended_ns = record.start_ns + samples * 125_000
    lifecycle.move(record, "processing", ended_ns)
    lifecycle.settle(
        record,
        samples,
        samples,
        ended_ns,
        keep=lambda: store.adopt_wav(record.sid, recovered.path),
    )
