"""A worker as its front knows it, and the process of one that the front starts itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from mediasim.sandbox.access import TOKEN
from mediasim.sandbox.fleet.ipc import Message, MessagePipe
from mediasim.threads import one_thread

__all__ = ["TICKET", "Hello", "Worker", "WorkerProcess"]

TICKET: Final = "MEDIASIM_WORKER_TICKET"
"""The environment variable by which the front knows a worker that it has started."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a worker says of itself when it joins."""

    version: str
    """Version of mediasim."""
    id: str
    """Identifies the worker's data folder; of one that the front started its ticket."""
    host: str
    """Name of its machine."""
    ticket: str | None = None
    """Where the front has started it: what the front gave it."""

    @classmethod
    def read(cls, message: Message) -> Self:
        """Read a message. Raises ValueError."""
        found = [message.get(name) for name in ("version", "id", "host")]
        texts = [each[:200] for each in found if isinstance(each, str)]
        ticket = message.get("ticket")
        if len(texts) < len(found) or not (ticket is None or isinstance(ticket, str)):
            raise ValueError("expected a worker's version, id and host")
        version, id, host = texts
        return cls(version, id, host, ticket)

    def to_json(self) -> dict[str, Any]:
        """Return the message."""
        return {"version": self.version, "id": self.id, "host": self.host, "ticket": self.ticket}


class Worker:
    """One connection of a worker, from its joining on."""

    def __init__(
        self, number: int, handle: Callable[[Worker, Message], Any], hello: Hello | None = None
    ) -> None:
        """``hello`` is that of a worker that has joined; None for one that the front starts."""
        self.number = number
        """Number of the worker; no other worker of this sandbox has or had it."""
        self.hello = hello
        self.ready = asyncio.Event()
        """Set once the worker carries calls."""
        self.ended = asyncio.Event()
        """Set once the calls of a worker that has joined are ended, after its loss."""
        self.leaving = False
        """Whether it has said that it ends."""
        self.busy = 0.0
        """Share of its time that it needs, as last reported."""
        self.pipe = MessagePipe(lambda message: handle(self, message))
        self.process: WorkerProcess | None = None
        """The process of a worker that the front has started."""

    @property
    def available(self) -> bool:
        """Whether the worker takes requests."""
        return self.ready.is_set() and not self.pipe.gone.is_set() and not self.leaving

    @property
    def name(self) -> str:
        """What a person calls it."""
        where = "" if self.process is not None or self.hello is None else f" at {self.hello.host}"
        return f"worker {self.number}{where}"


class WorkerProcess:
    """The process of a worker on this machine, which connects to the front as any other does."""

    def __init__(self) -> None:
        self.ticket = secrets.token_urlsafe(16)
        self._process: asyncio.subprocess.Process

    async def start(self, front: str, token: str) -> None:
        """Start the process, which joins the front at a URL."""
        with one_thread():
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mediasim.sandbox.fleet.worker", front),
                env={**os.environ, TOKEN: token, TICKET: self.ticket},
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the front alone, which ends its workers
            )

    async def ended(self) -> int:
        """Wait until the process has ended; return its exit code."""
        return await self._process.wait()

    async def kill(self) -> int:
        """Kill the process; return its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self.ended()
