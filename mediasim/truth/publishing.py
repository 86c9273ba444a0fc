"""A recording's truth put beside it: when it has ended, and after a kill.

A recording is broken here too, where that was ordered. While it is made, its truth so far stands
beside its journal (:func:`keep_so_far`). After a kill that becomes its truth; from the sample on
that it does not reach, it says that nothing is known.
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
from mediasim.truth.faults.breaking import break_published
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.sidecar import recording_truth

__all__ = [
    "break_recording",
    "keep_so_far",
    "publish_recovered",
    "publish_truth",
    "recovered_channels",
]


def publish_truth(recording: LiveRecording, faults: Sequence[FaultOrder] = ()) -> RecordingTruth:
    """Write the truth and the reference audio of a recording that has ended.

    With ``faults`` its media, which has to be published, is broken too: :func:`break_recording`.
    """
    store = recording.exchange.store
    truth = recording_truth(recording)
    store.publish_reference(recording.sid, truth.reference)
    store.publish_truth(recording.sid, truth.to_json())
    return replace(truth, faults=break_recording(recording, faults)) if faults else truth


def break_recording(
    recording: LiveRecording, faults: Sequence[FaultOrder]
) -> tuple[dict[str, Any], ...]:
    """Break a published recording's media, in order, and name the faults in its truth.

    Raises FaultError where one cannot befall it; the recording has its media and truth all the
    same.
    """
    store, sid = recording.exchange.store, recording.sid
    done = break_published(store, sid, faults, recording.exchange.seeds)
    store.publish_truth(sid, {**store.truth(sid), "faults": list(done)})
    return done


# -- after a kill ---------------------------------------------------------------------------


def keep_so_far(recording: LiveRecording, turn: int) -> None:
    """Write down what is known of a recording until now, for the ``turn``-th time.

    Raises OSError.
    """
    truth = recording_truth(recording)
    channels = [asdict(entry) for entry in recording.channel_map()]
    so_far, *references = sidecar_paths(recording.spool.journal)
    # The audio first, beside that of the last time: the truth always has the one that it is of.
    reference = references[turn % len(references)]
    reference.write_bytes(truth.reference.astype("<i2", order="C").tobytes())
    document = {"truth": truth.to_json(), "reference": reference.name, "channels": channels}
    replace_text(so_far, json.dumps(document))


def recovered_channels(journal: Path) -> list[ChannelMapEntry]:
    """Whose voices the channels held when that was last written down."""
    try:
        return [ChannelMapEntry(**entry) for entry in _so_far(journal)["channels"]]
    except (KeyError, TypeError):
        return []


def publish_recovered(store: MediaStore, record: RecordingRecord, journal: Path) -> None:
    """Have a recovered recording's truth beside it, unless it was published before the kill.

    Raises OSError.
    """
    samples = record.samples or 0
    if record.status != "completed" or _has_whole_truth(store, record.sid, samples):
        return
    try:
        so_far = _so_far(journal)
        truth, reference = dict(so_far["truth"]), journal.with_name(so_far["reference"])
        known = int(truth["samples"])
        pcm = np.fromfile(reference, "<i2").astype(np.int16, copy=False)
    except (OSError, KeyError, TypeError, ValueError):
        truth, known, pcm = _nothing_known(record), 0, np.zeros(0, np.int16)
    store.publish_reference(record.sid, pcm)
    truth |= {"samples": samples, "known_until": min(known, samples)}
    store.publish_truth(record.sid, truth)


def _so_far(journal: Path) -> Mapping[str, Any]:
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
