"""Runs one scenario: the same exchange in virtual and in real time.

Its calls and conferences run side by side, each party with its actor.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.documents.model import Many
from mediasim.exchange.events import Event
from mediasim.exchange.exchange import VIRTUAL_BLOCK, Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Behavior, PartyControl
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.stillness import is_still, waits_of
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import VirtualLoop, run_virtual
from mediasim.parties.party import Party
from mediasim.parties.voices.speech import Speaker
from mediasim.scenario.model.app import App
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.check import unit_troubles
from mediasim.scenario.model.conference import ConferenceSpec
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import Step, walk
from mediasim.scenario.running.actor import Actor
from mediasim.scenario.running.calls import DialledCall, PartyPhones, VoicemailCall
from mediasim.scenario.running.compile import (
    app_plan,
    conference_plan,
    dial_plan,
    listeners_of,
    ordered_faults,
    parties_of,
    voicemail_plan,
)
from mediasim.scenario.running.conferences import ConferenceRun
from mediasim.scenario.running.failures import RunFailed, refuse_running_loop
from mediasim.scenario.running.failures import refuse_without_real_time as refuse_endpoints
from mediasim.scenario.running.recognised import is_recognised, recognisers_of, transcript_in
from mediasim.scenario.running.sounds import ScenarioSounds, voices_of
from mediasim.seeds import Seeds
from mediasim.truth.documents import RecordingTruth
from mediasim.truth.faults.material import FaultError
from mediasim.truth.publishing import publish_truth
from mediasim.twilio.representations import recording_document

if TYPE_CHECKING:
    from mediasim.scenario.running.app_parties import AppParties
    from mediasim.scenario.running.apps import AppCall, Apps, ClockHold
    from mediasim.scenario.running.call_plans import AppPlan
    from mediasim.scenario.running.run_capture import RunCapture
    from mediasim.twilio.relay.session import RelaySession
    from mediasim.twilio.streams import MediaStream

__all__ = ["Run", "RunFailed", "ScenarioRun", "run_scenario"]

_LONGEST_SECONDS: Final = 24 * 3600
"""Seconds of its own time after which a scenario is given up: a day."""
_LOOK_EVERY_NS: Final = NS_PER_SECOND
_LOOK_SELDOM_NS: Final = 10 * NS_PER_SECOND
"""Nanoseconds between looks at whether anything can still happen, the second while some task
sleeps: each look costs a long scripted call a little."""
_PATIENCE_NS: Final = 60 * NS_PER_SECOND
"""Nanoseconds that all parties may only listen before the run is given up."""


# -- what happens in a scenario -----------------------------------------------------------------


class ScenarioRun:
    """Carries out the calls and conferences of a scenario."""

    def __init__(
        self,
        scenario: Scenario,
        exchange: Exchange,
        sounds: ScenarioSounds,
        apps: Apps | None,
        hold: ClockHold | None,
    ) -> None:
        """Take what a run needs; ``apps`` is None if no call is to one. ``hold`` stops a virtual
        clock while an app works, and is None in real time."""
        self._scenario = scenario
        self._exchange = exchange
        self._sounds = sounds
        self._apps = apps
        self._hold = hold
        self.app_calls: list[AppCall] = []
        self._parties: dict[str, Party] = parties_of(scenario)
        voices, parties = voices_of(scenario), scenario.parties
        behaviors = {
            name: self._behavior(each.script, voices[name]) for name, each in parties.items()
        }
        early = {
            name: self._behavior(each.early_media, voices[name])
            for name, each in parties.items()
            if each.early_media
        }
        apps_by_party = {name: it.app for name, it in parties.items() if it.app is not None}
        self._app_parties: AppParties | None = None
        if apps_by_party:
            from mediasim.scenario.running.app_parties import AppParties

            assert apps is not None
            self._app_parties = AppParties(exchange, apps_by_party, apps, self._app_call)
            behaviors |= dict.fromkeys(apps_by_party, self._app_parties.stay)
            exchange.far_end_of = self._app_parties.far_end
        self._phones = PartyPhones(behaviors, listeners_of(scenario), early)
        self._broken: asyncio.Future[None] = exchange.loop.create_future()
        exchange.on_fault = self._break_run

    def _behavior(self, script: Many[Step], voice: str) -> Behavior:
        """Return the behavior of a party: an actor that carries out a script in its voice."""

        async def act(control: PartyControl) -> None:
            if control.call.line is None:
                return  # an endpoint elsewhere does what it likes
            await Actor(control, voice, self._sounds).perform(script)

        return act

    def _break_run(self, call: LiveCall, error: BaseException) -> None:
        """Let an error in a call end the run."""
        if not self._broken.done():
            self._broken.set_exception(error)

    @property
    def all_app_calls(self) -> list[AppCall]:
        """The calls to apps, and those that parties have who are apps."""
        return self.app_calls + ([] if self._app_parties is None else self._app_parties.calls)

    async def perform(self) -> None:
        """Run from the first call dialled to the last leg's end.

        Raises RunFailed if all parties wait for each other.
        """
        self._sounds.prepare(self._scenario)
        calls = [self._call(call) for call in self._scenario.calls]
        rooms = [self._conference(conference) for conference in self._scenario.conferences]
        flows = [asyncio.ensure_future(flow) for flow in (*calls, *rooms)]
        watching = asyncio.ensure_future(self._watch())
        try:
            while pending := [flow for flow in flows if not flow.done()]:
                ends = (*pending, watching, self._broken)
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for task in (*flows, watching, self._broken):
                    if task.done():
                        task.result()
        finally:
            for task in (*flows, watching):
                task.cancel()
            await asyncio.gather(*flows, watching, return_exceptions=True)
            if self._app_parties is not None:
                await self._app_parties.close()
            self._broken.cancel()

    async def _call(self, call: Call) -> None:
        """Carry out a call from its time of dialling on."""
        # A call takes its SIDs when it is made, so that they follow the order of dialling.
        await self._exchange.sleep_until(int(call.at))
        await self._flow(call).run()

    def _flow(self, call: Call) -> AppCall | DialledCall | VoicemailCall:
        """Return what carries out a call, which begins to be dialled."""
        if call.app is not None:
            assert self._apps is not None
            plan = app_plan(call, self._parties, self._apps)
            app = self._app_call(call.app, plan, self._phones)
            self.app_calls.append(app)
            return app
        if call.voicemail is not None:
            mail = voicemail_plan(call, self._parties, self._sounds)
            return VoicemailCall(self._exchange, mail, self._phones)
        return DialledCall(self._exchange, dial_plan(call, self._parties), self._phones)

    def _app_call(self, app: App, plan: AppPlan, phones: PartyPhones) -> AppCall:
        """Return a call to an app, which is not open yet."""
        assert self._apps is not None
        heard = recognisers_of(self._scenario)
        return self._apps.connect(self._exchange, app, plan, phones, heard, self._hold)

    async def _conference(self, conference: ConferenceSpec) -> None:
        """Carry out a conference."""
        plan = conference_plan(conference, self._parties)
        await ConferenceRun(self._exchange, plan, self._phones).run()

    async def _watch(self) -> None:
        """Raise RunFailed when nothing can happen any more, or nothing has for long.

        In real time, and where noise or an app may still be taken for what is waited for, only
        the second is known.
        """
        scripts = [party.script for party in self._scenario.parties.values()]
        steps = [step for script in scripts for _, step in walk(script)]
        patience = _PATIENCE_NS + max((step.quiet_ns for step in steps), default=0)
        exchange = self._exchange
        while (left_ns := patience - exchange.idle_ns) > 0:
            if is_still(exchange, exchange.now_ns + left_ns):
                break
            look_ns = _LOOK_EVERY_NS if exchange.idle_ns else _LOOK_SELDOM_NS
            await exchange.watch_until(exchange.now_ns + min(left_ns, look_ns))
        waiting = [each.words(each.call.dialled_ns) for each in waits_of(exchange.calls)]
        who = "; ".join(waiting) or "a transfer, or a recording, waits for an event"
        raise RunFailed(
            f"nothing more can happen: {who}. What is waited for never comes: give the wait_for a "
            f"timeout, or let a party hang up (seen at {exchange.now_ns / NS_PER_SECOND:.1f}s)"
        )


# -- its run ------------------------------------------------------------------------------------


@dataclass(slots=True, repr=False)  # asyncio formats what a task returned, and drops it
class Run:
    """A run: the exchange with all its records, and the truth of the recordings."""

    scenario: Scenario
    seed: int
    clock: str
    """``virtual`` or ``real``."""
    directory: Path
    exchange: Exchange
    truths: dict[str, RecordingTruth] = field(default_factory=dict)
    """Truths of the recordings by SID."""
    streams: dict[str, MediaStream | RelaySession] = field(default_factory=dict)
    """Media streams and relays to apps under test, by the names of their calls."""
    end_ns: int = 0
    """Loop time at which the run ended, in nanoseconds."""
    cut_ns: int | None = None
    """Loop time at which the run was interrupted, in nanoseconds; None if it came to its own
    end."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    lateness_ms: dict[str, float] | None = None
    """How late the media plane's ticks were in real time, in milliseconds as ``p50``, ``p99``,
    ``max``; None in virtual time."""
    pcap: str | None = None
    """Path of the capture of the run's packets, below its directory; None if none was requested."""

    def is_cut(self, recording: LiveRecording) -> bool:
        """Return whether a recording ended because the run was interrupted."""
        return self.cut_ns is not None and recording.record.updated_ns >= self.cut_ns

    def recording(self, name: str | None) -> LiveRecording | None:
        """Return a recording by its name, the first where no name is given; None if there is
        none."""
        for recording in self.exchange.recordings:
            if name is None or recording.name == name:
                return recording
        return None


