"""Call control: one call, its party's script, and all tasks that run for it until it ends.

TwiML verbs, REST requests and the calls of scenario files compile to these operations and to those
of :mod:`dial`, :mod:`message`, :mod:`conference` and :mod:`queue`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import Behavior, Phone, pick_up, ring
from mediasim.exchange.states import CALL, CallStatus
from mediasim.exchange.waiting import CallEnded, first_of
from mediasim.media.player import Player

__all__ = ["LINGER_NS", "LONGEST_CALL_NS", "Bridge", "CallControl", "ConferenceMembership"]


class Bridge:
    """A connection of two calls, each of which may put the other on hold."""

    def __init__(self, parent: LiveCall, child: LiveCall) -> None:
        self.calls = (parent, child)
        self._holders: set[LiveCall] = set()
        self._music: dict[LiveCall, Player] = {}
        """The hold music of each call that is on hold."""

    def connect(self) -> None:
        """Let both parties hear each other, and emit ``call.bridged`` for the child."""
        parent, child = self.calls
        self._join()
        child.emit("bridged", f"{parent.party.name} and {child.party.name} are bridged")

    def other(self, call: LiveCall) -> LiveCall:
        """Return the other of the two calls."""
        first, second = self.calls
        return second if call is first else first

    def hold(self, call: LiveCall) -> None:
        """Let a call's party put the other on hold; does nothing if it has done so already."""
        other = self.other(call)
        if call in self._holders or not (call.active and other.active):
            return
        self._holders.add(call)
        for each in self.calls:
            each.room.hear(each.leg)
        self._music[other] = other.room.play(
            other.leg, other.exchange.hold_music, loop=True, label="hold music", speech=False
        )
        other.emit("held", f"{call.party.name} puts {other.party.name} on hold")

    def resume(self, call: LiveCall) -> None:
        """Let a call's party take the other off hold; does nothing if it does not hold it."""
        other = self.other(call)
        if call not in self._holders or not (call.active and other.active):
            return
        self._holders.remove(call)
        self._stop_music(other)
        # With both on hold, the first to resume still hears the music that the other has put on.
        if not self._holders:
            self._join()
        other.emit("resumed", f"{call.party.name} takes {other.party.name} off hold")

    def disconnect(self) -> None:
        """Disconnect the calls: neither hears the other, or hold music, any more."""
        for call in self.calls:
            self._stop_music(call)
            if call.active:
                call.room.hear(call.leg)

    def _join(self) -> None:
        parent, child = self.calls
        parent.room.bridge(parent.leg, child.leg)
        parent.exchange.follow_recordings(parent.room)

    def _stop_music(self, held: LiveCall) -> None:
        music = self._music.pop(held, None)
        if music is not None and held.active:
            held.room.stop_player(music)


LONGEST_CALL_NS: Final = 4 * 3600 * NS_PER_SECOND
"""Longest duration of a call (Twilio's four hours), in nanoseconds."""
LINGER_NS: Final = 500_000_000
"""Time for which a party stays after its script has ended, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class ConferenceMembership:
    """A call's membership in a conference."""

    peers: Callable[[], list[LiveCall]]
    """Returns the other calls that hear the same conference."""
    hold_locally: Callable[[bool], None]
    """Puts the conference on hold with the party's own telephone, or takes it off hold."""


