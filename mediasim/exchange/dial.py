"""Dial: telephones are rung, the first to answer is put through, and the two talk until an end.

Or the caller is put into a conference, and takes part in it until an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypedDict, get_args

from mediasim.exchange.call_control import LONGEST_CALL_NS, Bridge, CallControl
from mediasim.exchange.conference import Conference
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.participant import Participant
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.waiting import CallEnded, Keys, listen_for_keys, never, notice
from mediasim.media.player import Player

__all__ = [
    "ConnectedCalls",
    "Dial",
    "DialRecording",
    "DialStatus",
    "DialledLeg",
    "Moment",
    "TalkOptions",
    "attend",
]


DialStatus = Literal["completed", "answered", "busy", "no-answer", "failed", "canceled"]
Moment = Literal["ringing", "answer"]
"""When a recording of a Dial may begin: the callee begins to ring, or has answered."""
_Failure = Literal["busy", "no-answer", "failed"]
_FAILURES: Final[tuple[_Failure, ...]] = get_args(_Failure)
"""Why telephones were not put through, the most telling first."""


@dataclass(frozen=True, slots=True)
class DialledLeg:
    """A telephone to be rung."""

    place: Callable[[], CallControl]
    """Makes its call, queued."""
    screen: Callable[[CallControl], Awaitable[Any]] | None = None
    """Runs on the answered leg before it is put through; it is put through if it is still up."""


class DialRecording(Protocol):
    """What a Dial records."""

    def begin(self, moment: Moment) -> None:
        """Begin what is to be recorded from this moment on."""

    def halt(self) -> list[LiveRecording]:
        """Record no more; returns what is to be published once the callee's leg is down."""


class _Nothing:
    """The recording of a Dial that records nothing."""

    def begin(self, moment: Moment) -> None:
        """Begin nothing."""

    def halt(self) -> list[LiveRecording]:
        return []


class TalkOptions(TypedDict, total=False):
    """What ends a talk beside its parties."""

    time_limit_ns: int
    star_ends: bool


