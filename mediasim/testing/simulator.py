"""The ``mediasim`` fixture: scenarios simulated in virtual time, recordings with their truth."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any

from mediasim.exchange.events import Event
from mediasim.exchange.media_store import MediaNotFound
from mediasim.exchange.records import RecordingRecord
from mediasim.scenario.expectations.forbidden_audio import (
    ForbiddenClip,
    SpokenUtterance,
    utterances_of,
)
from mediasim.scenario.expectations.verdicts import Verdict
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.report.build import run_report
from mediasim.scenario.running.simulate import Recorded, Result, simulate
from mediasim.testing.artifacts import Artifacts, write_page
from mediasim.testing.calls import SimulatedCall
from mediasim.testing.conversation import CallRelay, CallStream
from mediasim.testing.recording import Recording
from mediasim.testing.source import Downloaded
from mediasim.testing.waiting import on_a_loop
from mediasim.truth.documents import RecordingTruth
from mediasim.twilio.download import Format

__all__ = ["Mediasim", "Simulated"]


class Mediasim:
    """The ``mediasim`` fixture of one test: simulates calls."""

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

        A plain test gets the ended run; a test on a loop awaits it, and its loop continues
        meanwhile. Raises ScenarioError for a wrong scenario, RunFailed when the run breaks.
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
        self._artifacts.at_end(lambda: found._write_artifacts(self._artifacts.repeat))
        number = "" if self._runs == 1 else f" {self._runs}"
        self._artifacts.at_failure(f"mediasim: what happened in run{number}", found._tell)
        return found


def _at_once(work: Callable[[], Any]) -> Any:
    """Run a function: a run that has ended has no loop of its own any more."""
    return work()


class Simulated:
    """The results of a run.

    A test on a loop awaits it; an attribute used before that waits for the end of the run.
    """

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

        if on_a_loop():  # a thread runs one event loop at a time
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
        """The same result as :func:`mediasim.simulate` returns."""
        return self._result.result()

    @property
    def recordings(self) -> list[Recording]:
        """Recordings in the order they were started."""
        return [Recording(_RunRecording(each, self.result)) for each in self.result.recordings]

    def recording(self, name: str | None = None) -> Recording:
        """Return the recording of that name, or the first. Raises LookupError."""
        return Recording(_RunRecording(self.result.recording(name), self.result))

    @property
    def streams(self) -> list[CallStream]:
        """Media streams of the apps, each by its call's name; a party's as ``call/party``."""
        found = self.result.run.streams.items()
        if not found:
            return []
        from mediasim.twilio.streams import MediaStream

        return [
            CallStream(name, each, _at_once)
            for name, each in found
            if isinstance(each, MediaStream)
        ]

    def stream(self, name: str | None = None) -> CallStream:
        """Return the stream of that name (``main``, ``main/agent``), or the first.

        Raises LookupError.
        """
        for stream in self.streams:
            if name in (None, stream.name):
                return stream
        known = ", ".join(stream.name for stream in self.streams) or "none"
        raise LookupError(f"there is no call with an app {name or ''}; there are: {known}")

    @property
    def relays(self) -> list[CallRelay]:
        """Relays (ConversationRelay) of the calls with an app, each by its call's name."""
        found = self.result.run.streams.items()
        if not found:
            return []
        from mediasim.twilio.relay.session import RelaySession

        return [
            CallRelay(name, each, _at_once)
            for name, each in found
            if isinstance(each, RelaySession)
        ]

    def relay(self, name: str | None = None) -> CallRelay:
        """Return the relay of the call of that name, or the first. Raises LookupError."""
        for relay in self.relays:
            if name in (None, relay.name):
                return relay
        known = ", ".join(relay.name for relay in self.relays) or "none"
        raise LookupError(f"there is no call with a relay {name or ''}; there are: {known}")

    @property
    def calls(self) -> list[SimulatedCall]:
        """All legs, in the order they were dialled."""
        live = self.result.run.exchange.calls
        return [SimulatedCall(record, live) for record in self.result.calls]

    @property
    def events(self) -> list[Event]:
        """All events, in order."""
        return self.result.events

    @property
    def verdicts(self) -> list[Verdict]:
        """One verdict for each of the scenario's own expectations."""
        return self.result.verdicts

    @property
    def report(self) -> dict[str, Any]:
        """The run as it stands in ``report.json``."""
        return self.result.report

    @property
    def directory(self) -> Path:
        """Folder of the recordings."""
        return self.result.directory

    def assert_ok(self) -> None:
        """Assert that every expectation of the scenario holds."""
        __tracebackhide__ = True
        failed = [verdict for verdict in self.verdicts if not verdict.ok]
        if failed:
            lines = [
                f"  {each.check}: expected {each.wanted}, found {each.found}" for each in failed
            ]
            raise AssertionError("\n".join(["what the scenario expects does not hold:", *lines]))

    def assert_never_contains(self, clip: ForbiddenClip) -> None:
        """Assert that no recording holds a part of it: see
        :meth:`Recording.assert_never_contains`."""
        __tracebackhide__ = True
        for recording in self.recordings:
            recording.assert_never_contains(clip)

    def _tell(self) -> str:
        """Return the events of an ended run as text, for a failed test."""
        if not self._result.done() or self._result.exception() is not None:
            return ""
        from mediasim.sandbox.inspector.text import events_text

        return events_text(self.events)

    def _write_artifacts(self, repeat: str) -> list[str]:
        """Write the report of an ended run; return lines that name the artifacts."""
        if not self._result.done() or self._result.exception() is not None:
            return []
        page = write_page(run_report(self.result.run, self.verdicts), self._folder, repeat)
        found = [self._folder / "recordings" / f"{each.sid}.wav" for each in self.recordings]
        return [*(f"recording: {path}" for path in found if path.is_file()), f"report: {page}"]


class _RunRecording:
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
