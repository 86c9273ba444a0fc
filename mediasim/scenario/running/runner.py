"""Runs one scenario: the same exchange in virtual and in real time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mediasim.exchange.events import Event
from mediasim.exchange.exchange import VIRTUAL_BLOCK, Exchange
from mediasim.exchange.recording_control import LiveRecording
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import VirtualLoop, run_virtual
from mediasim.parties.voices.speech import Speaker
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.apps import Apps, apps_of
from mediasim.scenario.running.bots import BotFailed
from mediasim.scenario.running.capturing import RunCapture, capture_name
from mediasim.scenario.running.endpoints import EndpointError, Endpoints, refuse_without_real_time
from mediasim.scenario.running.plans import ordered_faults
from mediasim.scenario.running.sounds import ScenarioSounds
from mediasim.scenario.running.stage import RunFailed, Stage
from mediasim.scenario.running.unit_check import unit_warnings
from mediasim.seeds import Seeds
from mediasim.truth.documents import RecordingTruth
from mediasim.truth.faults.material import FaultError
from mediasim.truth.publishing import publish_truth
from mediasim.twilio.representations import recording_document
from mediasim.twilio.streams import Stream

__all__ = ["Run", "RunFailed", "run_scenario"]

_LONGEST_SECONDS: Final = 24 * 3600
"""No scenario runs longer than a day of its own time: it would be waiting for nothing."""


@dataclass(slots=True, repr=False)  # asyncio puts what a task returned into words, for nobody
class Run:
    """What one run left: the exchange with all its records, and the truth."""

    scenario: Scenario
    seed: int
    clock: str
    """virtual or real."""
    directory: Path
    exchange: Exchange
    truths: dict[str, RecordingTruth] = field(default_factory=dict)
    """By recording SID."""
    streams: dict[str, Stream] = field(default_factory=dict)
    """To apps under test, by the names of their calls."""
    end_ns: int = 0
    cut_ns: int | None = None
    """When it was interrupted; None if it came to its own end."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    lateness_ms: dict[str, float] | None = None
    """Real time only: how late the ticks were."""
    pcap: str | None = None
    """The capture of its packets, below its directory, if it was asked for."""

    def is_cut(self, recording: LiveRecording) -> bool:
        """Whether a recording ended because the run was interrupted."""
        return self.cut_ns is not None and recording.record.updated_ns >= self.cut_ns

    def recording(self, name: str | None) -> LiveRecording | None:
        """A recording by its name; the first where no name is given."""
        for recording in self.exchange.recordings:
            if name is None or recording.name == name:
                return recording
        return None


def run_scenario(
    scenario: Scenario,
    directory: Path,
    *,
    seed: int | None = None,
    realtime: bool = False,
    shared_socket: bool = False,
    block: int | None = None,
    pcap: bool = False,
) -> Run:
    """Carry out a scenario and publish its recordings in ``directory``.

    ``shared_socket``: in real time, all lines through one socket instead of a port for each.
    ``block``: how many frames a room may be lived through at once in virtual time, instead of the
    usual; it changes nothing of what comes out.
    ``pcap``: also leave what every leg sent and received, in ``directory/captures``.
    Raises RunFailed when the run itself breaks, ScenarioError for endpoints elsewhere in virtual
    time, RuntimeError inside a running event loop. Ctrl-C ends all calls, publishes what was
    recorded of them, and marks the run as cut.
    """
    _refuse_running_loop()
    if not realtime:
        refuse_without_real_time([scenario])
    seed = scenario.seed if seed is None else seed
    speaker = Speaker()
    # Draws are the scenario's own, and the same in all variants of a matrix; SIDs are not.
    seeds = Seeds(seed).fork(scenario.name)
    started, cpu = time.perf_counter(), time.process_time()

    def carry_out(plane: MediaPlane, transport: Any = None) -> Coroutine[Any, Any, Run]:
        clock = "real" if realtime else "virtual"
        capture = RunCapture(scenario, transport) if pcap else None
        carried = transport if capture is None else capture.transport
        return _carry_out(scenario, seeds, directory, speaker, plane, carried, clock, apps, capture)

    try:
        with apps_of(scenario, seeds) as apps:
            if realtime:
                run = _in_real_time(carry_out, shared_socket)
            else:
                run = run_virtual(carry_out, block or VIRTUAL_BLOCK)
            broken = [name for name, stream in run.streams.items() if stream.error is not None]
            run.warnings += apps.faults(broken)
    except (BotFailed, EndpointError) as failed:
        raise RunFailed(str(failed)) from None
    run.wall_seconds = time.perf_counter() - started
    run.cpu_seconds = time.process_time() - cpu
    run.warnings += [*speaker.warnings, *unit_warnings(scenario)]
    return run


