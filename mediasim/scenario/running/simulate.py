"""The Python interface: simulate a scenario, and get its recordings with their truth.

result = mediasim.simulate({"parties": {...}, "call": {...}})
result.recording().pcm          # (channels, samples) int16
result.recording().truth        # who said what, at which sample
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.wav import read_wav
from mediasim.documents.diagnostics import clock, counted
from mediasim.exchange.events import Event
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.recogniser.transcript import Transcript
from mediasim.scenario.expectations.checks import Verdict, check
from mediasim.scenario.model.load import load_scenarios, parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.report.build import run_report
from mediasim.scenario.report.model import report_json
from mediasim.scenario.running.recognised import transcript_in
from mediasim.scenario.running.runner import Run, run_scenario
from mediasim.scenario.running.sounds import check_sounds
from mediasim.truth.documents import RecordingTruth
from mediasim.truth.notebook import Shown
from mediasim.twilio.download import Download, Format, download

__all__ = ["Recorded", "Result", "simulate", "simulate_async"]


@dataclass(frozen=True, slots=True, repr=False)
class Recorded(Shown):
    """A recording of a run."""

    name: str
    record: RecordingRecord
    truth: RecordingTruth | None
    """The truth of the recording; None if the recording is absent."""
    _run: Run
    _live: LiveRecording

    def __repr__(self) -> str:
        size = "no media"
        if self.truth is not None:
            length = clock(self.truth.samples / SAMPLE_RATE)
            size = f"{counted(len(self.truth.channels), 'channel')}, {length}"
        return f"<recording {self.name} {self.sid}: {self.record.status}, {size}>"

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def path(self) -> Path:
        """Path of the WAV file. Raises MediaNotFound for a recording that is absent."""
        return self._run.exchange.store.wav_path(self.sid)

    @property
    def pcm(self) -> NDArray[np.int16]:
        """The stored channels at 8 kHz: an int16 array of shape (channels, samples)."""
        return read_wav(self.path).pcm

    def transcript(self, recogniser: str | Mapping[str, Any] | None = None) -> Transcript:
        """Return what a recogniser hears in the recording: utterances of each channel.

        ``recogniser`` is ``"perfect"``, ``"realistic"``, or settings as scenarios have them; None:
        the scenario's own. Raises LookupError for a recording that is absent, ScenarioError for
        wrong settings.
        """
        if self.truth is None:
            raise LookupError(f"recording {self.name} is absent: there is nothing to hear in it")
        return transcript_in(self._run.scenario, self.truth, recogniser)

    def download(
        self, requested_channels: int | str | None = None, format: Format = "wav"
    ) -> Download:
        """Return the response to a download with that RequestedChannels."""
        return download(
            self._run.exchange.store,
            self.record,
            requested_channels=requested_channels,
            format=format,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What a run produced: recordings, calls, events, and the verdicts on its expectations."""

    run: Run
    verdicts: list[Verdict]
    """The verdict on each of the scenario's expectations, in their order."""

    def __repr__(self) -> str:
        held = sum(verdict.ok for verdict in self.verdicts)
        return (
            f"<result of {self.run.scenario.name}: {counted(len(self.calls), 'call')}, "
            f"{counted(len(self.recordings), 'recording')}, "
            f"{held} of {counted(len(self.verdicts), 'expectation')} hold>"
        )

    def _repr_html_(self) -> str:
        parts = [f"<p>{escape(repr(self)[1:-1])}</p>"]
        failed = (verdict for verdict in self.verdicts if not verdict.ok)
        parts += [f"<p>✗ {escape(it.wanted)}: {escape(it.found)}</p>" for it in failed]
        for recording in self.recordings:
            parts.append(f"<p>{escape(repr(recording)[1:-1])}</p>")
            if recording.truth is not None:
                parts.append(recording._repr_html_())
        return "".join(parts)

    @property
    def ok(self) -> bool:
        """Whether every expectation holds."""
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def directory(self) -> Path:
        """The folder that holds the recordings."""
        return self.run.directory

    @property
    def recordings(self) -> list[Recorded]:
        """The recordings in the order in which they were started."""
        return [
            Recorded(live.name, live.record, self.run.truths.get(live.sid), self.run, live)
            for live in self.run.exchange.recordings
        ]

    def recording(self, name: str | None = None) -> Recorded:
        """Return the recording of that name, or the first. Raises LookupError if there is none."""
        for recording in self.recordings:
            if name is None or recording.name == name:
                return recording
        known = ", ".join(recording.name for recording in self.recordings) or "none"
        raise LookupError(f"there is no recording {name or ''}; there are: {known}")

    @property
    def calls(self) -> list[CallRecord]:
        """The record of every leg's call, in the order in which they were dialled."""
        return self.run.exchange.catalogue.calls()

    @property
    def events(self) -> list[Event]:
        """All events of the run in order."""
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

    ``directory`` is where the recordings are stored; a new temporary one where absent. Raises
    ScenarioError for a scenario that is wrong, RunFailed when the run breaks, RuntimeError in a
    coroutine or a notebook: await :func:`simulate_async` there.
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
    """Run :func:`simulate` in a thread, for coroutines of asyncio and trio."""
    from anyio import to_thread  # asyncio's and trio's alike

    work = partial(simulate, scenario, seed=seed, directory=directory, realtime=realtime)
    return await to_thread.run_sync(work, abandon_on_cancel=True)


def _scenario(given: Scenario | Mapping[str, Any] | str | Path) -> Scenario:
    """Return the one scenario that is given. Raises ValueError if a file gives several."""
    if isinstance(given, Scenario):
        return given
    if isinstance(given, Mapping):
        return parse_scenario(given)
    found = load_scenarios([given])
    if len(found) != 1:
        raise ValueError(f"{given} gives {len(found)} runs: simulate takes one; load them first")
    return found[0]