def run_scenario(
    scenario: Scenario,
    directory: Path | None,
    *,
    seed: int | None = None,
    realtime: bool = False,
    shared_socket: bool = False,
    block: int | None = None,
    pcap: bool = False,
    sounds: Callable[[Seeds], ScenarioSounds] | None = None,
) -> Run:
    """Carry out a scenario and publish its recordings in ``directory``; None: only in memory.

    ``shared_socket``: in real time, all lines use one socket instead of a port each. ``block``: how
    many frames a room may process at once in virtual time, instead of the usual number; it does not
    change the results. ``pcap``: also write the packets of every leg to ``directory/captures``.
    ``sounds`` gives the run's sounds from its seeds, instead of those that the scenario names.
    Raises RunFailed when the run itself breaks, ScenarioError for endpoints elsewhere in virtual
    time, RuntimeError inside a running event loop. Ctrl-C ends all calls, publishes what was
    recorded of them, and marks the run as cut.
    """
    refuse_running_loop()
    if not realtime:
        refuse_endpoints([scenario])
    seed, speaker = scenario.seed if seed is None else seed, Speaker()
    # Draws are the scenario's own, and the same in all variants of a matrix; SIDs are not.
    seeds = Seeds(seed).fork(scenario.name)
    started, cpu = time.perf_counter(), time.process_time()

    def carry_out(plane: MediaPlane, transport: Any = None) -> Coroutine[Any, Any, Run]:
        clock, capture = "real" if realtime else "virtual", None
        if pcap:
            from mediasim.scenario.running.run_capture import RunCapture

            capture = RunCapture(scenario, transport)
        carried = transport if capture is None else capture.transport
        source = sounds(seeds) if sounds else ScenarioSounds(seeds, speaker, scenario.base)
        return _carry_out(scenario, seeds, directory, source, plane, carried, clock, apps, capture)

    with _apps_of(scenario, seeds) as apps:
        if realtime:
            from mediasim.net.realtime import run_realtime

            run, pace = run_realtime(carry_out, shared_socket=shared_socket)
            run.lateness_ms = pace.lateness_ms
            run.warnings += pace.warnings
        else:
            run = run_virtual(carry_out, block or VIRTUAL_BLOCK)
        if apps is not None:
            broken = [name for name, stream in run.streams.items() if stream.error is not None]
            run.warnings += apps.faults(broken)
    run.wall_seconds = time.perf_counter() - started
    run.cpu_seconds = time.process_time() - cpu
    run.warnings += [
        *speaker.warnings,
        *(str(scenario.problem(*trouble)) for trouble in unit_troubles(scenario)),
    ]
    return run


