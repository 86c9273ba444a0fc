"""The Python face: simulate a scenario, get its recordings with their truth.

result = mediasim.simulate({"parties": {...}, "call": {...}})
result.recording().pcm          # (channels, samples) int16
result.recording().truth        # who said what, at which sample
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.wav import read_wav
from mediasim.exchange.events import Event
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.scenario.expectations.checks import Verdict, check
from mediasim.scenario.model.load import load_scenarios, parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.report.build import run_report
from mediasim.scenario.report.model import report_json
from mediasim.scenario.running.runner import Run, run_scenario
from mediasim.scenario.running.sounds import check_sounds
from mediasim.truth.documents import RecordingTruth
from mediasim.twilio.download import Download, Format, download

__all__ = ["Recorded", "Result", "simulate", "simulate_async"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording of a run."""

    name: str
    record: RecordingRecord
    truth: RecordingTruth | None
    """None for a recording that is absent."""
    _run: Run
    _live: LiveRecording

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def path(self) -> Path:
        """The WAV. Raises MediaNotFound for a recording that is absent."""
        return self._run.exchange.store.wav_path(self.sid)

    @property
    def pcm(self) -> NDArray[np.int16]:
        """The stored channels: (channels, samples), 8 kHz."""
        return read_wav(self.path).pcm

    def download(
        self, requested_channels: int | str | None = None, format: Format = "wav"
    ) -> Download:
        """What a download with that RequestedChannels answers."""
        return download(
            self._run.exchange.store,
            self.record,
            requested_channels=requested_channels,
            format=format,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left."""

    run: Run
    verdicts: list[Verdict]
    """One for each of the scenario's expectations."""

    @property
    def ok(self) -> bool:
        """Whether every expectation holds."""
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def directory(self) -> Path:
        """Where the recordings are."""
        return self.run.directory

    @property
    def recordings(self) -> list[Recorded]:
        """In the order they were started."""
        return [
            Recorded(live.name, live.record, self.run.truths.get(live.sid), self.run, live)
            for live in self.run.exchange.recordings
        ]

    def recording(self, name: str | None = None) -> Recorded:
        """The recording of that name, or the first. Raises LookupError if there is none."""
        for recording in self.recordings:
            if name is None or recording.name == name:
                return recording
        known = ", ".join(recording.name for recording in self.recordings) or "none"
        raise LookupError(f"there is no recording {name or ''}; there are: {known}")

    @property
    def calls(self) -> list[CallRecord]:
        """Every leg's call, in the order they were dialled."""
        return self.run.exchange.catalogue.calls()

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order."""
        return sorted(self.run.exchange.events.log, key=lambda event: event.at_ns)

    @property
    def report(self) -> dict[str, Any]:
        """The run as ``report.json`` has it."""
        found: dict[str, Any] = report_json(run_report(self.run, self.verdicts))
        return found


def simulate(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    seed: int | None = None,
    directory: str | Path | None = None,
    realtime: bool = False,
) -> Result:
    """Run a scenario: an object, a dict of the file's shape, or the path of a file.

    ``directory`` takes the recordings; a new temporary one where absent. Raises ScenarioError for
    a scenario that is wrong, RunFailed when the run breaks, RuntimeError in a coroutine or a
    notebook: await :func:`simulate_async` there.
    """
    found = _scenario(scenario)
    check_sounds([found])
    where = Path(tempfile.mkdtemp(prefix="mediasim-")) if directory is None else Path(directory)
    run = run_scenario(found, where, seed=seed, realtime=realtime)
    return Result(run, [check(run, wanted) for wanted in found.expect])


async def simulate_async(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    seed: int | None = None,
    directory: str | Path | None = None,
    realtime: bool = False,
) -> Result:
    """:func:`simulate` for coroutines of asyncio and trio: the run has a thread of its own."""
    from anyio import to_thread  # asyncio's and trio's alike

    work = partial(simulate, scenario, seed=seed, directory=directory, realtime=realtime)
    return await to_thread.run_sync(work, abandon_on_cancel=True)


def _scenario(given: Scenario | Mapping[str, Any] | str | Path) -> Scenario:
    if isinstance(given, Scenario):
        return given
    if isinstance(given, Mapping):
        return parse_scenario(given)
    found = load_scenarios([given])
    if len(found) != 1:
        raise ValueError(f"{given} gives {len(found)} runs: simulate takes one; load them first")
    return found[0]
