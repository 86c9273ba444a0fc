"""The truth of recordings that a kill cut off: as far as it had been written down until then.

While a recording is made, its truth so far stands beside its journal (:func:`keep_so_far`). After
a kill it becomes the recording's truth; from the sample on that it does not reach, it says that
nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import ChannelMapEntry, RecordingRecord
from mediasim.exchange.recovery import beside
from mediasim.media.spool import replace_text
from mediasim.truth.sidecar import recording_truth

__all__ = ["keep_so_far", "publish_recovered", "recovered_channels"]


def keep_so_far(recording: LiveRecording, turn: int) -> None:
    """Write down what is known of a recording until now, for the ``turn``-th time.

    Raises OSError.
    """
    truth = recording_truth(recording)
    channels = [asdict(entry) for entry in recording.channel_map()]
    so_far, *references = beside(recording.spool.journal)
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
        found = json.loads(beside(journal)[0].read_text("utf-8"))
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
    return {
        "recording": record.sid,
        "reference": f"../references/{record.sid}.wav",
        "sample_rate": SAMPLE_RATE,
        "lost_audio": "silence",
        "channels": [
            {
                "channel": number,
                "background_dbfs": None,
                "unscripted": [],
                "intervals": [],
                "missing": [],
                "concealed": [],
                "adjustments": [],
            }
            for number in channels
        ],
        "pauses": [],
        "map": [],
        "faults": [],
    }
