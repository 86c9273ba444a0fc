"""Dial: ring telephones, put the first to answer through, and let the two talk until an end.

Or put the caller into a conference until an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

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
"""When a recording of a Dial may begin: as the callee begins to ring, or as it answers."""
_Failure = Literal["busy", "no-answer", "failed"]
_FAILURES: Final[tuple[_Failure, ...]] = get_args(_Failure)
"""Why telephones were not put through; of several reasons, the first of these counts."""


@dataclass(frozen=True, slots=True)
class DialledLeg:
    """A telephone to be rung."""

    place: Callable[[], CallControl]
    """Creates the call to it, queued."""
    screen: Callable[[CallControl], Awaitable[Any]] | None = None
    """Runs on the answered call, which is put through if it is still in progress then."""


class DialRecording:
    """The recordings of a Dial; of one that records nothing unless overridden."""

    def begin(self, moment: Moment) -> None:
        """Start the recordings that begin at this moment."""

    def halt(self) -> list[LiveRecording]:
        """Halt the recordings; return those to publish once the callee's leg is down."""
        return []


class TalkOptions(TypedDict, total=False):
    """Options that end a talk beside its parties: a time limit, and the caller's ``*`` key."""

    time_limit_ns: int
    star_ends: bool


class ConnectedCalls:
    """Two calls that are put through to each other until an end, with their recordings."""

    def __init__(
        self,
        control: CallControl,
        *,
        time_limit_ns: int | None = None,
        star_ends: bool = False,
        recording: DialRecording | None = None,
        stays: bool = False,
    ) -> None:
        """Create the connection of a call, whose party's ``*`` key ends it with ``star_ends``.

        A ``time_limit_ns`` of None is four hours. With ``stays``, the callee does not hang up when
        both scripts have ended.
        """
        self.control = control
        self.status: DialStatus = "failed"
        """The outcome (Twilio's DialCallStatus)."""
        self.child: LiveCall | None = None
        """The call that was put through, or else the last that was rung."""
        self.bridged = False
        """Whether the calls were ever put through."""
        self._other: CallControl | None = None
        self._recording = recording or DialRecording()
        self._time_limit_ns = time_limit_ns
        self._star_ends = star_ends
        self._stays = stays

    def rings(self) -> None:
        """Start the recordings from ringing: the callee rings, or is waited for."""
        self._recording.begin("ringing")

    def joins(self) -> None:
        """Start the recordings of a call that joins a conference, where no telephone rings."""
        self._recording.begin("ringing")
        self._recording.begin("answer")

    async def talk(self, other: CallControl, *ends: Awaitable[Any]) -> None:
        """Put two calls through until one of ``ends``, the callee's end, or a limit.

        Raises CallEnded if the controlled call itself ends.
        """
        self.control.answer()
        self._other = other
        bridge = self.control.bridge = other.bridge = Bridge(self.control.call, other.call)
        self.child, self.bridged = other.call, True
        bridge.connect()
        self.control.on_bridged()
        self._recording.begin("answer")
        self.control.connect(False)
        other.behave()
        self.control.behave()
        await self.stay(*ends, other.call.ended.wait(), self._all_said(other))

    async def stay(self, *ends: Awaitable[Any]) -> None:
        """Wait for one of ``ends``, the time limit, or the caller's ``*``. Raises CallEnded."""
        control = self.control
        if not self._star_ends:
            await control.until(*ends, self._time_is_up())
            return
        with listen_for_keys(control.call) as keys:
            await control.until(*ends, self._time_is_up(), self._star(keys))

    def disconnect(self) -> None:
        """Disconnect the two calls from each other."""
        bridge, self.control.bridge = self.control.bridge, None
        if bridge is not None:
            bridge.disconnect()
        if self._other is not None:
            self._other.bridge = None
        call = self.control.call
        call.exchange.follow_recordings(call.room)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Publish on leaving the block the recordings that were started within."""
        try:
            yield
        finally:
            for recording in self._recording.halt():
                recording.publish()

    async def _time_is_up(self) -> None:
        exchange, limit_ns = self.control.exchange, self._time_limit_ns
        if limit_ns is not None:
            await exchange.sleep(limit_ns)
        else:  # not a sleep, which would count as work: no scenario waits for this limit
            await exchange.watch_until(exchange.now_ns + LONGEST_CALL_NS)

    async def _all_said(self, other: CallControl) -> None:
        """Let the callee hang up once the scripts of both parties have ended."""
        if self._stays or not other.scripted:
            await never()
        await other.behaved()
        await self.control.behaved()
        await other.linger()
        await other.call.hang_up()
        await never()  # that the callee's call ended is waited for beside this

    async def _star(self, keys: Keys) -> None:
        while True:
            frame, digit = await keys.get()
            if digit == "*":
                await notice(self.control.call, frame)
                return


class Dial(ConnectedCalls):
    """Telephones that are rung for a call, all at once or one after the other."""

    def __init__(
        self,
        control: CallControl,
        legs: Sequence[DialledLeg],
        *,
        timeout_ns: int,
        sequential: bool = False,
        ring_tone: NDArray[np.int16] | None = None,
        **talk: Any,
    ) -> None:
        """Let each leg ring for ``timeout_ns``; ``talk`` is passed to :class:`ConnectedCalls`.

        ``ring_tone`` is looped to the caller while they ring, answered or not, in place of the
        exchange's ringback and of early media.
        """
        super().__init__(control, **talk)
        self._legs = legs
        self._timeout_ns = timeout_ns
        self._sequential = sequential
        self._ring_tone = ring_tone
        self._ringback: Player | None = None
        self._rung = False
        """Whether a telephone has begun to ring."""
        self._others: list[CallControl] = []

    async def run(self, end: Coroutine[Any, Any, Any] | None = None) -> bool:
        """Ring, put through, and wait for the end; return whether ``end`` was it.

        If it was, the recordings go on. Raises CallEnded if the controlled call itself ends.
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
                    # Shielded: if the talk ends otherwise, ``ended`` must not be cancelled with it,
                    # or it would count as done.
                    await self.talk(winner[1], asyncio.shield(ended))
                    return ended.done()
                if ended.done():
                    return True
            self._given_up()
            return False
        except asyncio.CancelledError:
            redirected = True  # the call goes on elsewhere: its party is still being put through
            raise
        finally:
            goes_on = ended.done()
            ended.cancel()
            self._stop_ringing()
            # Halted before the callee's leg goes, published after: its last audio is in the file.
            halted = [] if goes_on else self._recording.halt()
            for other in self._others:
                await other.finish()
            self.disconnect()
            for recording in halted:
                recording.publish()
            if self.bridged:
                self.status = "completed"
            elif control.call.ended.is_set():
                self.status = "canceled"
            if not redirected:
                control.connect(False)

    def keep(self, other: CallControl) -> None:
        """Let a telephone's call go on when the Dial ends."""
        self._others.remove(other)

    def _given_up(self) -> None:
        """Set the status of a Dial of which no leg was put through."""
        ends = [other.call.record.status for other in self._others]
        self.child = self._others[-1].call
        why: _Failure = next((each for each in _FAILURES if each in ends), "no-answer")
        self.status = self.control.unanswered = why

    # -- ringing ----------------------------------------------------------------------------

    async def _ring(
        self, legs: list[DialledLeg], ended: asyncio.Task[Any]
    ) -> tuple[DialledLeg, CallControl] | None:
        """Ring some telephones at once; return the first to answer, None if none does in time."""
        attempts: dict[asyncio.Task[bool], tuple[DialledLeg, CallControl]] = {}
        for leg in legs:
            other = leg.place()
            other.call.on_early_media = self._hear_early
            self._others.append(other)
            ringing = other.ring(self._timeout_ns, self._start_ringing)
            attempts[self.control.spawn(ringing)] = leg, other
        winner = None
        try:
            waiting = set(attempts)
            while waiting and winner is None and not ended.done():
                first = asyncio.wait((*waiting, ended), return_when=asyncio.FIRST_COMPLETED)
                await self.control.until(first)
                # In order of the legs: if two answer in one turn of the loop, the first wins.
                done = [task for task in attempts if task in waiting and task.done()]
                winner = next(
                    (attempts[task] for task in done if attempts[task][1].call.active), None
                )
                waiting -= set(done)
                if winner is None:
                    self._sound_ringing()  # one that was heard may have given up
            return winner
        finally:
            for task in attempts:
                task.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)
            # A cancelled attempt that had been answered is still up: only the winner may stay.
            for pair in attempts.values():
                if pair is not winner and pair[1].call.active:
                    pair[1].call.take_down()

    def _start_ringing(self) -> None:
        """Play ringback to the caller, and start the recordings from ringing."""
        self._rung = True
        if self._ring_tone is not None:
            self.control.hear_early()
        self._sound_ringing()
        self.rings()

    def _hear_early(self, child: LiveCall) -> None:
        """Let the caller hear early media, though it may not be answered itself."""
        self.control.hear_early()
        self._sound_ringing()

    def _sound_ringing(self) -> None:
        """Let the caller hear the first callee that sends early media, or else ringback."""
        call = self.control.call
        if not call.up:
            return
        own = self._ring_tone
        callees = [other.call for other in self._others] if own is None else []
        early = [callee.leg for callee in callees if callee.up and not callee.active][:1]
        if call.leg.hears != tuple(early):
            call.room.hear(call.leg, *early)
        if early:
            self._stop_ringing()
        elif self._rung and self._ringback is None and (call.active or own is not None):
            sound = call.exchange.ringback if own is None else own
            self._ringback = call.room.play(
                call.leg, sound, loop=True, label="ringing", speech=False
            )

    def _stop_ringing(self) -> None:
        if self._ringback is not None:
            if self.control.call.up:
                self.control.call.room.stop_player(self._ringback)
            self._ringback = None

    async def _screened(self, leg: DialledLeg, other: CallControl) -> bool:
        """Run the screening of an answered leg; return whether it is still in progress."""
        if leg.screen is not None:
            self._sound_ringing()
            other.behave()
            await leg.screen(other)
        return other.call.active


# -- into a conference ----------------------------------------------------------------------


async def attend(talk: ConnectedCalls, conference: Conference, participant: Participant) -> None:
    """Let a call take part in a conference until it is released, or the talk's limits end it.

    Raises CallEnded if the party hangs up or the call is ended.
    """
    control = talk.control
    if participant.released.is_set():
        return
    talk.bridged, talk.status = True, "answered"
    try:
        conference.join(participant)
        talk.joins()
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
