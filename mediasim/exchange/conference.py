"""A conference: participants come and go, each hears all the others.

It starts when the first participant joins and ends when the last has left, or at a set time. It
is recorded from its start as one mixed channel, or as its profile says.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mediasim.exchange.events import ConferenceEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.flow import LINGER_NS, Behavior, Flow
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import (
    LiveRecording,
    Source,
    SourcedChannel,
    new_record,
)
from mediasim.exchange.recording_plan import RecordingPlan
from mediasim.exchange.records import ConferenceRecord
from mediasim.media.recorder import Track
from mediasim.parties.party import Party

__all__ = ["ConferenceCall", "ConferencePlan", "MutePlan", "ParticipantPlan"]


@dataclass(frozen=True, slots=True)
class MutePlan:
    """A stretch, counted from the run's start, in which a participant is not heard."""

    at_ns: int = 0
    for_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """When a party joins and leaves; times are counted from the run's start."""

    party: Party
    join_ns: int = 0
    leave_ns: int | None = None
    mutes: tuple[MutePlan, ...] = ()


@dataclass(frozen=True, slots=True)
class ConferencePlan:
    """One conference."""

    name: str
    participants: tuple[ParticipantPlan, ...]
    recording: RecordingPlan | None = None
    end_ns: int | None = None


class ConferenceCall(Flow):
    """Carries out a conference plan. Parties do what their behaviors say once they have joined."""

    def __init__(
        self,
        exchange: Exchange,
        plan: ConferencePlan,
        behaviors: dict[str, Behavior],
        listeners: frozenset[str],
    ) -> None:
        super().__init__(exchange, plan.name)
        self._plan = plan
        self._behaviors = behaviors
        self._listeners = listeners
        self._busy = len(plan.participants)
        self._all_done = asyncio.Event()
        self._muted: set[LiveCall] = set()
        self._holding: set[LiveCall] = set()
        self._joined: list[LiveCall] = []
        """Everybody who ever joined, in order."""
        self._left: set[LiveCall] = set()
        self.record = ConferenceRecord(
            sid=exchange.sids.new("CF"),
            account_sid=exchange.account_sid,
            friendly_name=plan.name,
            created_ns=exchange.now_ns,
        )
        exchange.catalogue.add_conference(self.record)

    async def run(self) -> None:
        """From the first to join to the last to leave."""
        plan = self._plan
        try:
            if plan.recording is not None:
                self.plan((plan.recording,))
            staying = [self.spawn(self._take_part(who)) for who in plan.participants]
            waits = [_all(staying)]
            if plan.end_ns is not None:
                waits.append(self.exchange.sleep_until(self.dialled_ns + plan.end_ns))
            if await self.first_of(*waits) == 1:
                self.record.reason_ended = "conference-ended-via-api"
        finally:
            await self.finish()

    def over(self) -> None:
        for call in self._joined:
            self._see_off(call)
        if self.record.status == "in-progress":
            self.record.reason_ended = self.record.reason_ended or "last-participant-left"
            self.record.move("completed", self.exchange.now_ns)
            self._tell("ended", "the conference ended")

    async def _take_part(self, who: ParticipantPlan) -> None:
        exchange = self.exchange
        await exchange.sleep_until(self.dialled_ns + who.join_ns)
        call = exchange.new_call(
            who.party,
            self.room,
            to=self.name,
            from_=who.party.number,
            direction="inbound",
            status="ringing",
            flow=self.name,
        )
        self.calls.append(call)
        self._joined.append(call)
        call.answer(listens=who.party.name in self._listeners)
        self._place(call)
        if self.record.status == "init":
            self.record.move("in-progress", exchange.now_ns)
            self._tell("started", "the conference started")
            self.reach("answer")
        self._tell("joined", f"{who.party.name} joined", call)
        self.spawn(self._when_left(call))
        for mute in who.mutes:
            self.spawn(self._mute(call, mute))
        behavior = self._behaviors.get(who.party.name)
        doing = self.spawn(behavior(self, call)) if behavior is not None else None
        if who.leave_ns is not None:
            leave = exchange.sleep_until(self.dialled_ns + who.leave_ns)
            await self.first_of(leave, call.ended.wait())
            if doing is not None and not call.leaving:
                doing.cancel()
            self._done()
        else:
            if doing is not None:
                await doing
            self._done()
            if call.ended.is_set():
                return
            if self._plan.end_ns is not None:
                await asyncio.Event().wait()  # the end takes everybody off
            await self._all_done.wait()
            await exchange.sleep(LINGER_NS)
        await call.hang_up()
        await call.ended.wait()

    def _done(self) -> None:
        """Somebody has nothing more to do; who has no time to leave stays until nobody has."""
        self._busy -= 1
        if not self._busy:
            self._all_done.set()

    async def _when_left(self, call: LiveCall) -> None:
        await call.ended.wait()
        self._see_off(call)

    def _see_off(self, call: LiveCall) -> None:
        """Tell, once, that a participant has left, whichever way it did."""
        if call not in self._left:
            self._left.add(call)
            self._tell("left", f"{call.party.name} left", call)

    async def _mute(self, call: LiveCall, mute: MutePlan) -> None:
        await self.exchange.sleep_until(self.dialled_ns + mute.at_ns)
        if not call.active:
            return
        self._muted.add(call)
        self._place(call)
        self._tell("muted", f"{call.party.name} is muted", call)
        if mute.for_ns is None:
            return
        await self.exchange.sleep_until(self.dialled_ns + mute.at_ns + mute.for_ns)
        if call.active:
            self._muted.discard(call)
            self._place(call)
            self._tell("unmuted", f"{call.party.name} is heard again", call)

    def _place(self, call: LiveCall) -> None:
        """Put a participant where it belongs: in the conference, muted in it, or beside it."""
        joined, muted = call not in self._holding, call in self._muted
        self.room.confer(call.leg, self.record.sid if joined else None, muted=muted)
        self.exchange.follow_recordings(self.room)

    def hold(self, call: LiveCall) -> None:
        """A participant that holds the conference hears and says nothing."""
        self._holding.add(call)
        self._place(call)
        call.tell("held", f"{call.party.name} holds the conference")

    def resume(self, call: LiveCall) -> None:
        self._holding.discard(call)
        self._place(call)
        call.tell("resumed", f"{call.party.name} is back in the conference")

    # -- recording --------------------------------------------------------------------------

    def start_recording(self, plan: RecordingPlan) -> LiveRecording:
        layout = recording_layout("conference", plan.channels, "both", self.exchange.profile)
        record = new_record(
            self.exchange,
            layout=layout,
            source="Conference",
            call_sid=self._joined[0].sid,
            conference_sid=self.record.sid,
        )
        roles = [role.role for role in layout.channels]
        return LiveRecording(
            self.exchange,
            record,
            self.room,
            plan.name,
            plan.trim,
            lambda: tuple(self._sources(role) for role in roles),
        )

    def _sources(self, role: str) -> SourcedChannel:
        unheard = self._muted | self._holding
        heard = [call for call in self._joined if call.active and call not in unheard]
        first = self._joined[0]
        if role == "first-participant":
            heard = [call for call in heard if call is first]
        elif role == "everyone-else":
            heard = [call for call in heard if call is not first]
        return tuple(Source(call, Track.INBOUND) for call in heard)

    def _tell(self, word: str, text: str, call: LiveCall | None = None) -> None:
        self.exchange.events.emit(
            ConferenceEvent(
                at_ns=self.exchange.now_ns,
                kind=f"conference.{word}",
                text=text,
                conference_sid=self.record.sid,
                call_sid=call.sid if call else None,
            )
        )


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)
