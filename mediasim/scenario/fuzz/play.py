"""Plays one run of a scenario, and keeps its files, records, events and truth."""

from __future__ import annotations

import io
import tempfile
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.events import Event
from mediasim.exchange.recording_control import LiveRecording
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runner import Run, run_scenario
from mediasim.truth.documents import RecordingTruth

__all__ = ["Played", "files_below", "play"]


@dataclass(frozen=True, slots=True)
class Played:
    """A run, with the contents of the files it wrote."""

    scenario: Scenario
    run: Run
    files: Mapping[str, bytes]
    """Contents of the files by their path in the run's folder."""

    @property
    def recordings(self) -> list[LiveRecording]:
        return self.run.exchange.recordings

    @property
    def events(self) -> list[Event]:
        """All events of the run in order."""
        return sorted(self.run.exchange.events.log, key=lambda event: event.at_ns)

    def with_media(self) -> Iterator[tuple[LiveRecording, NDArray[np.int16], RecordingTruth]]:
        """Yield each recording that has a file, its samples of shape (channels, samples), and its
        truth."""
        for recording in self.recordings:
            data = self.files.get(f"recordings/{recording.sid}.wav")
            truth = self.run.truths.get(recording.sid)
            if data is not None and truth is not None:
                yield recording, channels_of(data), truth


def channels_of(data: bytes) -> NDArray[np.int16]:
    """Return the samples of a WAV file: int16, of shape (channels, samples)."""
    with wave.open(io.BytesIO(data)) as wav:
        interleaved = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
        return interleaved.reshape(-1, wav.getnchannels()).T.astype(np.int16)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files by their path in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def play(
    document: Mapping[str, Any], *, block: int | None = None, base: Path | None = None
) -> Played:
    """Run a scenario's document in virtual time, in a temporary folder.

    ``block`` is how many frames rooms may be behind; ``base`` the folder its paths are relative to.
    Raises ScenarioError for a document that is wrong, and whatever error breaks the run.
    """
    scenario = parse_scenario(document, base=base or Path())
    with tempfile.TemporaryDirectory(prefix="mediasim-") as folder:
        run = run_scenario(scenario, Path(folder), block=block)
        return Played(scenario, run, files_below(Path(folder)))
