"""A scenario's calls, carried out by the exchange's call control, with the recordings that are
planned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal

from mediasim.exchange.call_control import LINGER_NS, CallControl
from mediasim.exchange.dial import Dial, DialledLeg, DialRecording
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.message import record_message
from mediasim.exchange.phone import Answering, Behavior, PartyControl, Phone
from mediasim.exchange.profiles import Kind
from mediasim.exchange.recording import (
    RecordingOptions,
    call_tracks,
    message_tracks,
    start_recording,
)
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.waiting import CallEnded
from mediasim.media.room import Room
from mediasim.parties.party import Party
from mediasim.scenario.running import call_plans as plans

__all__ = [
    "CallerLeg",
    "DialledCall",
    "PartyPhones",
    "PlannedRecordings",
    "VoicemailCall",
    "wait_for_moment",
]


async def wait_for_moment(exchange: Exchange, dialled_ns: int, moment: plans.Moment) -> None:
    """Return when a moment of a call has come; ``dialled_ns`` is when the call was dialled."""
    if moment.at_ns is not None:
        await exchange.sleep_until(dialled_ns + moment.at_ns)
    elif moment.event is not None:
        await exchange.events.wait(moment.event)


# -- recordings by plan -------------------------------------------------------------------------


class PlannedRecordings(DialRecording):
    """Starts, pauses and stops recordings by plan."""

    def __init__(
        self,
        exchange: Exchange,
        plans: Iterable[plans.RecordingPlan],
        start: Callable[[plans.RecordingPlan], LiveRecording],
        in_progress: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[Any]],
    ) -> None:
        """Take the plans; ``start`` starts a recording, ``in_progress`` returns whether any leg is
        answered."""
        self._exchange = exchange
        self._start = start
        self._in_progress = in_progress
        self._spawn = spawn
        self._dialled_ns = exchange.now_ns
        self._waiting = list(plans)
        self._of_dial: list[LiveRecording] = []

    def watch(self) -> None:
        """Wait for the recordings that begin at a time or with an event."""
        for plan in self._waiting:
            if isinstance(plan.start, plans.Moment):
                self._spawn(self._start_at_moment(plan, plan.start))

    def begin(self, moment: Literal["leg", "ringing", "answer"]) -> None:
        """Start the recordings that begin with this state of the call."""
        for plan in [plan for plan in self._waiting if plan.start == moment]:
            self._waiting.remove(plan)
            self._begin(plan)

    def halt(self) -> list[LiveRecording]:
        """Halt the active recordings of the Dial verb, and return them."""
        halted = [recording for recording in self._of_dial if recording.active]
        for recording in halted:
            recording.halt()
        return halted

    async def _start_at_moment(self, plan: plans.RecordingPlan, moment: plans.Moment) -> None:
        """Start a recording at a moment; if no leg is answered then, it is never made, as Twilio
        refuses such a request."""
        await wait_for_moment(self._exchange, self._dialled_ns, moment)
        if self._in_progress():
            self._begin(plan)

    def _begin(self, plan: plans.RecordingPlan) -> None:
        """Start a recording, and plan its pauses and its end."""
        recording = self._start(plan)
        if plan.source == "DialVerb":
            self._of_dial.append(recording)
        if plan.pauses:
            self._spawn(self._pause(recording, plan.pauses))
        if plan.stop is not None:
            self._spawn(self._stop(recording, plan.stop))

    async def _pause(self, recording: LiveRecording, pauses: tuple[plans.PausePlan, ...]) -> None:
        """Pause and resume a recording at the planned moments."""
        exchange = self._exchange
        for pause in pauses:
            await wait_for_moment(exchange, self._dialled_ns, pause.begin)
            if not recording.active:
                return
            recording.pause(pause.behavior)
            if pause.for_ns is not None:
                await exchange.sleep(pause.for_ns)
            elif pause.until is not None:
                await wait_for_moment(exchange, self._dialled_ns, pause.until)
            else:
                return
            if recording.record.status == "paused":
                recording.resume()

    async def _stop(self, recording: LiveRecording, moment: plans.Moment) -> None:
        """Stop a recording at a moment."""
        await wait_for_moment(self._exchange, self._dialled_ns, moment)
        recording.stop()


# -- parties and calls --------------------------------------------------------------------------


class PartyPhones:
    """The parties' telephones, and which of the parties listen."""

    def __init__(
        self,
        behaviors: dict[str, Behavior],
        listeners: frozenset[str],
        early: dict[str, Behavior] | None = None,
    ) -> None:
        """Take the behaviors by party name, and the names of the parties that need to hear.

        ``early`` are the behaviors of parties that are heard while they ring.
        """
        self.behaviors = behaviors
        self._early = early or {}
        self._listeners = listeners

    def phone(
        self, party: Party, answering: Answering | None = None, *, acts: bool = True
    ) -> Phone:
        """Return a party's telephone; without ``acts`` its script is begun by other means."""
        behavior = self.behaviors.get(party.name, _nothing) if acts else None
        listens, early = party.name in self._listeners, self._early.get(party.name)
        return Phone(party, answering or Answering(), behavior, listens, early=early)


async def _nothing(control: PartyControl) -> None:
    """Do nothing: the behavior of a party without a script."""


