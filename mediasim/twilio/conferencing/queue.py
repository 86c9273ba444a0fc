"""A queue under way: the calls that wait in it, first come, first served."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.twilio.resources import MemberRecord, QueueRecord
from mediasim.twilio.session import CallSession
from mediasim.twilio.status import Params

__all__ = ["CallQueue", "QueueResult", "Waiting"]

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
"""How an Enqueue ended (Twilio docs, TwiML Enqueue)."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A call in a queue, until it is let go."""

    session: CallSession
    enqueued_ns: int
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody has dialled the queue and got it."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """It has been talked to, or will not be."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """It has turned to something else."""
    bridged: bool = False
    waited_ns: int | None = None
    """None while it waits."""

    def waited_until(self, now_ns: int) -> int:
        return now_ns - self.enqueued_ns if self.waited_ns is None else self.waited_ns


class CallQueue:
    """One queue."""

    def __init__(self, record: QueueRecord) -> None:
        self._record = record
        self.waiting: list[Waiting] = []
        """In order."""
        self.elsewhere = (0, 0)
        """How many wait in other processes, and for how many seconds on average."""
        self._arrived = asyncio.Event()

    @property
    def sid(self) -> str:
        return self._record.sid

    def record(self, now_ns: int) -> QueueRecord:
        """The resource, as it stands."""
        record, waits = self._record, [each.waited_until(now_ns) for each in self.waiting]
        others, seconds = self.elsewhere
        record.current_size = size = len(waits) + others
        waited_ns = sum(waits) + others * seconds * NS_PER_SECOND
        record.average_wait_seconds = waited_ns // (size * NS_PER_SECOND) if size else 0
        return record

    def enter(self, session: CallSession, now_ns: int) -> Waiting:
        """At the end."""
        member = Waiting(session, now_ns)
        self.waiting.append(member)
        self._arrived.set()
        return member

    def remove(self, member: Waiting, now_ns: int) -> None:
        """It waits no longer, whatever the reason."""
        if member in self.waiting:
            self.waiting.remove(member)
            member.waited_ns = member.waited_until(now_ns)

    async def front(self) -> Waiting:
        """The first in line, once there is one; it stays there until it is taken."""
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self.waiting[0]

    def params(self, member: Waiting, now_ns: int) -> Params:
        """What the app is told while a call waits."""
        record = self.record(now_ns)
        position = self.waiting.index(member) + 1 if member in self.waiting else 0
        return [
            ("QueueSid", self.sid),
            ("QueuePosition", str(position)),
            ("QueueTime", str(member.waited_until(now_ns) // NS_PER_SECOND)),
            ("AvgQueueTime", str(record.average_wait_seconds)),
            ("CurrentQueueSize", str(record.current_size)),
            ("MaxQueueSize", str(record.max_size)),
        ]

    def member_record(self, member: Waiting, now_ns: int) -> MemberRecord:
        """The Member resource."""
        return MemberRecord(
            account_sid=self._record.account_sid,
            queue_sid=self.sid,
            call_sid=member.session.call.sid,
            enqueued_ns=member.enqueued_ns,
            position=self.waiting.index(member) + 1 if member in self.waiting else 0,
            waited_ns=member.waited_until(now_ns),
        )
