"""A queue of waiting calls, first come, first served, which callers of the queue connect to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import ConnectedCalls
from mediasim.exchange.participant import Unavailable

__all__ = ["CallQueue", "LeftQueue", "QueueMember", "QueueResult"]

QueueResult = Literal[
    "bridged",
    "bridging-in-process",
    "error",
    "hangup",
    "leave",
    "queue-full",
    "redirected",
    "redirected-from-bridged",
]
"""How a call's waiting ended (QueueResult of Twilio's Enqueue verb)."""


class LeftQueue(Exception):
    """The TwiML played to a waiting call has a Leave verb."""


@dataclass(eq=False, slots=True)
class QueueMember:
    """A call in a queue, or connected from it."""

    control: CallControl
    enqueued_ns: int
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a caller of the queue connects to it."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its connection has ended, or has failed."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has left, by a hang-up or for other TwiML."""
    bridged: bool = False
    waited_ns: int | None = None
    """Time it has waited, in nanoseconds; None while it waits."""

    def waited_until(self, now_ns: int) -> int:
        """Return how long it has waited at a loop time, in nanoseconds."""
        return now_ns - self.enqueued_ns if self.waited_ns is None else self.waited_ns


class CallQueue:
    """One queue of calls."""

    def __init__(self) -> None:
        self.waiting: list[QueueMember] = []
        """The calls that wait, first in line first."""
        self.remote = (0, 0)
        """The calls in other worker processes: their number, and average wait in seconds."""
        self._arrived = asyncio.Event()

    @property
    def size(self) -> int:
        """Number of calls that wait, in other worker processes too."""
        return len(self.waiting) + self.remote[0]

    def average_wait_seconds(self, now_ns: int) -> int:
        """Return the average wait of the calls that wait now, in whole seconds."""
        others, seconds = self.remote
        waited_ns = sum(each.waited_until(now_ns) for each in self.waiting)
        waited_ns += others * seconds * NS_PER_SECOND
        return waited_ns // (self.size * NS_PER_SECOND) if self.size else 0

    def position(self, member: QueueMember) -> int:
        """Return a call's place in line, from 1; 0 once it no longer waits."""
        return self.waiting.index(member) + 1 if member in self.waiting else 0

    def enter(self, control: CallControl) -> QueueMember:
        """Add a call at the end of the queue."""
        member = QueueMember(control, control.exchange.now_ns)
        self.waiting.append(member)
        self._arrived.set()
        return member

    def remove(self, member: QueueMember) -> None:
        """Take a call out of the queue; does nothing if it no longer waits."""
        if member in self.waiting:
            self.waiting.remove(member)
            member.waited_ns = member.waited_until(member.control.exchange.now_ns)

    def release(self, member: QueueMember) -> None:
        """Take a call out of the queue for good, which also ends its connection."""
        self.remove(member)
        member.gone.set()

    async def wait(self, member: QueueMember, heard: Awaitable[Any]) -> QueueResult:
        """Wait, while ``heard`` plays to the call, until it was connected or leaves the queue.

        Returns how the waiting ended. Raises CallEnded if the call ends.
        """
        try:
            await member.control.until(heard, member.taken.wait())
        except LeftQueue:
            return "leave"
        except Unavailable:
            return "error"
        await member.control.until(member.finished.wait())
        return "bridged" if member.bridged else "bridging-in-process"

    async def _first_in_line(self) -> None:
        """Wait until a call is first in line, without taking it out."""
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()

    async def dial(
        self,
        talk: ConnectedCalls,
        timeout_ns: int,
        whisper: Callable[[QueueMember], Awaitable[bool]],
    ) -> None:
        """Connect a caller to the first in line, waiting up to ``timeout_ns`` for one.

        ``whisper`` runs first on the call from the queue and returns whether that call is still
        in progress; if not, the next is tried. Raises CallEnded if the caller's call ends.
        """
        control = talk.control
        control.answer()
        talk.status = "no-answer"
        deadline_ns = control.exchange.now_ns + timeout_ns
        talk.rings()
        while True:
            late = control.exchange.sleep_until(deadline_ns)
            if await control.until(self._first_in_line(), late) == 1:
                return
            if self.waiting and await self._connect(talk, self.waiting[0], whisper):
                return

    async def _connect(
        self,
        talk: ConnectedCalls,
        member: QueueMember,
        whisper: Callable[[QueueMember], Awaitable[bool]],
    ) -> bool:
        """Connect to a waiting call; return False if it ended during its whisper."""
        self.remove(member)  # before the whisper, during which no other caller may get the call
        member.taken.set()
        try:
            if not await whisper(member):
                return False
            talk.status, member.bridged = "completed", True
            await talk.talk(member.control, member.gone.wait())
            return True
        finally:
            if member.bridged:
                talk.disconnect()
            member.finished.set()