class CallerLeg(CallControl):
    """The leg of a scenario's caller, in a room of its own, with the recordings of its call."""

    def __init__(
        self,
        exchange: Exchange,
        name: str,
        phone: Phone,
        to: str,
        plans: tuple[plans.RecordingPlan, ...],
        kind: Kind,
    ) -> None:
        """Dial: ``to`` is what was dialled, ``kind`` the layout rule's word for what is
        recorded."""
        call = exchange.new_call(
            phone.party,
            Room(exchange.plane),
            to=to,
            from_=phone.party.number,
            direction="inbound",
            status="ringing",
            flow=name,
        )
        super().__init__(call, phone)
        self.planned = PlannedRecordings(
            exchange, plans, self._start, lambda: self.call.active, self.spawn
        )
        self._kind = kind

    def answered(self) -> None:
        self.planned.begin("leg")
        super().answered()

    @asynccontextmanager
    async def in_progress(self) -> AsyncIterator[None]:
        """Watch for the planned recordings until the call ends, then finish the leg."""
        try:
            self.planned.watch()
            yield
        except CallEnded:
            pass
        finally:
            await self.finish()

    async def finish(self) -> None:
        self.end(self.unanswered)
        await super().finish()
        self.call.room.close()

    def _start(self, plan: plans.RecordingPlan) -> LiveRecording:
        """Start a recording of the call."""
        return start_recording(
            self.exchange,
            self.call.room,
            lambda: call_tracks(self.call, self.peer),
            self._kind,
            RecordingOptions(plan.channels, plan.track, plan.trim),
            plan.source,
            call_sid=self.call.sid,
            name=plan.name,
        )


class DialledCall:
    """A call from one party to another, perhaps transferred."""

    def __init__(self, exchange: Exchange, plan: plans.DialPlan, phones: PartyPhones) -> None:
        self._exchange = exchange
        self._plan = plan
        self._phones = phones
        self._caller = CallerLeg(
            exchange,
            plan.name,
            phones.phone(plan.caller),
            plan.callee.number,
            plan.recordings,
            "dial",
        )
        self._newest = self._caller.call
        """The leg that was dialled last."""

    async def run(self) -> None:
        """Carry out the call from dialling to the end of the last leg."""
        caller, plan = self._caller, self._plan
        async with caller.in_progress():
            if not plan.answer_on_bridge:
                caller.answer()
            if plan.dial_after_ns:
                await caller.sleep(plan.dial_after_ns)
            await self._connect()

    async def _connect(self) -> None:
        """Ring the callee, then each party that the caller is transferred to."""
        plan, transfers = self._plan, list(self._plan.transfers)
        callee, timeout_ns = self._phones.phone(plan.callee, plan.answering), plan.timeout_ns
        while True:
            dialled = Dial(
                self._caller,
                [DialledLeg(partial(self._child, callee))],
                timeout_ns=timeout_ns,
                time_limit_ns=plan.time_limit_ns,
                recording=self._caller.planned,
                stays=bool(transfers),
            )
            comes = self._transferred(transfers[0]) if transfers else None
            if not await dialled.run(comes):
                return
            transfer = transfers.pop(0)
            callee = self._phones.phone(transfer.to, transfer.answering)
            timeout_ns = transfer.timeout_ns

    def _child(self, callee: Phone) -> CallControl:
        """Dial a party as the other end of the caller's call."""
        parent = self._caller.call
        call = self._exchange.new_call(
            callee.party,
            parent.room,
            to=callee.party.number,
            from_=parent.record.from_,
            direction="outbound-dial",
            status="queued",
            flow=self._plan.name,
            parent=parent,
        )
        self._newest = call
        return CallControl(call, callee)

    async def _transferred(self, transfer: plans.TransferPlan) -> None:
        """Wait for the moment of a transfer, and emit ``call.transferred`` of the callee's leg."""
        caller = self._caller.call
        await wait_for_moment(self._exchange, caller.dialled_ns, transfer.when)
        if not caller.active:  # only a call in progress can be given to another
            await self._caller.connected()
        words = f"{caller.party.name} is put through to {transfer.to.name}"
        self._newest.emit("transferred", words)


class VoicemailCall:
    """A call that leaves a message. The caller does what its behavior says after the beep."""

    def __init__(self, exchange: Exchange, plan: plans.VoicemailPlan, phones: PartyPhones) -> None:
        self._exchange = exchange
        self._plan = plan
        self._behavior = phones.behaviors.get(plan.caller.name)
        self.finished_by = ""
        """What ended the message: silence, key, length or hangup; "" before."""
        self._caller = CallerLeg(
            exchange,
            plan.name,
            phones.phone(plan.caller, acts=False),
            "voicemail",
            plan.also,
            "call",
        )

    async def run(self) -> None:
        """Carry out the call from dialling to its end."""
        caller, plan = self._caller, self._plan
        async with caller.in_progress():
            caller.answer()
            caller.planned.begin("answer")
            if plan.greeting is not None:
                await caller.play(
                    plan.greeting, "greeting", text=plan.greeting_text, words=plan.greeting_words
                )
            taken = await record_message(caller, plan.request, self._start)
            self.finished_by = taken.ended_by

    def _start(self) -> LiveRecording:
        """Start the message's recording, and with it the caller's script."""
        recording = start_recording(
            self._exchange,
            self._caller.call.room,
            lambda: message_tracks(self._caller.call),
            "record-verb",
            RecordingOptions(trim=self._plan.trim),
            "RecordVerb",
            call_sid=self._caller.call.sid,
            name=self._plan.recording,
        )
        if self._behavior is not None:
            self._caller.behave(self._act)
        return recording

    async def _act(self, control: PartyControl) -> None:
        """Carry out the caller's script, then wait for the server to end the message."""
        assert self._behavior is not None
        await self._behavior(control)
        await self._exchange.sleep(LINGER_NS)
        # The caller waits for the server to notice its silence, unless that takes very long.
        await self._exchange.sleep(2 * self._plan.request.timeout_ns)
        await control.call.hang_up()
