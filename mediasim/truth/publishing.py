"""Writes a recording's truth beside it, when it has ended or after a crash.

Faults that were ordered are applied here too. While a recording is in progress, its truth up to now
is saved beside its journal (:func:`save_checkpoint`). After a crash the last checkpoint becomes its
truth, which states from which sample on nothing is known (``known_until``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import ChannelMapEntry, RecordingRecord
from mediasim.exchange.recovery import sidecar_paths
from mediasim.media.spool import replace_text
from mediasim.truth.documents import ChannelTruth, RecordingTruth
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.sidecar import recording_truth

__all__ = [
    "break_recording",
    "publish_recovered",
    "publish_truth",
    "recovered_channels",
    "save_checkpoint",
]


def publish_truth(recording: LiveRecording, faults: Sequence[FaultOrder] = ()) -> RecordingTruth:
    """Write the truth and the reference audio of a recording that has ended.

    ``faults`` are applied to its media, which must have been published (:func:`break_recording`).
    """
    store = recording.exchange.store
    truth = recording_truth(recording)
    if store.keeps_documents:
        store.publish_reference(recording.sid, truth.reference)
        store.publish_truth(recording.sid, truth.to_json())
    return replace(truth, faults=break_recording(recording, faults)) if faults else truth


def break_recording(
    recording: LiveRecording, faults: Sequence[FaultOrder]
) -> tuple[dict[str, Any], ...]:
    """Apply faults to a published recording in order, and list them in its truth.

    Raises FaultError if one is not applicable; the recording then keeps its media and truth.
    """
    from mediasim.truth.faults.breaking import break_published

    store, sid = recording.exchange.store, recording.sid
    done = break_published(store, sid, faults, recording.exchange.seeds)
    if store.keeps_documents:
        store.publish_truth(sid, {**store.truth(sid), "faults": list(done)})
    return done


# -- crash recovery -------------------------------------------------------------------------


def save_checkpoint(recording: LiveRecording, turn: int) -> None:
    """Save the truth of a recording up to now; ``turn`` counts its checkpoints.

    Raises OSError.
    """
    truth = recording_truth(recording)
    channels = [asdict(entry) for entry in recording.channel_map()]
    checkpoint, *references = sidecar_paths(recording.spool.journal)
    # The audio is written first, and not over that of the last checkpoint: at whatever moment the
    # process is killed, the saved document names reference audio that is complete.
    reference = references[turn % len(references)]
    reference.write_bytes(truth.reference.astype("<i2", order="C").tobytes())
    document = {"truth": truth.to_json(), "reference": reference.name, "channels": channels}
    replace_text(checkpoint, json.dumps(document))


def recovered_channels(journal: Path) -> list[ChannelMapEntry]:
    """Return the channel map of the last checkpoint; empty if there is none."""
    try:
        return [ChannelMapEntry(**entry) for entry in _checkpoint(journal)["channels"]]
    except (KeyError, TypeError):
        return []


def publish_recovered(store: MediaStore, record: RecordingRecord, journal: Path) -> None:
    """Write a recovered recording's truth from its last checkpoint.

    A truth that was published before the crash is kept. Raises OSError.
    """
    samples = record.samples or 0
    if record.status != "completed" or _has_whole_truth(store, record.sid, samples):
        return
    try:
        saved = _checkpoint(journal)
        truth, reference = dict(saved["truth"]), journal.with_name(saved["reference"])
        known = int(truth["samples"])
        pcm = np.fromfile(reference, "<i2").astype(np.int16, copy=False)
    except (OSError, KeyError, TypeError, ValueError):
        truth, known, pcm = _nothing_known(record), 0, np.zeros(0, np.int16)
    store.publish_reference(record.sid, pcm)
    # The recording goes on for up to a checkpoint's interval beyond what its truth knows.
    truth |= {"samples": samples, "known_until": min(known, samples)}
    store.publish_truth(record.sid, truth)


def _checkpoint(journal: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(sidecar_paths(journal)[0].read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_whole_truth(store: MediaStore, sid: str, samples: int) -> bool:
    try:
        store.reference_path(sid)
        return bool(store.truth(sid)["samples"] == samples)
    except (MediaNotFound, ValueError, KeyError, TypeError):
        return False


def _nothing_known(record: RecordingRecord) -> dict[str, Any]:
    channels = range(1, record.layout.stored_channels + 1)
    nothing = tuple(ChannelTruth(number, (), (), ()) for number in channels)
    return RecordingTruth(record.sid, 0, nothing, (), (), seed=None, conceal=False).to_json()
