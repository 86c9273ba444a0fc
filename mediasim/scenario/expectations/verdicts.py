"""Verdicts on expectations, access to what was recorded, and the clock of a recording's file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
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

__all__ = ["Failed", "FileClock", "PublishedMedia", "Verdict", "media_of", "place", "recording_of"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation holds, and what was found."""

    ok: bool
    check: str
    """The expectation's keyword."""
    wanted: str
    """What was expected, in words."""
    found: str
    where: dict[str, Any] | None = None
    """Where to listen: file, channel and time (seconds in the file); None if there is no such
    place."""


class Failed(Exception):
    """The expectation does not hold; the message says what was found, ``where`` is the place to
    listen."""

    def __init__(self, found: str, where: dict[str, Any] | None = None) -> None:
        super().__init__(found)
        self.where = where


@dataclass(frozen=True, slots=True)
class PublishedMedia:
    """A published recording with its samples and its truth."""

    record: RecordingRecord
    pcm: NDArray[np.int16]
    """Samples as they are in the file, of shape (channels, samples)."""
    truth: RecordingTruth

    @property
    def samples(self) -> int:
        """Number of samples of each channel."""
        return int(self.pcm.shape[1])


def recording_of(run: Run, name: str | None) -> LiveRecording:
    """Return a recording by its name, the first one where no name is given.

    Raises Failed if it was never started.
    """
    recording = run.recording(name)
    if recording is None:
        known = ", ".join(each.name for each in run.exchange.recordings) or "none"
        wanted = f"recording {name}" if name else "a recording"
        raise Failed(f"{wanted} was never started (recordings there are: {known})")
    return recording


def media_of(run: Run, name: str | None) -> PublishedMedia:
    """Return a recording's file and truth. Raises Failed if it has no media."""
    recording = recording_of(run, name)
    record = recording.record
    if record.status != "completed":
        why = f": {ABSENT[record.absence]}" if record.absence else ""
        raise Failed(f"recording {recording.name} is {record.status}{why}")
    # The time of the last change is part of the key of the cache: the same path holds other
    # samples when a scenario is run again in the same folder.
    path = run.exchange.store.wav_path(recording.sid)
    return PublishedMedia(record, _read(path, path.stat().st_mtime_ns), run.truths[recording.sid])


@lru_cache(maxsize=2)
def _read(path: Path, changed: int) -> NDArray[np.int16]:
    return read_wav(path).pcm


def place(record: RecordingRecord, channel: int = 1, sample: int = 0) -> dict[str, Any] | None:
    """Return where to listen; None for a recording without a file."""
    if record.status != "completed":
        return None
    return {
        "file": f"recordings/{record.sid}.wav",
        "channel": channel,
        "time": round(max(0, sample) / SAMPLE_RATE, 3),
    }


class FileClock:
    """Converts times of a recording's file to times of its call, both in seconds."""

    def __init__(self, started: float, samples: int, truth: Mapping[str, Any] | None) -> None:
        """Take the file's length in samples and its truth, whose map says when what was recorded.

        ``started`` is the time in the call, in seconds, at which a file without a map begins.
        """
        self.seconds: float = samples / SAMPLE_RATE
        self.pauses: list[tuple[float, float, str]] = []
        """Beginning and end of each pause on the call's clock, and the kind of pause."""
        self.pieces: list[tuple[float, float, float]] = []
        """Stretches of the file with no gap: start in the file, start in the call, length."""
        spans: list[list[int]] = []  # the same, in samples
        for line in (truth or {}).get("map", ()):
            file, call, length = line["file"], line["call"], line["samples"]
            kind = line["kind"]
            # What was trimmed off the file is no part of it, nor is a pause in it.
            if kind == "skip":
                if 0 <= file <= samples:
                    self.pauses.append((call / SAMPLE_RATE, (call + length) / SAMPLE_RATE, kind))
                continue
            start, end = max(file, 0), min(file + length, samples)
            if start >= end:
                continue
            begun, ended = call + start - file, call + end - file
            if kind != "audio":
                self.pauses.append((begun / SAMPLE_RATE, ended / SAMPLE_RATE, kind))
            if spans and spans[-1][1] + spans[-1][2] == begun:
                spans[-1][2] += end - start
            else:
                spans.append([start, begun, end - start])
        self.pieces = [
            (start / SAMPLE_RATE, call / SAMPLE_RATE, length / SAMPLE_RATE)
            for start, call, length in spans
        ] or [(0.0, started, self.seconds)]

    def call_time(self, seconds: float) -> float:
        """Return the time of the call at which a place of the file was recorded."""
        index = bisect_right(self.pieces, seconds, key=lambda piece: piece[0]) - 1
        start, call, _ = self.pieces[max(index, 0)]
        return call + seconds - start

    @property
    def end(self) -> float:
        """Time of the call at which the file, or the pause at its end, was over."""
        _, call, length = self.pieces[-1]
        return max(call + length, self.pauses[-1][1] if self.pauses else 0.0)
