"""A scenario's calls, carried out by the exchange's call control, with the recordings it plans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Literal

from mediasim.exchange.call_control import LINGER_NS, CallControl
from mediasim.exchange.dial import Dial, DialledLeg
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
from mediasim.scenario.running.call_plans import (
    DialPlan,
    Moment,
    PausePlan,
    RecordingPlan,
    TransferPlan,
    VoicemailPlan,
)

__all__ = ["CallerLeg", "Cast", "DialledCall", "PlannedRecordings", "VoicemailCall", "moment_comes"]


async def moment_comes(exchange: Exchange, dialled_ns: int, moment: Moment) -> None:
    """Wait for a moment of a call dialled then."""
    if moment.at_ns is not None:
        await exchange.sleep_until(dialled_ns + moment.at_ns)
    elif moment.event is not None:
        await exchange.events.wait(moment.event)


# -- recordings by plan -------------------------------------------------------------------------


class PlannedRecordings:
    """Recordings by plan; a :class:`mediasim.exchange.dial.DialRecording`."""

    def __init__(
        self,
        exchange: Exchange,
        plans: Iterable[RecordingPlan],
        start: Callable[[RecordingPlan], LiveRecording],
        in_progress: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[Any]],
    ) -> None:
        """``start`` begins one now; ``in_progress`` tells whether any leg is up."""
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
            if isinstance(plan.start, Moment):
                self._spawn(self._when(plan, plan.start))

    def begin(self, moment: Literal["leg", "ringing", "answer"]) -> None:
        for plan in [plan for plan in self._waiting if plan.start == moment]:
            self._waiting.remove(plan)
            self._begin(plan)

    def halt(self) -> list[LiveRecording]:
        halted = [recording for recording in self._of_dial if recording.active]
        for recording in halted:
            recording.halt()
        return halted

    async def _when(self, plan: RecordingPlan, moment: Moment) -> None:
        """A request for a recording is refused while no leg is up: it never starts then."""
        await moment_comes(self._exchange, self._dialled_ns, moment)
        if self._in_progress():
            self._begin(plan)

    def _begin(self, plan: RecordingPlan) -> None:
        recording = self._start(plan)
        if plan.source == "DialVerb":
            self._of_dial.append(recording)
        if plan.pauses:
            self._spawn(self._pause(recording, plan.pauses))
        if plan.stop is not None:
            self._spawn(self._stop(recording, plan.stop))

    async def _pause(self, recording: LiveRecording, pauses: tuple[PausePlan, ...]) -> None:
        exchange = self._exchange
        for pause in pauses:
            await moment_comes(exchange, self._dialled_ns, pause.begin)
            if not recording.active:
                return
            recording.pause(pause.behavior)
            if pause.for_ns is not None:
                await exchange.sleep(pause.for_ns)
            elif pause.until is not None:
                await moment_comes(exchange, self._dialled_ns, pause.until)
            else:
                return
            if recording.record.status == "paused":
                recording.resume()

    async def _stop(self, recording: LiveRecording, moment: Moment) -> None:
        await moment_comes(self._exchange, self._dialled_ns, moment)
        recording.stop()


# -- parties and calls --------------------------------------------------------------------------


class Cast:
    """The parties' telephones: what each does, and whether it listens."""

    def __init__(self, behaviors: dict[str, Behavior], listeners: frozenset[str]) -> None:
        """``behaviors`` by party name; ``listeners`` are the parties that must hear."""
        self.behaviors = behaviors
        self._listeners = listeners

    def phone(
        self, party: Party, answering: Answering | None = None, *, acts: bool = True
    ) -> Phone:
        """A party's telephone; without ``acts`` its script is begun by other means."""
        behavior = self.behaviors.get(party.name, _nothing) if acts else None
        return Phone(party, answering or Answering(), behavior, party.name in self._listeners)


async def _nothing(control: PartyControl) -> None:
    """What a party without a script does: it has nothing to say, and waits for nothing."""


class CallerLeg(CallControl):
    """The leg of a scenario's caller, in a room of its own, with the recordings of its call."""

    def __init__(
        self,
        exchange: Exchange,
        name: str,
        phone: Phone,
        to: str,
        plans: tuple[RecordingPlan, ...],
        kind: Kind,
    ) -> None:
        """``to`` is what was dialled; ``kind`` what the layout rule calls what is recorded."""
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

    async def finish(self) -> None:
        self.end(self.unanswered)
        await super().finish()
        self.call.room.close()

    def _start(self, plan: RecordingPlan) -> LiveRecording:
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

    def __init__(self, exchange: Exchange, plan: DialPlan, cast: Cast) -> None:
        self._exchange = exchange
        self._plan = plan
        self._cast = cast
        self._caller = CallerLeg(
            exchange,
            plan.name,
            cast.phone(plan.caller),
            plan.callee.number,
            plan.recordings,
            "dial",
        )
        self._newest = self._caller.call
        """The leg that was dialled last."""

    async def run(self) -> None:
        """From dialling to the end of the last leg."""
        caller, plan = self._caller, self._plan
        try:
            caller.planned.watch()
            if not plan.answer_on_bridge:
                caller.answer()
            if plan.dial_after_ns:
                await caller.sleep(plan.dial_after_ns)
            await self._connect()
        except CallEnded:
            pass
        finally:
            await caller.finish()

    async def _connect(self) -> None:
        """Ring the callee, then each party that the caller is transferred to."""
        plan, transfers = self._plan, list(self._plan.transfers)
        callee, timeout_ns = self._cast.phone(plan.callee, plan.answering), plan.timeout_ns
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
            callee = self._cast.phone(transfer.to, transfer.answering)
            timeout_ns = transfer.timeout_ns

    def _child(self, callee: Phone) -> CallControl:
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

    async def _transferred(self, transfer: TransferPlan) -> None:
        """Wait for the moment of a transfer, and emit ``call.transferred`` of the callee's leg."""
        caller = self._caller.call
        await moment_comes(self._exchange, caller.dialled_ns, transfer.when)
        if not caller.active:  # only a call in progress can be given to another
            await self._caller.connected()
        words = f"{caller.party.name} is put through to {transfer.to.name}"
        self._newest.emit("transferred", words)


class VoicemailCall:
    """A call that leaves a message. The caller does what its behavior says after the beep."""

    def __init__(self, exchange: Exchange, plan: VoicemailPlan, cast: Cast) -> None:
        self._exchange = exchange
        self._plan = plan
        self._behavior = cast.behaviors.get(plan.caller.name)
        self.finished_by = ""
        """silence, key, length or hangup."""
        self._caller = CallerLeg(
            exchange,
            plan.name,
            cast.phone(plan.caller, acts=False),
            "voicemail",
            plan.also,
            "call",
        )

    async def run(self) -> None:
        """From dialling to the end."""
        caller, plan = self._caller, self._plan
        try:
            caller.planned.watch()
            caller.answer()
            caller.planned.begin("answer")
            if plan.greeting is not None:
                await caller.play(plan.greeting, "greeting")
            taken = await record_message(caller, plan.request, self._start)
            self.finished_by = taken.ended_by
        except CallEnded:
            pass
        finally:
            await caller.finish()

    def _start(self) -> LiveRecording:
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
        assert self._behavior is not None
        await self._behavior(control)
        await self._exchange.sleep(LINGER_NS)
        # The caller waits for the server to notice its silence, unless that takes very long.
        await self._exchange.sleep(2 * self._plan.request.timeout_ns)
        await control.call.hang_up()
