"""Call control: one call, what its party does, and everything that runs for it until it ends.

TwiML verbs, REST requests and the calls of scenario files compile to these operations and to those
of :mod:`dial`, :mod:`message`, :mod:`conference` and :mod:`queue`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol

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
    """One connection of two calls, from when they are put through until they part."""

    def __init__(self, parent: LiveCall, child: LiveCall) -> None:
        self.calls = (parent, child)
        self._holders: set[LiveCall] = set()
        self._music: dict[LiveCall, Player] = {}
        """What is played to each call that is held."""

    def connect(self) -> None:
        """Let them hear each other from now on, and emit ``call.bridged`` of the child."""
        parent, child = self.calls
        self._join()
        child.tell("bridged", f"{parent.party.name} and {child.party.name} are bridged")

    def other(self, call: LiveCall) -> LiveCall:
        """The other of the two."""
        first, second = self.calls
        return second if call is first else first

    def hold(self, call: LiveCall) -> None:
        """The call's party puts the other on hold; nothing happens if it has done so."""
        other = self.other(call)
        if call in self._holders or not (call.active and other.active):
            return
        self._holders.add(call)
        for each in self.calls:
            each.room.hear(each.leg)
        self._music[other] = other.room.play(
            other.leg, other.exchange.hold_music, loop=True, label="hold music", speech=False
        )
        other.tell("held", f"{call.party.name} puts {other.party.name} on hold")

    def resume(self, call: LiveCall) -> None:
        """The call's party takes the other off hold; nothing happens if it does not hold it."""
        other = self.other(call)
        if call not in self._holders or not (call.active and other.active):
            return
        self._holders.remove(call)
        self._stop_music(other)
        if not self._holders:
            self._join()
        other.tell("resumed", f"{call.party.name} takes {other.party.name} off hold")

    def part(self) -> None:
        """Disconnect them: neither hears the other, or music, any more."""
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
LINGER_NS: Final = 500_000_000
"""How long a party whose script has ended stays before it hangs up."""


class ConferenceMembership(Protocol):
    """A call's place in a conference."""

    def peers(self) -> list[LiveCall]:
        """The other calls that are heard in the conference."""

    def stand_aside(self, aside: bool) -> None:
        """Its party's own telephone holds the conference, hearing and saying nothing, or not."""


class CallControl:
    """One call under control; a :class:`mediasim.exchange.phone.PartyControl` for its party."""

    def __init__(self, call: LiveCall, phone: Phone) -> None:
        self.call = call
        self.exchange = call.exchange
        self.phone = phone
        self.bridge: Bridge | None = None
        """The connection to another call that Dial has made."""
        self.seat: ConferenceMembership | None = None
        """Its place in a conference."""
        self.unanswered: CallStatus = "no-answer"
        """The status with which a call that rings here ends if it is never answered."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._behaving: asyncio.Task[Any] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._put_through = asyncio.Event()
        self._put_through.set()

    # -- life -------------------------------------------------------------------------------

    async def ring(self, timeout_ns: int, ringing: Callable[[], None] = lambda: None) -> bool:
        """Dial its party; returns whether it answered. ``ringing`` is called when it rings."""
        return await ring(self.call, self.phone, timeout_ns, ringing)

    def answer(self) -> None:
        """Answer a call that rings here, unless that was done."""
        if self.call.record.status == "ringing":
            pick_up(self.call, self.phone)
            self.answered()

    def answered(self) -> None:
        """The leg is up: from now on the party does what it does."""
        self.behave()

    @property
    def live(self) -> bool:
        """Whether the call is queued, ringing or in progress."""
        return not CALL.is_final(self.call.record.status)

    def limit(self, longest_ns: int) -> None:
        """End the call when it has lasted this long, counted from now."""
        if self._limit is not None:
            self._limit.cancel()
        at = (self.exchange.now_ns + longest_ns) / NS_PER_SECOND
        self._limit = self.exchange.loop.call_at(at, self.call.take_down)

    def end(self, unanswered: CallStatus) -> None:
        """End the call now, with this status if it was not answered."""
        if self.call.active:
            self.call.take_down()
        elif not self.call.ended.is_set():
            self.call.fail(unanswered)

    async def finish(self) -> None:
        """Everything of the call ends now: what runs beside it, its recordings, its leg."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._limit is not None:
            self._limit.cancel()
        halted = self.exchange.active_recordings(call=self.call.sid)
        for recording in halted:
            recording.halt()
        self.end("canceled")
        for recording in halted:
            recording.publish()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside the call until it ends."""
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
        """Let the party do what it does, unless it has begun."""
        behavior = behavior or self.phone.behavior
        if behavior is not None and self._behaving is None:
            self._behaving = self.spawn(behavior(self))

    async def behaved(self) -> None:
        """Wait until the party has nothing more to do."""
        if self._behaving is not None:
            await asyncio.wait((self._behaving,))

    @property
    def scripted(self) -> bool:
        """Whether the party does anything of itself."""
        return self._behaving is not None

    @property
    def dialled_ns(self) -> int:
        return self.call.dialled_ns

    @property
    def connecting(self) -> bool:
        return not self._put_through.is_set()

    async def connected(self) -> None:
        while self.connecting:  # again perhaps, by the time that this runs
            await self._put_through.wait()

    def connect(self, underway: bool) -> None:
        """Begin, or cease, to put the call through to others."""
        if underway:
            self._put_through.clear()
        else:
            self._put_through.set()

    @property
    def peer(self) -> LiveCall | None:
        """The call that it is connected to."""
        return None if self.bridge is None else self.bridge.other(self.call)

    def peers(self) -> list[LiveCall]:
        if self.seat is not None:
            return self.seat.peers()
        return [] if self.peer is None or not self.peer.active else [self.peer]

    def hold(self) -> None:
        if self.seat is not None:
            self.seat.stand_aside(True)
        elif self.bridge is not None:
            self.bridge.hold(self.call)

    def resume(self) -> None:
        if self.seat is not None:
            self.seat.stand_aside(False)
        elif self.bridge is not None:
            self.bridge.resume(self.call)

    # -- waiting ----------------------------------------------------------------------------

    async def until(self, *happenings: Awaitable[Any]) -> int:
        """Wait for the first of some happenings; returns its number. Raises CallEnded."""
        number = await first_of(*happenings, self.call.ended.wait())
        if number == len(happenings):
            raise CallEnded
        return number

    async def sleep(self, for_ns: int) -> None:
        """Wait so long. Raises CallEnded."""
        await self.until(self.exchange.sleep(for_ns))

    async def play(
        self, pcm: NDArray[np.int16], label: str, *stops: Callable[[], Awaitable[Any]], **how: Any
    ) -> int:
        """Play to the party until it has been sent (0), or one of the ``stops`` comes (1, 2 ...).

        Raises CallEnded. ``how`` goes to :meth:`mediasim.media.room.Room.play`.
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
        """Wait as long as a party takes to hang up when all has been said."""
        frames = self.call.party.path_frames
        await self.exchange.sleep(max(LINGER_NS, frames * FRAME_NS))
