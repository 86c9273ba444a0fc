"""The ``mediasim`` fixture: scenarios simulated in virtual time, recordings with their truth."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any

from mediasim.exchange.events import Event
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.scenario.expectations.verdicts import Verdict
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.report.build import run_report
from mediasim.scenario.running.simulate import Recorded, Result, simulate
from mediasim.testing.artifacts import Artifacts, write_page
from mediasim.testing.conversation import CallStream
from mediasim.testing.forbidden_audio import ForbiddenClip
from mediasim.testing.recording import Recording
from mediasim.testing.source import Downloaded, SpokenUtterance, utterances_of
from mediasim.testing.waiting import on_a_loop
from mediasim.truth.documents import RecordingTruth
from mediasim.twilio.download import Format

__all__ = ["Mediasim", "Simulated"]


class Mediasim:
    """Simulates calls for one test."""

    def __init__(self, artifacts: Artifacts, base: Path) -> None:
        """``base`` is the folder that paths in scenarios built in Python are relative to."""
        self._artifacts = artifacts
        self._base = base
        self._runs = 0

    def simulate(
        self,
        scenario: Scenario | Mapping[str, Any] | str | Path | None = None,
        *,
        seed: int | None = None,
        **parts: Any,
    ) -> Simulated:
        """Run a scenario: an object, a dict, the path of a file, or its parts by their keys.

        In a plain test it has run when this returns; ``await`` it in a test on a loop, which goes
        on meanwhile. Raises ScenarioError for a scenario that is wrong, RunFailed when the run
        breaks.
        """
        if (scenario is None) == (not parts):
            raise TypeError(
                "expected a scenario, or its parts such as parties={...}, call={...}; "
                + ("found neither" if scenario is None else "found both")
            )
        if scenario is None or isinstance(scenario, Mapping):
            name = self._artifacts.name.partition("[")[0]
            given = parts if scenario is None else scenario
            scenario = parse_scenario(given, name=name, base=self._base)
        options = self._artifacts.options
        self._runs += 1
        folder = self._artifacts.folder / f"run-{self._runs}"
        found = Simulated(
            scenario, seed if options.seed is None else options.seed, folder, options.realtime
        )
        self._artifacts.at_end(lambda: found._kept(self._artifacts.repeat))
        return found


class Simulated:
    """What a run left. On a loop it is to be awaited; before that, its attributes wait for it."""

    def __init__(
        self, scenario: Scenario | str | Path, seed: int | None, folder: Path, realtime: bool
    ) -> None:
        self._folder = folder
        self._result: Future[Result] = Future()

        def run() -> None:
            try:
                self._result.set_result(
                    simulate(scenario, seed=seed, directory=folder, realtime=realtime)
                )
            except BaseException as error:
                self._result.set_exception(error)

        if on_a_loop():  # which the run's own loop cannot be run beneath
            Thread(target=run, name="mediasim-run", daemon=True).start()
        else:
            run()
            self._result.result()

    def __await__(self) -> Generator[Any, None, Simulated]:
        import asyncio

        yield from asyncio.wrap_future(self._result).__await__()
        return self

    @property
    def result(self) -> Result:
        """The same as :func:`mediasim.simulate` returns it."""
        return self._result.result()

    @property
    def recordings(self) -> list[Recording]:
        """In the order they were started."""
        return [Recording(_FromRun(each, self.result)) for each in self.result.recordings]

    def recording(self, name: str | None = None) -> Recording:
        """The recording of that name, or the first. Raises LookupError if there is none."""
        return Recording(_FromRun(self.result.recording(name), self.result))

    @property
    def streams(self) -> list[CallStream]:
        """Of the calls with an app, each by its call's name."""
        found = self.result.run.streams.items()
        return [CallStream(name, each, lambda work: work()) for name, each in found]

    def stream(self, name: str | None = None) -> CallStream:
        """The stream of the call of that name, or the first. LookupError if there is none."""
        for stream in self.streams:
            if name in (None, stream.name):
                return stream
        known = ", ".join(stream.name for stream in self.streams) or "none"
        raise LookupError(f"there is no call with an app {name or ''}; there are: {known}")

    @property
    def calls(self) -> list[CallRecord]:
        """Every leg's call, in the order they were dialled."""
        return self.result.calls

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order."""
        return self.result.events

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each of the scenario's own expectations."""
        return self.result.verdicts

    @property
    def report(self) -> dict[str, Any]:
        """The run as ``report.json`` has it."""
        return self.result.report

    @property
    def directory(self) -> Path:
        """Where the recordings are."""
        return self.result.directory

    def assert_ok(self) -> None:
        """Every expectation of the scenario holds."""
        __tracebackhide__ = True
        failed = [verdict for verdict in self.verdicts if not verdict.ok]
        if failed:
            lines = [
                f"  {each.check}: expected {each.wanted}, found {each.found}" for each in failed
            ]
            raise AssertionError("\n".join(["what the scenario expects does not hold:", *lines]))

    def assert_never_contains(self, clip: ForbiddenClip) -> None:
        """No recording holds any of it: see :meth:`Recording.assert_never_contains`."""
        __tracebackhide__ = True
        for recording in self.recordings:
            recording.assert_never_contains(clip)

    def _kept(self, repeat: str) -> list[str]:
        if not self._result.done() or self._result.exception() is not None:
            return []
        page = write_page(run_report(self.result.run, self.verdicts), self._folder, repeat)
        found = [self._folder / "recordings" / f"{each.sid}.wav" for each in self.recordings]
        return [*(f"recording: {path}" for path in found if path.is_file()), f"report: {page}"]


class _FromRun:
    """A recording of a run: a RecordingSource."""

    def __init__(self, recorded: Recorded, result: Result) -> None:
        self.name = recorded.name
        self._recorded = recorded
        self._result = result

    @property
    def record(self) -> RecordingRecord:
        return self._recorded.record

    def path(self) -> Path:
        return self._recorded.path

    def truth(self) -> RecordingTruth:
        truth = self._recorded.truth
        if truth is None:
            raise MediaNotFound(f"{self.name} is {self.record.status}: there is no truth of it")
        return truth

    def download(self, channels: int | None, format: Format) -> Downloaded:
        answer = self._recorded.download(channels, format)
        content = answer.message.encode() if answer.path is None else answer.path.read_bytes()
        return Downloaded(answer.status, content, format)

    def utterances(self) -> list[SpokenUtterance]:
        return utterances_of(self._result.run.exchange.calls)