def _apps_of(scenario: Scenario, seeds: Seeds) -> AbstractContextManager[Apps | None]:
    """Give the apps of a scenario, started; None if no call is to one."""
    of_parties = [party.app for party in scenario.parties.values()]
    if all(app is None for app in (*of_parties, *(call.app for call in scenario.calls))):
        return contextlib.nullcontext()
    from mediasim.scenario.running.apps import apps_of

    return apps_of(scenario, seeds)


async def _carry_out(
    scenario: Scenario,
    seeds: Seeds,
    directory: Path | None,
    sounds: ScenarioSounds,
    plane: MediaPlane,
    transport: Any,
    clock: str,
    apps: Apps | None,
    capture: RunCapture | None,
) -> Run:
    """Set up an exchange, run the scenario on it, and return the run."""
    exchange = Exchange(
        seeds,
        directory,
        document=recording_document,
        plane=plane,
        profile=scenario.profile,
        transport=transport,
        sid_label=scenario.label,
    )
    run = Run(scenario, seeds.seed, clock, exchange.store.directory, exchange)

    def publish(event: Event) -> None:
        recording = next(each for each in exchange.recordings if each.sid == event.subject)
        try:
            truth = publish_truth(recording, faults.get(recording.name, ()))
            run.truths[recording.sid] = truth
            if recognised and exchange.store.keeps_documents:
                heard = transcript_in(scenario, truth).to_json()
                exchange.store.publish_transcript(recording.sid, heard)
        except FaultError as error:
            refused.append(f"recording {recording.name}: {error}")

    recognised = is_recognised(scenario)
    faults = ordered_faults(scenario)
    refused: list[str] = []
    exchange.events.on("recording.completed", publish)
    hold = exchange.loop.hold if isinstance(exchange.loop, VirtualLoop) else None
    scenario_run = ScenarioRun(scenario, exchange, sounds, apps, hold)
    if any(party.endpoint is not None for party in scenario.parties.values()):
        from mediasim.scenario.running.endpoints import Endpoints

        endpoint_of, app_of = Endpoints(scenario).far_end, exchange.far_end_of
        exchange.far_end_of = lambda call: endpoint_of(call) or app_of(call)
    if capture is not None:
        exchange.far_end_of = capture.far_ends(exchange.far_end_of)
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await scenario_run.perform()
    except TimeoutError:
        raise RunFailed("the scenario goes on for more than a day: something never ends") from None
    except asyncio.CancelledError:  # Ctrl-C: the stage has ended all calls
        run.cut_ns, keeps = exchange.now_ns, exchange.store.keeps_documents
        for recording in filter(run.is_cut, exchange.recordings if keeps else ()):
            document = exchange.store.document(recording.sid)
            exchange.store.publish_document(recording.sid, {**document, "cut": True})
    if refused:
        raise RunFailed("; ".join(refused))
    run.end_ns = exchange.now_ns
    if capture is not None:
        run.pcap = capture.name
        capture.write(exchange, run.directory / run.pcap)
    for call in scenario_run.all_app_calls:
        run.streams[call.name] = call.stream
        run.warnings += call.all_warnings
    return run
