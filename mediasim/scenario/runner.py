"""Runs one scenario: the same exchange in virtual and in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mediasim.audio.frames import FRAME_NS
from mediasim.exchange.conference import ConferenceCall
from mediasim.exchange.events import Event
from mediasim.exchange.exchange import VIRTUAL_BLOCK, Exchange
from mediasim.exchange.flow import Behavior, Flow
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.two_party import TwoPartyCall
from mediasim.exchange.voicemail import VoicemailCall
from mediasim.media.plane import MediaPlane
from mediasim.net.virtual_loop import VirtualDeadlock, VirtualLoop
from mediasim.parties.party import Party
from mediasim.parties.voices.catalogue import DEFAULT_VOICES, voice_named
from mediasim.parties.voices.speech import Speaker
from mediasim.scenario.actor import Actor
from mediasim.scenario.errors import Problem, ScenarioError
from mediasim.scenario.model import Scenario
from mediasim.scenario.model_steps import Play, Say, walk
from mediasim.scenario.plans import (
    conference_plan,
    dial_plan,
    listeners_of,
    parties_of,
    voicemail_plan,
)
from mediasim.scenario.sounds import ScenarioSounds
from mediasim.seeds import Seeds
from mediasim.truth.sidecar import RecordingTruth, recording_truth

__all__ = ["Run", "RunFailed", "check_voices", "run_scenario"]

_LONGEST_SECONDS: Final = 24 * 3600
"""No scenario runs longer than a day of its own time: it would be waiting for nothing."""


class RunFailed(RuntimeError):
    """The run itself broke; says why in words."""


@dataclass(slots=True)
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
    end_ns: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    lateness_ms: dict[str, float] | None = None
    """Real time only: how late the ticks were."""

    def recording(self, name: str | None) -> LiveRecording | None:
        """A recording by its name; the first where no name is given."""
        for recording in self.exchange.recordings:
            if name is None or recording.name == name:
                return recording
        return None


def check_voices(scenarios: list[Scenario]) -> None:
    """Raises ScenarioError for every voice that nobody has."""
    problems: list[Problem] = []
    for scenario in scenarios:
        for name, party in scenario.parties.items():
            wanted: list[tuple[tuple[str | int, ...], str]] = []
            if party.voice is not None:
                wanted.append((("parties", name, "voice"), party.voice))
            for where, step in walk(party.script):
                if isinstance(step, Say) and step.voice is not None:
                    wanted.append((("parties", name, "script", *where, "voice"), step.voice))
            for where, voice in wanted:
                try:
                    voice_named(voice)
                except ValueError as error:
                    problems.append(scenario.problem(where, str(error)))
    if problems:
        raise ScenarioError(dict.fromkeys(problems))


def run_scenario(
    scenario: Scenario, directory: Path, *, seed: int | None = None, realtime: bool = False
) -> Run:
    """Carry out a scenario and publish its recordings in ``directory``.

    Raises RunFailed when the run itself breaks. Must not be called on a running event loop.
    """
    seed = scenario.seed if seed is None else seed
    speaker = Speaker()
    # Draws are the scenario's own, and the same in all variants of a matrix; SIDs are not.
    seeds = Seeds(seed).fork(scenario.name)
    started, cpu = time.perf_counter(), time.process_time()

    def carry_out(plane: MediaPlane, transport: Any = None) -> Coroutine[Any, Any, Run]:
        return _carry_out(
            scenario, seeds, directory, speaker, plane, transport, "real" if realtime else "virtual"
        )

    try:
        run = _in_real_time(carry_out) if realtime else _in_virtual_time(carry_out)
    except VirtualDeadlock:
        raise RunFailed(
            "everybody waits for something that never comes: a wait_for without a timeout?"
        ) from None
    run.wall_seconds = time.perf_counter() - started
    run.cpu_seconds = time.process_time() - cpu
    run.warnings += speaker.warnings
    return run


_Main = Callable[..., Coroutine[Any, Any, Run]]


def _in_virtual_time(main: _Main) -> Run:
    plane = MediaPlane(max_lag=VIRTUAL_BLOCK)
    loop = VirtualLoop()

    def advance(target_ns: int) -> int:
        frame = target_ns // FRAME_NS
        reached = plane.advance(frame)
        return target_ns if reached >= frame else reached * FRAME_NS

    loop.before_jump(advance)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(plane))


def _in_real_time(main: _Main) -> Run:
    from mediasim.net.realtime import run_realtime

    run, pace = run_realtime(main)
    run.lateness_ms = pace.lateness_ms
    run.warnings = pace.warnings
    return run


async def _carry_out(
    scenario: Scenario,
    seeds: Seeds,
    directory: Path,
    speaker: Speaker,
    plane: MediaPlane,
    transport: Any,
    clock: str,
) -> Run:
    exchange = Exchange(
        seeds,
        directory,
        plane=plane,
        profile=scenario.profile,
        transport=transport,
        sid_label=scenario.label,
    )
    run = Run(scenario, seeds.seed, clock, directory, exchange)

    def publish_truth(event: Event) -> None:
        recording = next(each for each in exchange.recordings if each.sid == event.subject)
        truth = recording_truth(recording)
        run.truths[recording.sid] = truth
        exchange.store.publish_truth(recording.sid, truth.to_json())

    exchange.events.on("recording.completed", publish_truth)
    stage = _Stage(scenario, exchange, ScenarioSounds(seeds, speaker, scenario.base))
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await asyncio.gather(*stage.flows())
    except TimeoutError:
        raise RunFailed("the scenario goes on for more than a day: something never ends") from None
    run.end_ns = exchange.now_ns
    return run


class _Stage:
    """Sets up the flows of a scenario, with actors for their parties."""

    def __init__(self, scenario: Scenario, exchange: Exchange, sounds: ScenarioSounds) -> None:
        self._scenario = scenario
        self._exchange = exchange
        self._sounds = sounds
        self._parties: dict[str, Party] = parties_of(scenario)
        self._listeners = listeners_of(scenario)
        self._behaviors = {
            name: self._behavior(name, party.voice or DEFAULT_VOICES[number % len(DEFAULT_VOICES)])
            for number, (name, party) in enumerate(scenario.parties.items())
        }

    def _behavior(self, name: str, voice: str) -> Behavior:
        script = self._scenario.parties[name].script

        async def act(flow: Flow, call: LiveCall) -> None:
            await Actor(flow, call, voice, self._sounds).perform(script)

        return act

    def prepare(self) -> None:
        """Make all sounds beforehand: in real time nobody may wait for a voice."""
        for number, party in enumerate(self._scenario.parties.values()):
            voice = party.voice or DEFAULT_VOICES[number % len(DEFAULT_VOICES)]
            for _, step in walk(party.script):
                if isinstance(step, Say):
                    self._sounds.say(step.text, step.voice or voice, step.level)
                elif isinstance(step, Play):
                    self._sounds.play(step)

    def flows(self) -> list[Coroutine[Any, Any, None]]:
        """Everything that happens, to be run side by side."""
        self.prepare()
        scenario = self._scenario
        work: list[Coroutine[Any, Any, None]] = []
        for call in scenario.calls:
            work.append(self._call(call))
        for conference in scenario.conferences:
            work.append(self._conference(conference))
        return work

    async def _call(self, call: Any) -> None:
        exchange = self._exchange
        await exchange.sleep_until(int(call.at))
        if call.voicemail is not None:
            plan = voicemail_plan(call, self._parties, self._sounds, DEFAULT_VOICES[-1])
            await VoicemailCall(
                exchange,
                plan,
                self._behaviors[call.from_],
                listens=call.from_ in self._listeners,
            ).run()
            return
        dial = dial_plan(call, self._parties)
        await TwoPartyCall(exchange, dial, self._behaviors, self._listeners).run()

    async def _conference(self, conference: Any) -> None:
        plan = conference_plan(conference, self._parties)
        await ConferenceCall(self._exchange, plan, self._behaviors, self._listeners).run()
