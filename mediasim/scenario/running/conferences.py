"""A scenario's conferences, compiled to the exchange's operations."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.conference import Conference
from mediasim.exchange.dial import ConnectedCalls, attend
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.participant import Participant, ParticipantOptions
from mediasim.exchange.phone import Behavior, PartyControl
from mediasim.exchange.recording import RecordingOptions, start_recording
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import ConferenceRecord
from mediasim.exchange.waiting import CallEnded, first_of, never
from mediasim.media.room import Room
from mediasim.scenario.running.call_plans import (
    ConferencePlan,
    MutePlan,
    ParticipantPlan,
    RecordingPlan,
)
from mediasim.scenario.running.calls import Cast, PlannedRecordings

__all__ = ["Meeting"]


class Meeting:
    """One conference, from the first to join to the last to leave."""

    def __init__(self, exchange: Exchange, plan: ConferencePlan, cast: Cast) -> None:
        self._exchange = exchange
        self._plan = plan
        self._cast = cast
        self._began_ns = exchange.now_ns
        self._room = Room(exchange.plane)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._coming = len(plan.participants)
        self._ended = False
        self._conference, self._planned = self._open()

    def _open(self) -> tuple[Conference, PlannedRecordings]:
        """A conference of the plan's name; another one is opened once it has ended."""
        exchange, plan = self._exchange, self._plan
        record = ConferenceRecord(
            sid=exchange.sids.new("CF"),
            account_sid=exchange.account_sid,
            friendly_name=plan.name,
            created_ns=exchange.now_ns,
        )
        exchange.catalogue.add_conference(record)
        conference = Conference(exchange, self._room, record, spawn=self._spawn)
        conference.expecting = self._coming
        planned = PlannedRecordings(
            exchange,
            () if plan.recording is None else (plan.recording,),
            partial(self._start, conference),
            lambda: conference.started,
            self._spawn,
        )
        planned.watch()
        return conference, planned

    async def run(self) -> None:
        """From the first to join to the last to leave."""
        plan = self._plan
        try:
            async with asyncio.TaskGroup() as group:
                for who in plan.participants:
                    group.create_task(self._take_part(who))
                if plan.end_ns is not None:
                    group.create_task(self._end(self._began_ns + plan.end_ns))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._conference.end("conference-ended-via-api")
            self._room.close()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end(self, at_ns: int) -> None:
        await self._exchange.sleep_until(at_ns)
        self._ended = True
        self._conference.end("conference-ended-via-api")

    async def _take_part(self, who: ParticipantPlan) -> None:
        exchange = self._exchange
        await exchange.sleep_until(self._began_ns + who.join_ns)
        if self._ended:
            return
        if self._conference.over:
            self._conference, self._planned = self._open()
        conference, planned = self._conference, self._planned
        phone = self._cast.phone(who.party, acts=False)
        call = exchange.new_call(
            who.party,
            self._room,
            to=self._plan.name,
            from_=who.party.number,
            direction="inbound",
            status="ringing",
            flow=self._plan.name,
        )
        call.dialled_ns = self._began_ns  # all of it is one call, as its joins and mutes are
        control = CallControl(call, phone)
        control.answer()
        options = ParticipantOptions(
            beep="false",
            record=lambda: planned.begin("answer"),
        )
        participant = conference.expect(control, options)
        self._coming -= 1
        conference.expecting = self._coming
        for mute in who.mutes:
            control.spawn(self._mute(conference, participant, mute))
        behavior = self._cast.behaviors.get(who.party.name)
        control.behave(self._staying(who, behavior))
        try:
            await attend(ConnectedCalls(control), conference, participant)
        except CallEnded:
            pass
        finally:
            await control.finish()

    def _staying(self, who: ParticipantPlan, behavior: Behavior | None) -> Behavior:
        """What a participant does, until its time to leave; at a set end all are taken off."""

        async def act(control: PartyControl) -> None:
            doing = behavior(control) if behavior is not None else asyncio.sleep(0)
            if who.leave_ns is not None:
                leaves = self._exchange.sleep_until(self._began_ns + who.leave_ns)
                if await first_of(leaves, doing) == 1:
                    await self._exchange.sleep_until(self._began_ns + who.leave_ns)
                await control.call.hang_up()
                return
            await doing
            if self._plan.end_ns is not None:
                await never()

        return act

    async def _mute(self, conference: Conference, participant: Participant, mute: MutePlan) -> None:
        await self._exchange.sleep_until(self._began_ns + mute.at_ns)
        conference.mute(participant, True)
        if mute.for_ns is not None:
            await self._exchange.sleep_until(self._began_ns + mute.at_ns + mute.for_ns)
            conference.mute(participant, False)

    def _start(self, conference: Conference, plan: RecordingPlan) -> LiveRecording:
        return start_recording(
            self._exchange,
            self._room,
            conference.tracks,
            "conference",
            RecordingOptions(plan.channels, trim=plan.trim),
            "Conference",
            call_sid=conference.joined[0].call.sid,
            name=plan.name,
            conference_sid=conference.sid,
        )
