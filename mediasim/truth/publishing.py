"""The truth of a recording put beside it, and the recording broken where that was ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mediasim.exchange.recording_control import LiveRecording
from mediasim.truth.faults.files import break_published
from mediasim.truth.faults.order import FaultOrder
from mediasim.truth.sidecar import RecordingTruth, recording_truth

__all__ = ["publish_truth"]


def publish_truth(recording: LiveRecording, faults: Sequence[FaultOrder] = ()) -> RecordingTruth:
    """Write the truth and the reference audio of a recording that is completed.

    With ``faults`` its media is broken first, in order, and the truth names them. Raises
    FaultError where one cannot befall it; the recording has its media and truth all the same.
    """
    store = recording.exchange.store
    truth = recording_truth(recording)
    store.publish_reference(recording.sid, truth.reference)
    store.publish_truth(recording.sid, truth.to_json())
    if faults:
        done = break_published(store, recording.sid, faults, recording.exchange.seeds)
        truth = replace(truth, faults=done)
        store.publish_truth(recording.sid, truth.to_json())
    return truth