class ConnectedCalls:
    """Two calls put through to each other, recorded as asked, until an end comes."""

    def __init__(
        self,
        control: CallControl,
        *,
        time_limit_ns: int | None = None,
        star_ends: bool = False,
        recording: DialRecording | None = None,
        stays: bool = False,
    ) -> None:
        """``star_ends``: the caller's ``*`` ends it. ``time_limit_ns``: None is four hours.

        ``stays``: parties that have said everything do not hang up.
        """
        self.control = control
        self.status: DialStatus = "failed"
        self.child: LiveCall | None = None
        self.bridged = False
        self._other: CallControl | None = None
        self._recording = recording or _Nothing()
        self._time_limit_ns = time_limit_ns
        self._star_ends = star_ends
        self._stays = stays

    def rings(self) -> None:
        """The callee begins to ring, or is being waited for."""
        self._recording.begin("ringing")

    async def talk(self, other: CallControl, *ends: Awaitable[Any]) -> None:
        """Put two calls through until one of ``ends``, or an end of the talk's own, comes.

        Raises CallEnded when the control's own call has ended.
        """
        self.control.answer()
        self._other = other
        bridge = self.control.bridge = other.bridge = Bridge(self.control.call, other.call)
        self.child, self.bridged = other.call, True
        bridge.connect()
        self._recording.begin("answer")
        self.control.connect(False)
        other.behave()
        self.control.behave()
        await self.stay(*ends, other.call.ended.wait(), self._all_said(other))

    async def stay(self, *ends: Awaitable[Any]) -> None:
        """Wait for some ends, the time limit, or the caller's ``*``. Raises CallEnded."""
        control = self.control
        if not self._star_ends:
            await control.until(*ends, self._time_is_up())
            return
        with listen_for_keys(control.call) as keys:
            await control.until(*ends, self._time_is_up(), self._star(keys))

    def part(self) -> None:
        """Connect the calls no more."""
        bridge, self.control.bridge = self.control.bridge, None
        if bridge is not None:
            bridge.part()
        if self._other is not None:
            self._other.bridge = None
        call = self.control.call
        call.exchange.follow_recordings(call.room)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record within, where no call is rung: what was begun is published at the end."""
        try:
            yield
        finally:
            for recording in self._recording.halt():
                recording.publish()

    async def _time_is_up(self) -> None:
        exchange, limit_ns = self.control.exchange, self._time_limit_ns
        if limit_ns is not None:
            await exchange.sleep(limit_ns)
        else:  # at which no scenario means to end
            await exchange.watch_until(exchange.now_ns + LONGEST_CALL_NS)

    async def _all_said(self, other: CallControl) -> None:
        """Both parties are scripted and have said everything: the callee hangs up."""
        if self._stays or not other.scripted:
            await never()
        await other.behaved()
        await self.control.behaved()
        await other.linger()
        await other.call.hang_up()
        await never()  # its end is told by the call

    async def _star(self, keys: Keys) -> None:
        while True:
            frame, digit = await keys.get()
            if digit == "*":
                await notice(self.control.call, frame)
                return


class Dial(ConnectedCalls):
    """Telephones rung for a call, all at once or one after the other."""

    def __init__(
        self,
        control: CallControl,
        legs: Sequence[DialledLeg],
        *,
        timeout_ns: int,
        sequential: bool = False,
        **talk: Any,
    ) -> None:
        """``timeout_ns`` is how long each may ring; ``talk`` is for :class:`ConnectedCalls`."""
        super().__init__(control, **talk)
        self._legs = legs
        self._timeout_ns = timeout_ns
        self._sequential = sequential
        self._ringback: Player | None = None
        self._others: list[CallControl] = []

    async def run(self, end: Coroutine[Any, Any, Any] | None = None) -> bool:
        """From the first ring to the last word; returns whether ``end`` ended it.

        What is recorded then goes on. Raises CallEnded when the call itself has ended.
        """
        control = self.control
        groups = [[leg] for leg in self._legs] if self._sequential else [list(self._legs)]
        ended = control.spawn(end or never())
        control.connect(True)
        redirected = False
        try:
            for legs in groups:
                winner = await self._ring(legs, ended)
                if winner is not None and await self._screened(*winner):
                    self._stop_ringing()
                    await self.talk(winner[1], asyncio.shield(ended))
                    return ended.done()
                if ended.done():
                    return True
            self._given_up()
            return False
        except asyncio.CancelledError:
            redirected = True  # to where it is put through next, for all that the party knows
            raise
        finally:
            goes_on = ended.done()
            ended.cancel()
            self._stop_ringing()
            halted = [] if goes_on else self._recording.halt()
            for other in self._others:
                await other.finish()
            self.part()
            for recording in halted:
                recording.publish()
            if self.bridged:
                self.status = "completed"
            elif control.call.ended.is_set():
                self.status = "canceled"
            if not redirected:
                control.connect(False)

    def _given_up(self) -> None:
        """None was put through: what came of it is the most telling of what came of each."""
        ends = [other.call.record.status for other in self._others]
        self.child = self._others[-1].call
        why: _Failure = next((each for each in _FAILURES if each in ends), "no-answer")
        self.status = self.control.unanswered = why

    # -- ringing ----------------------------------------------------------------------------

    async def _ring(
        self, legs: list[DialledLeg], ended: asyncio.Task[Any]
    ) -> tuple[DialledLeg, CallControl] | None:
        """Ring some telephones at once; returns the first that answers, if one does in time."""
        rung: dict[asyncio.Task[bool], tuple[DialledLeg, CallControl]] = {}
        for leg in legs:
            other = leg.place()
            other.call.on_early = self._hear_early
            self._others.append(other)
            ringing = other.ring(self._timeout_ns, self._start_ringing)
            rung[self.control.spawn(ringing)] = leg, other
        winner = None
        try:
            waiting = set(rung)
            while waiting and winner is None and not ended.done():
                first = asyncio.wait((*waiting, ended), return_when=asyncio.FIRST_COMPLETED)
                await self.control.until(first)
                done = [task for task in rung if task in waiting and task.done()]
                winner = next((rung[task] for task in done if rung[task][1].call.active), None)
                waiting -= set(done)
            return winner
        finally:
            for task in rung:
                task.cancel()
            await asyncio.gather(*rung, return_exceptions=True)
            for pair in rung.values():
                if pair is not winner and pair[1].call.active:
                    pair[1].call.take_down()

    def _start_ringing(self) -> None:
        """Let the caller hear that it rings, and begin what is recorded from ringing."""
        call = self.control.call
        if self._ringback is not None:
            return
        if call.active:
            self._ringback = call.room.play(
                call.leg, call.exchange.ringback, loop=True, label="ringing", speech=False
            )
        self.rings()

    def _hear_early(self, child: LiveCall) -> None:
        """The caller hears the first callee that speaks before it answers, and no ringing."""
        call = self.control.call
        if call.active and not call.leg.hears:
            self._stop_ringing()
            call.room.hear(call.leg, child.leg)

    def _stop_ringing(self) -> None:
        if self._ringback is not None:
            if self.control.call.active:
                self.control.call.room.stop_player(self._ringback)
            self._ringback = None

    async def _screened(self, leg: DialledLeg, other: CallControl) -> bool:
        """Run what screens an answered leg; returns whether it stays."""
        if leg.screen is not None:
            other.behave()
            await leg.screen(other)
        return other.call.active


# -- into a conference ----------------------------------------------------------------------


async def attend(talk: ConnectedCalls, conference: Conference, participant: Participant) -> None:
    """Take part until the party hangs up (CallEnded), is released, or the talk's limits come."""
    control = talk.control
    if participant.released.is_set():
        return
    talk.bridged, talk.status = True, "answered"
    try:
        conference.join(participant)
        await talk.stay(participant.released.wait())
    except CallEnded:
        talk.status = "completed"
        hung_up = control.call.leaving
        conference.leave(
            participant, "participant_hung_up" if hung_up else "participant_updated_via_api"
        )
        raise
    except asyncio.CancelledError:
        conference.leave(participant, "participant_updated_via_api")
        raise
    conference.leave(participant, "participant_hung_up")
    if participant.refused:
        talk.bridged, talk.status = False, "failed"
