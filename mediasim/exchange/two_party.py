"""A call between two parties: dialled, rung, answered, bridged, perhaps transferred, ended.

The caller's leg is the parent call, each leg the server dials for it a child call, as with
Twilio's Dial verb.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final, Literal

from mediasim.audio.frames import FRAME_NS
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
from mediasim.exchange.recording_plan import Moment, RecordingPlan, moment_comes
from mediasim.media.player import Player
from mediasim.media.recorder import Track
from mediasim.parties.party import Party

__all__ = ["Answering", "DialPlan", "TransferPlan", "TwoPartyCall"]


_LONGEST_CALL_NS: Final = 4 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Answering:
    """What a party does when its telephone rings."""

    outcome: Literal["answer", "no-answer", "busy", "reject", "failed"] = "answer"
    after_ns: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """The caller is connected to somebody else."""

    when: Moment
    to: Party
    answering: Answering = field(default_factory=Answering)
    timeout_ns: int = 30_000_000_000


@dataclass(frozen=True, slots=True)
class DialPlan:
    """One call."""

    name: str
    caller: Party
    callee: Party
    answering: Answering = field(default_factory=Answering)
    timeout_ns: int = 30_000_000_000
    time_limit_ns: int | None = None
    """After the callee's answer; None: Twilio's four hours, at which no scenario means to end."""
    answer_on_bridge: bool = False
    dial_after_ns: int = 0
    transfers: tuple[TransferPlan, ...] = ()
    recordings: tuple[RecordingPlan, ...] = ()


class TwoPartyCall(Flow):
    """Carries out a dial plan. Parties do what their behaviors say once they are connected."""

    def __init__(
        self,
        exchange: Exchange,
        plan: DialPlan,
        behaviors: dict[str, Behavior],
        listeners: frozenset[str],
    ) -> None:
        """``behaviors`` by party name; ``listeners`` are the parties that must hear."""
        super().__init__(exchange, plan.name)
        self._plan = plan
        self._behaviors = behaviors
        self._listeners = listeners
        self._doing: dict[LiveCall, asyncio.Task[None]] = {}
        self._music: dict[LiveCall, Player] = {}
        self._ringback: Player | None = None
        self.child: LiveCall | None = None
        self.parent = exchange.new_call(
            plan.caller,
            self.room,
            to=plan.callee.number,
            from_=plan.caller.number,
            direction="inbound",
            status="ringing",
            flow=plan.name,
        )
        self.calls.append(self.parent)

    async def run(self) -> None:
        """From dialling to the end of the last leg."""
        plan = self._plan
        try:
            self.plan(plan.recordings)
            if not plan.answer_on_bridge:
                self._answer(self.parent)
            if plan.dial_after_ns:
                self._behave(self.parent)
                slept = self.exchange.sleep(plan.dial_after_ns)
                if await self.first_of(slept, self._hung_up()) == 1:
                    return
            answered = await self._dial(plan.callee, plan.answering, plan.timeout_ns)
            if answered:
                await self._converse()
            elif self.parent.record.status == "ringing":
                assert self.child is not None
                self.parent.fail(self.child.record.status)
        finally:
            await self.finish()

    # -- legs -------------------------------------------------------------------------------

    def _answer(self, call: LiveCall) -> None:
        call.answer(listens=call.party.name in self._listeners)
        self.exchange.follow_recordings(self.room)
        self.reach("leg")

    def _behave(self, call: LiveCall) -> None:
        behavior = self._behaviors.get(call.party.name)
        if behavior is not None and call not in self._doing:
            self._doing[call] = self.spawn(behavior(self, call))

    async def _dial(self, callee: Party, answering: Answering, timeout_ns: int) -> bool:
        """Ring the callee; returns whether it was answered and bridged."""
        child = self.exchange.new_call(
            callee,
            self.room,
            to=callee.number,
            from_=self._plan.caller.number,
            direction="outbound-dial",
            status="queued",
            flow=self.name,
            parent=self.parent,
        )
        self.child = child
        child.move("initiated")
        if answering.outcome in ("busy", "failed"):
            child.fail("busy" if answering.outcome == "busy" else "failed")
            return False
        child.move("ringing")
        if self.parent.active:
            self._ringback = self.room.play(
                self.parent.leg, self.exchange.ringback, loop=True, label="ringing"
            )
        self.exchange.follow_recordings(self.room)
        self.reach("ringing")
        happened = await self.first_of(
            self._after(answering), self.exchange.sleep(timeout_ns), self._hung_up()
        )
        if self._ringback is not None:
            self.room.stop_player(self._ringback)
            self._ringback = None
        if happened == 2:
            child.fail("canceled")
            return False
        if happened == 1:
            child.fail("no-answer")
            return False
        if answering.outcome == "reject":
            child.fail("busy")
            return False
        self._connect(child)
        return True

    async def _after(self, answering: Answering) -> None:
        if answering.outcome == "no-answer":
            await asyncio.Event().wait()
        await self.exchange.sleep(answering.after_ns)

    def _connect(self, child: LiveCall) -> None:
        self.calls.append(child)
        self._answer(child)
        if not self.parent.active:
            self._answer(self.parent)
        self.room.bridge(self.parent.leg, child.leg)
        self.exchange.follow_recordings(self.room)
        child.tell("bridged", f"{self.parent.party.name} and {child.party.name} are bridged")
        self.reach("answer")
        self._behave(child)
        self._behave(self.parent)

    # -- talking ----------------------------------------------------------------------------

    async def _converse(self) -> None:
        answered_ns = self.exchange.now_ns
        transfers = list(self._plan.transfers)
        while True:
            child = self.child
            assert child is not None
            waits = [
                self._hung_up(),
                self._time_is_up(answered_ns),
                self._all_done(more_to_come=bool(transfers)),
            ]
            if transfers:
                waits.append(moment_comes(self.exchange, self.dialled_ns, transfers[0].when))
            happened = await self.first_of(*waits)
            if happened == 3:
                if not await self._transfer(transfers.pop(0)):
                    return
                continue
            if happened == 2:
                # Long enough for the callee's last words too, however deep its buffer.
                await self.exchange.sleep(max(LINGER_NS, child.party.path_frames * FRAME_NS))
                await self.parent.hang_up()
            return

    async def _time_is_up(self, answered_ns: int) -> None:
        limit_ns = self._plan.time_limit_ns
        if limit_ns is not None:
            await self.exchange.sleep_until(answered_ns + limit_ns)
        else:
            await self.exchange.watch_until(answered_ns + _LONGEST_CALL_NS)

    async def _transfer(self, transfer: TransferPlan) -> bool:
        """Hang up on the callee and dial somebody else for the caller."""
        child = self.child
        assert child is not None
        doing = self._doing.pop(child, None)
        if doing is not None:
            doing.cancel()
        for held in list(self._music):
            self._stop_music(held)
        child.tell("transferred", f"{self.parent.party.name} is put through to {transfer.to.name}")
        child.take_down()
        self.calls.remove(child)
        self.child = None
        self.exchange.follow_recordings(self.room)
        return await self._dial(transfer.to, transfer.answering, transfer.timeout_ns)

    async def _hung_up(self) -> None:
        """Wait until a party that has hung up is off the line."""
        waits = [asyncio.ensure_future(call.ended.wait()) for call in self.calls]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _all_done(self, *, more_to_come: bool) -> None:
        """Wait until nobody has anything more to do."""
        if more_to_come:
            await asyncio.Event().wait()
        await asyncio.gather(*self._doing.values())

    # -- hold -------------------------------------------------------------------------------

    def hold(self, call: LiveCall) -> None:
        for other in self.peers(call):
            if other in self._music:
                continue
            self.room.hear(call.leg)
            self.room.hear(other.leg)
            self._music[other] = self.room.play(
                other.leg, self.exchange.hold_music, loop=True, label="hold music"
            )
            other.tell("held", f"{call.party.name} puts {other.party.name} on hold")

    def resume(self, call: LiveCall) -> None:
        for other in self.peers(call):
            if other in self._music:
                self._stop_music(other)
                if call not in self._music:  # who is on hold itself still hears music
                    self.room.bridge(call.leg, other.leg)
                other.tell("resumed", f"{call.party.name} takes {other.party.name} off hold")

    def _stop_music(self, held: LiveCall) -> None:
        self.room.stop_player(self._music.pop(held))

    # -- recording --------------------------------------------------------------------------

    def start_recording(self, plan: RecordingPlan) -> LiveRecording:
        layout = recording_layout("dial", plan.channels, plan.track, self.exchange.profile)
        record = new_record(
            self.exchange, layout=layout, source=plan.source, call_sid=self.parent.sid
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
        """What a channel of that role is made of now."""
        parent, child = self.parent, self.child
        if not parent.active:
            return ()
        said = Source(parent, Track.INBOUND)
        sent = Source(parent, Track.OUTBOUND)
        heard = Source(child, Track.INBOUND) if child is not None and child.active else sent
        of_role = {
            "parent": (said,),
            "inbound": (said,),
            "outbound": (sent,),
            "child": (heard,),
            "mix": (said, heard),
        }
        return of_role[role]