class CallControl:
    """Control of one call; a :class:`mediasim.exchange.phone.PartyControl` for its party."""

    def __init__(self, call: LiveCall, phone: Phone) -> None:
        self.call = call
        self.exchange = call.exchange
        self.phone = phone
        self.bridge: Bridge | None = None
        """The connection to another call, if there is one."""
        self.membership: ConferenceMembership | None = None
        """The call's membership in a conference, if it is in one."""
        self.on_bridged: Callable[[], None] = lambda: None
        """Called each time the call has been put through to another one."""
        self.unanswered: CallStatus = "no-answer"
        """The status with which an inbound call ends if it is never answered."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._behaving: asyncio.Task[Any] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._not_connecting = asyncio.Event()
        self._not_connecting.set()

    # -- life -------------------------------------------------------------------------------

    async def ring(self, timeout_ns: int, ringing: Callable[[], None] = lambda: None) -> bool:
        """Dial the party and return whether it answered; ``ringing`` is called when it rings."""
        early: asyncio.Task[Any] | None = None

        def rings() -> None:
            nonlocal early
            ringing()
            behavior = self.phone.early
            if behavior is not None and self.call.speak_early(listens=self.phone.listens):
                early = self.spawn(behavior(self))

        try:
            return await ring(self.call, self.phone, timeout_ns, rings)
        finally:
            if early is not None:
                early.cancel()

    def answer(self) -> None:
        """Answer an inbound call; does nothing if it was answered before."""
        if self.call.record.status == "ringing":
            pick_up(self.call, self.phone)
            self.answered()

    def hear_early(self) -> None:
        """Let the party of an inbound call hear what comes, though it is not answered yet."""
        self.call.hear_early(self.phone.far_end, listens=self.phone.listens)

    def answered(self) -> None:
        """Start the party's script, now that the leg is up."""
        self.behave()

    @property
    def live(self) -> bool:
        """Whether the call is queued, ringing or in progress."""
        return not CALL.is_final(self.call.record.status)

    def limit(self, longest_ns: int) -> None:
        """End the call after a time in nanoseconds from now; replaces an earlier limit."""
        if self._limit is not None:
            self._limit.cancel()
        at = (self.exchange.now_ns + longest_ns) / NS_PER_SECOND
        self._limit = self.exchange.loop.call_at(at, self.call.take_down)

    def end(self, unanswered: CallStatus) -> None:
        """End the call now, with the given status if it was not answered."""
        if self.call.active:
            self.call.take_down()
        elif not self.call.ended.is_set():
            self.call.fail(unanswered)

    async def finish(self) -> None:
        """End the call with everything that belongs to it: its tasks, its recordings, its leg."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._limit is not None:
            self._limit.cancel()
        # Halted before the leg goes, so that they end with it; published when the call has ended.
        halted = self.exchange.active_recordings(call=self.call.sid)
        for recording in halted:
            recording.halt()
        self.end("canceled")
        for recording in halted:
            recording.publish()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task that is cancelled when the call ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.exchange.on_fault(self.call, error)

    # -- the party --------------------------------------------------------------------------

    def behave(self, behavior: Behavior | None = None) -> None:
        """Start the party's script, or another in its place; does nothing if one was started."""
        behavior = behavior or self.phone.behavior
        if behavior is not None and self._behaving is None:
            self._behaving = self.spawn(behavior(self))

    async def behaved(self) -> None:
        """Wait until the party's script has ended."""
        if self._behaving is not None:
            await asyncio.wait((self._behaving,))

    @property
    def scripted(self) -> bool:
        """Whether the party has a script that was started."""
        return self._behaving is not None

    @property
    def dialled_ns(self) -> int:
        return self.call.dialled_ns

    @property
    def connecting(self) -> bool:
        return not self._not_connecting.is_set()

    async def connected(self) -> None:
        while self.connecting:  # an event that was set may be cleared again before this resumes
            await self._not_connecting.wait()

    def connect(self, connecting: bool) -> None:
        """Set whether the call is being put through (:attr:`connecting`)."""
        if connecting:
            self._not_connecting.clear()
        else:
            self._not_connecting.set()

    @property
    def peer(self) -> LiveCall | None:
        """The call at the other end of the bridge; None without one."""
        return None if self.bridge is None else self.bridge.other(self.call)

    def peers(self) -> list[LiveCall]:
        if self.membership is not None:
            return self.membership.peers()
        return [] if self.peer is None or not self.peer.active else [self.peer]

    def hold(self) -> None:
        if self.membership is not None:
            self.membership.hold_locally(True)
        elif self.bridge is not None:
            self.bridge.hold(self.call)

    def resume(self) -> None:
        if self.membership is not None:
            self.membership.hold_locally(False)
        elif self.bridge is not None:
            self.bridge.resume(self.call)

    # -- waiting ----------------------------------------------------------------------------

    async def until(self, *awaitables: Awaitable[Any]) -> int:
        """Wait for the first of several awaitables and return its index.

        Raises CallEnded if the call ends before.
        """
        number = await first_of(*awaitables, self.call.ended.wait())
        if number == len(awaitables):
            raise CallEnded
        return number

    async def sleep(self, for_ns: int) -> None:
        """Wait for a time in nanoseconds. Raises CallEnded if the call ends before."""
        await self.until(self.exchange.sleep(for_ns))

    async def play(
        self, pcm: NDArray[np.int16], label: str, *stops: Callable[[], Awaitable[Any]], **how: Any
    ) -> int:
        """Play 8 kHz samples to the party until their end, or until one of ``stops`` completes.

        Returns 0 for the end, else the number of the stop from 1. Raises CallEnded if the call ends
        before. ``how`` is passed to :meth:`mediasim.media.room.Room.play`.
        """
        if not len(pcm):
            return 0
        room, call = self.call.room, self.call
        player = room.play(call.leg, pcm, label=label, **how)
        assert player.end_frame is not None
        try:
            sent = self.exchange.sleep_until(player.end_frame * FRAME_NS)
            return await self.until(sent, *(stop() for stop in stops))
        finally:
            if call.active:
                room.stop_player(player)

    async def linger(self) -> None:
        """Wait as long as a party takes to hang up after its script has ended."""
        frames = self.call.party.path_frames
        await self.exchange.sleep(max(LINGER_NS, frames * FRAME_NS))