def _refuse_running_loop() -> None:
    library = running_library()
    if library is not None:
        raise RuntimeError(
            f"simulate has an event loop of its own and cannot run inside {library}'s: write "
            "'await mediasim.simulate_async(...)' here (in a notebook too)"
        )


def running_library() -> str | None:
    """Whose event loop runs in this thread: asyncio's, trio's, or none."""
    if asyncio._get_running_loop() is not None:
        return "asyncio"
    trio = sys.modules.get("trio")
    return "trio" if trio is not None and trio.lowlevel.in_trio_run() else None


_Main = Callable[..., Coroutine[Any, Any, Run]]


def _in_real_time(main: _Main, shared_socket: bool) -> Run:
    from mediasim.net.realtime import run_realtime

    run, pace = run_realtime(main, shared_socket=shared_socket)
    run.lateness_ms = pace.lateness_ms
    run.warnings += pace.warnings
    return run


async def _carry_out(
    scenario: Scenario,
    seeds: Seeds,
    directory: Path,
    speaker: Speaker,
    plane: MediaPlane,
    transport: Any,
    clock: str,
    apps: Apps,
    capture: RunCapture | None,
) -> Run:
    exchange = Exchange(
        seeds,
        directory,
        document=recording_document,
        plane=plane,
        profile=scenario.profile,
        transport=transport,
        sid_label=scenario.label,
    )
    run = Run(scenario, seeds.seed, clock, directory, exchange)

    def tell_truth(event: Event) -> None:
        recording = next(each for each in exchange.recordings if each.sid == event.subject)
        try:
            run.truths[recording.sid] = publish_truth(recording, faults.get(recording.name, ()))
        except FaultError as error:
            refused.append(f"recording {recording.name}: {error}")

    faults = ordered_faults(scenario)
    refused: list[str] = []
    exchange.events.on("recording.completed", tell_truth)
    sounds = ScenarioSounds(seeds, speaker, scenario.base)
    hold = exchange.loop.hold if isinstance(exchange.loop, VirtualLoop) else None
    stage = Stage(scenario, exchange, sounds, apps, hold)
    exchange.far_end_of = Endpoints(scenario).far_end
    if capture is not None:
        exchange.far_end_of = capture.far_ends(exchange.far_end_of)
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await stage.perform()
    except TimeoutError:
        raise RunFailed("the scenario goes on for more than a day: something never ends") from None
    except asyncio.CancelledError:  # Ctrl-C: the stage has ended all calls
        run.cut_ns = exchange.now_ns
        for recording in filter(run.is_cut, exchange.recordings):
            document = exchange.store.document(recording.sid)
            exchange.store.publish_document(recording.sid, {**document, "cut": True})
    if refused:
        raise RunFailed("; ".join(refused))
    run.end_ns = exchange.now_ns
    if capture is not None:
        run.pcap = capture_name(scenario)
        capture.write(exchange, directory / run.pcap)
    for call in stage.app_calls:
        run.streams[call.name] = call.stream
        run.warnings += call.warnings
    return run
