"""A scenario's conferences, carried out by operations of the exchange."""

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
from mediasim.scenario.running import call_plans as plans
from mediasim.scenario.running.calls import PartyPhones, PlannedRecordings

__all__ = ["ConferenceRun"]


class ConferenceRun:
    """Carries out a conference of a scenario, from the first participant's joining to the last
    one's leaving."""

    def __init__(self, exchange: Exchange, plan: plans.ConferencePlan, phones: PartyPhones) -> None:
        self._exchange = exchange
        self._plan = plan
        self._phones = phones
        self._began_ns = exchange.now_ns
        self._room = Room(exchange.plane)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._expected = len(plan.participants)
        self._ended = False
        self._conference, self._planned = self._open()

    def _open(self) -> tuple[Conference, PlannedRecordings]:
        """Open a conference of the plan's name; another one is opened once it has ended."""
        exchange, plan = self._exchange, self._plan
        record = ConferenceRecord(
            sid=exchange.sids.new("CF"),
            account_sid=exchange.account_sid,
            friendly_name=plan.name,
            created_ns=exchange.now_ns,
        )
        exchange.catalogue.add_conference(record)
        conference = Conference(exchange, self._room, record, spawn=self._spawn)
        conference.expecting = self._expected
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
        """Carry out the conference until its last participant has left."""
        plan = self._plan
        try:
            async with asyncio.TaskGroup() as group:
                for schedule in plan.participants:
                    group.create_task(self._take_part(schedule))
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
        """Start a task that is cancelled when the conference is over."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end(self, at_ns: int) -> None:
        """End the conference for all at a loop time."""
        await self._exchange.sleep_until(at_ns)
        self._ended = True
        self._conference.end("conference-ended-via-api")

    async def _take_part(self, schedule: plans.ParticipantPlan) -> None:
        """Call in a participant at its time, and stay until it leaves."""
        exchange = self._exchange
        await exchange.sleep_until(self._began_ns + schedule.join_ns)
        if self._ended:
            return
        if self._conference.over:
            self._conference, self._planned = self._open()
        conference, planned = self._conference, self._planned
        phone = self._phones.phone(schedule.party, acts=False)
        call = exchange.new_call(
            schedule.party,
            self._room,
            to=self._plan.name,
            from_=schedule.party.number,
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
        self._expected -= 1
        conference.expecting = self._expected
        for mute in schedule.mutes:
            control.spawn(self._mute(conference, participant, mute))
        behavior = self._phones.behaviors.get(schedule.party.name)
        control.behave(self._behavior_of(schedule, behavior))
        try:
            await attend(ConnectedCalls(control), conference, participant)
        except CallEnded:
            pass
        finally:
            await control.finish()

    def _behavior_of(self, schedule: plans.ParticipantPlan, behavior: Behavior | None) -> Behavior:
        """Return the behavior of a participant, which ends when it is time to leave.

        With a set end of the conference, a participant stays until all are removed.
        """

        async def act(control: PartyControl) -> None:
            doing = behavior(control) if behavior is not None else asyncio.sleep(0)
            if schedule.leave_ns is not None:
                leaves = self._exchange.sleep_until(self._began_ns + schedule.leave_ns)
                if await first_of(leaves, doing) == 1:
                    await self._exchange.sleep_until(self._began_ns + schedule.leave_ns)
                await control.call.hang_up()
                return
            await doing
            if self._plan.end_ns is not None:
                await never()

        return act

    async def _mute(
        self, conference: Conference, participant: Participant, mute: plans.MutePlan
    ) -> None:
        """Mute and unmute a participant at the planned times."""
        await self._exchange.sleep_until(self._began_ns + mute.at_ns)
        conference.mute(participant, True)
        if mute.for_ns is not None:
            await self._exchange.sleep_until(self._began_ns + mute.at_ns + mute.for_ns)
            conference.mute(participant, False)

    def _start(self, conference: Conference, plan: plans.RecordingPlan) -> LiveRecording:
        """Start a recording of the conference."""
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
