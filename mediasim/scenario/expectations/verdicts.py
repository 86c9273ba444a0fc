"""What a check concludes, and its access to what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.trim import ABSENT
from mediasim.scenario.running.runner import Run
from mediasim.truth.documents import RecordingTruth

__all__ = ["Failed", "Media", "Verdict", "media_of", "place", "recording_of"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation holds, and what was found."""

    ok: bool
    check: str
    wanted: str
    found: str
    where: dict[str, Any] | None = None
    """file, channel and time (seconds in the file) to listen at."""


class Failed(Exception):
    """The expectation does not hold; says what was found, and where to listen."""

    def __init__(self, found: str, where: dict[str, Any] | None = None) -> None:
        super().__init__(found)
        self.where = where


@dataclass(frozen=True, slots=True)
class Media:
    """A published recording."""

    record: RecordingRecord
    pcm: NDArray[np.int16]
    """(channels, samples), as they are in the file."""
    truth: RecordingTruth

    @property
    def samples(self) -> int:
        return int(self.pcm.shape[1])


def recording_of(run: Run, name: str | None) -> LiveRecording:
    """A recording by its name, the only one where no name is given. Raises Failed."""
    recording = run.recording(name)
    if recording is None:
        known = ", ".join(each.name for each in run.exchange.recordings) or "none"
        wanted = f"recording {name}" if name else "a recording"
        raise Failed(f"{wanted} was never started (recordings there are: {known})")
    return recording


def media_of(run: Run, name: str | None) -> Media:
    """A recording's file and truth. Raises Failed if it has none."""
    recording = recording_of(run, name)
    record = recording.record
    if record.status != "completed":
        why = f": {ABSENT[record.absence]}" if record.absence else ""
        raise Failed(f"recording {recording.name} is {record.status}{why}")
    path = run.exchange.store.wav_path(recording.sid)
    return Media(record, _read(path, path.stat().st_mtime_ns), run.truths[recording.sid])


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> NDArray[np.int16]:
    return read_wav(path).pcm


def place(record: RecordingRecord, channel: int = 1, sample: int = 0) -> dict[str, Any] | None:
    """Where to listen; None for a recording without a file."""
    if record.status != "completed":
        return None
    return {
        "file": f"recordings/{record.sid}.wav",
        "channel": channel,
        "time": round(max(0, sample) / SAMPLE_RATE, 3),
    }
