"""The stage: a scenario's calls and conferences set up and run side by side, with their actors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Behavior, PartyControl
from mediasim.parties.party import Party
from mediasim.scenario.model.call import Call
from mediasim.scenario.model.conference import Conference
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.model.steps import walk
from mediasim.scenario.running.actor import Actor
from mediasim.scenario.running.app_call import AppCall
from mediasim.scenario.running.apps import Apps, Hold
from mediasim.scenario.running.calls import Cast, DialledCall, VoicemailCall
from mediasim.scenario.running.meetings import Meeting
from mediasim.scenario.running.plans import (
    app_plan,
    conference_plan,
    dial_plan,
    listeners_of,
    parties_of,
    voicemail_plan,
)
from mediasim.scenario.running.sounds import ScenarioSounds, voices_of

__all__ = ["RunFailed", "Stage"]

_PATIENCE_NS: Final = 60 * NS_PER_SECOND
"""How long everybody may only listen before the run is given up."""


class RunFailed(RuntimeError):
    """The run itself broke; says why in words."""


class Stage:
    """Everything that happens in one scenario."""

    def __init__(
        self,
        scenario: Scenario,
        exchange: Exchange,
        sounds: ScenarioSounds,
        apps: Apps,
        hold: Hold | None,
    ) -> None:
        """``hold`` stops a virtual clock while an app is waited for; None: it is a real one."""
        self._scenario = scenario
        self._exchange = exchange
        self._sounds = sounds
        self._apps = apps
        self._hold = hold
        self.app_calls: list[AppCall] = []
        self._parties: dict[str, Party] = parties_of(scenario)
        self._actors: list[Actor] = []
        behaviors = {
            name: self._behavior(name, voice) for name, voice in voices_of(scenario).items()
        }
        self._cast = Cast(behaviors, listeners_of(scenario))
        self._broken: asyncio.Future[None] = exchange.loop.create_future()
        exchange.on_fault = self._fault

    def _behavior(self, name: str, voice: str) -> Behavior:
        script = self._scenario.parties[name].script

        async def act(control: PartyControl) -> None:
            if control.call.line is None:
                return  # an endpoint elsewhere does what it likes
            actor = Actor(control, voice, self._sounds)
            self._actors.append(actor)
            await actor.perform(script)

        return act

    def _fault(self, call: LiveCall, error: BaseException) -> None:
        if not self._broken.done():
            self._broken.set_exception(error)

    async def perform(self) -> None:
        """From the first call dialled to the last leg's end. Raises RunFailed if it never ends."""
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
            self._broken.cancel()

    def _call(self, call: Call) -> Coroutine[Any, Any, None]:
        if call.app is not None:
            return self._connect(call)
        return self._voicemail(call) if call.voicemail is not None else self._dial(call)

    async def _connect(self, call: Call) -> None:
        await self._exchange.sleep_until(int(call.at))
        assert call.app is not None
        port = self._apps.port(
            self._hold or contextlib.nullcontext,
            waits=self._hold is not None,
            grace=call.app.grace.seconds,
        )
        plan = app_plan(call, self._parties, self._apps)
        flow = AppCall(self._exchange, plan, port, self._cast)
        self.app_calls.append(flow)
        await flow.run()

    async def _dial(self, call: Call) -> None:
        await self._exchange.sleep_until(int(call.at))
        plan = dial_plan(call, self._parties)
        await DialledCall(self._exchange, plan, self._cast).run()

    async def _voicemail(self, call: Call) -> None:
        await self._exchange.sleep_until(int(call.at))
        plan = voicemail_plan(call, self._parties, self._sounds)
        await VoicemailCall(self._exchange, plan, self._cast).run()

    async def _conference(self, conference: Conference) -> None:
        plan = conference_plan(conference, self._parties)
        await Meeting(self._exchange, plan, self._cast).run()

    async def _watch(self) -> None:
        """Raises RunFailed when everybody has long been waiting for somebody else."""
        scripts = [party.script for party in self._scenario.parties.values()]
        steps = [step for script in scripts for _, step in walk(script)]
        patience = _PATIENCE_NS + max((step.quiet_ns for step in steps), default=0)
        while (idle_ns := self._exchange.idle_ns) < patience:
            await self._exchange.watch_until(self._exchange.now_ns + patience - idle_ns)
        waiting = [words for actor in self._actors if (words := actor.waiting)]
        who = "; ".join(waiting) or "a transfer, or a recording, waits for an event"
        raise RunFailed(
            f"nothing more can happen: {who}. What is waited for never comes: give the wait_for a "
            "timeout, or let somebody hang up"
        )
