"""The truth of a recording put beside it, and the recording broken where that was ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mediasim.exchange.recording_control import LiveRecording
from mediasim.truth.faults.breaking import break_published
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.sidecar import RecordingTruth, recording_truth

__all__ = ["break_recording", "publish_truth"]


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
