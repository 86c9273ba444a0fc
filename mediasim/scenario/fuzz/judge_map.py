"""Whether a recording's map leads from its file to the call and back, and recordings agree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np

from mediasim.exchange.recording_control import LiveRecording
from mediasim.scenario.fuzz.play import Played
from mediasim.truth.documents import RecordingTruth

__all__ = ["map_leads_both_ways", "recordings_agree"]


def map_leads_both_ways(played: Played) -> Iterator[str]:
    """Invariant 10: the call's time passes without a gap, the file's but for what was skipped."""
    for recording, pcm, truth in played.with_media():
        name = recording.name
        for before, after in pairwise(truth.segments):
            call, file, samples, kind = before
            if after[0] != call + samples:
                yield f"recording {name}: the call jumps from {call + samples} to {after[0]}"
            if after[1] != file + (0 if kind == "skip" else samples):
                yield f"recording {name}: the file jumps at {after[1]}"
        kept = np.zeros(pcm.shape[1], np.bool_)
        for _, file, samples, kind in truth.segments:
            low, high = max(0, file), min(pcm.shape[1], file + samples)
            if kind != "skip" and low < high:
                kept[low:high] = True
                if kind == "silence" and pcm[:, low:high].any():
                    yield f"recording {name}: something is heard in the pause at {low}"
        if not kept.all():
            yield f"recording {name}: {np.count_nonzero(~kept)} samples were recorded at no time"
        recorded = sum(line[2] for line in truth.segments if line[3] != "skip")
        if recording.trim == "do-not-trim" and recorded != pcm.shape[1]:
            yield f"recording {name} has {pcm.shape[1]} samples of {recorded} that were recorded"


def recordings_agree(played: Played) -> Iterator[str]:
    """Two recordings of the same thing hold the same where both recorded."""
    for (one, one_pcm, one_truth), (other, other_pcm, other_truth) in combinations(
        played.with_media(), 2
    ):
        if one.room is not other.room or _roles(one) != _roles(other):
            continue
        for call, low, at, samples in _common(one_truth, other_truth):
            if not np.array_equal(one_pcm[:, low : low + samples], other_pcm[:, at : at + samples]):
                yield f"recordings {one.name} and {other.name} differ after {call} of the call"


def _roles(recording: LiveRecording) -> list[str]:
    return [role.role for role in recording.record.layout.channels]


def _pieces(truth: RecordingTruth) -> Iterator[tuple[int, int, int]]:
    """(sample of the call, sample of the file, samples) of the audio that is in the file."""
    for call, file, samples, kind in truth.segments:
        low, high = max(0, file), min(truth.samples, file + samples)
        if kind == "audio" and low < high:
            yield call + low - file, low, high - low


def _common(one: RecordingTruth, other: RecordingTruth) -> Iterator[tuple[int, int, int, int]]:
    """(sample of the call, of one file, of the other, samples) where both recorded."""
    for call, file, samples in _pieces(one):
        for other_call, other_file, other_samples in _pieces(other):
            low = max(call, other_call)
            high = min(call + samples, other_call + other_samples)
            if low < high:
                yield low, low - call + file, low - other_call + other_file, high - low
