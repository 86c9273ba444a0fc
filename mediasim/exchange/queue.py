"""A queue: calls wait in it, first come, first served, until a caller of the queue takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dial import ConnectedCalls
from mediasim.exchange.participant import Unavailable

__all__ = ["CallQueue", "LeftQueue", "QueueResult", "Waiting"]

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
"""How waiting ended (Twilio docs, TwiML Enqueue)."""


class LeftQueue(Exception):
    """What a waiting call hears says that it shall leave the queue."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A call in a queue, until it is let go."""

    control: CallControl
    enqueued_ns: int
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """A caller of the queue has got it."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """It has been talked to, or will not be."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """It has turned to something else."""
    bridged: bool = False
    waited_ns: int | None = None
    """None while it waits."""

    def waited_until(self, now_ns: int) -> int:
        """How long it has waited, in nanoseconds."""
        return now_ns - self.enqueued_ns if self.waited_ns is None else self.waited_ns


class CallQueue:
    """One queue."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        """In order."""
        self.elsewhere = (0, 0)
        """How many wait in other processes, and for how many seconds on average."""
        self._arrived = asyncio.Event()

    @property
    def size(self) -> int:
        """How many calls wait, in other processes too."""
        return len(self.waiting) + self.elsewhere[0]

    def average_wait_seconds(self, now_ns: int) -> int:
        """For how long those that wait have done so, in whole seconds."""
        others, seconds = self.elsewhere
        waited_ns = sum(each.waited_until(now_ns) for each in self.waiting)
        waited_ns += others * seconds * NS_PER_SECOND
        return waited_ns // (self.size * NS_PER_SECOND) if self.size else 0

    def position(self, member: Waiting) -> int:
        """Its place in line, from 1; 0 once it has left."""
        return self.waiting.index(member) + 1 if member in self.waiting else 0

    def enter(self, control: CallControl) -> Waiting:
        """Let a call wait at the end."""
        member = Waiting(control, control.exchange.now_ns)
        self.waiting.append(member)
        self._arrived.set()
        return member

    def remove(self, member: Waiting) -> None:
        """It waits no longer, whatever the reason."""
        if member in self.waiting:
            self.waiting.remove(member)
            member.waited_ns = member.waited_until(member.control.exchange.now_ns)

    def release(self, member: Waiting) -> None:
        """It has turned to something else."""
        self.remove(member)
        member.gone.set()

    async def served(self, member: Waiting, heard: Awaitable[Any]) -> QueueResult:
        """Let a call wait, hearing something, until it has been talked to or leaves.

        Raises CallEnded.
        """
        try:
            await member.control.until(heard, member.taken.wait())
        except LeftQueue:
            return "leave"
        except Unavailable:
            return "error"
        await member.control.until(member.finished.wait())
        return "bridged" if member.bridged else "bridging-in-process"

    async def _front(self) -> None:
        """Wait until there is a first in line; it stays there until it is taken."""
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()

    async def dial(
        self,
        talk: ConnectedCalls,
        timeout_ns: int,
        whisper: Callable[[Waiting], Awaitable[bool]],
    ) -> None:
        """Connect a caller to the first in line that stays on it; none may come in time.

        ``whisper`` runs on the call from the queue first; it returns whether the call is still
        there. Raises CallEnded.
        """
        control = talk.control
        control.answer()
        talk.status = "no-answer"
        deadline_ns = control.exchange.now_ns + timeout_ns
        talk.rings()
        while True:
            late = control.exchange.sleep_until(deadline_ns)
            if await control.until(self._front(), late) == 1:
                return
            if self.waiting and await self._connect(talk, self.waiting[0], whisper):
                return

    async def _connect(
        self, talk: ConnectedCalls, member: Waiting, whisper: Callable[[Waiting], Awaitable[bool]]
    ) -> bool:
        """Talk to a waiting call; False if it was gone before it could be connected."""
        self.remove(member)
        member.taken.set()
        try:
            if not await whisper(member):
                return False
            talk.status, member.bridged = "completed", True
            await talk.talk(member.control, member.gone.wait())
            return True
        finally:
            if member.bridged:
                talk.part()
            member.finished.set()
