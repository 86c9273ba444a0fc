"""The front's own records as its workers have them: numbers, applications, keys, queues."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from mediasim.sandbox.fleet.ipc import Message, PipeClosed
from mediasim.sandbox.fleet.member import Worker
from mediasim.sandbox.persistence import to_document
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.rest.resource import Owner
from mediasim.twilio.rest.table import all_stored

__all__ = ["FrontRecords"]

Documents = dict[tuple[str, str], dict[str, Any]]
"""Documents by kind and key."""


class FrontRecords:
    """Sends the front's records to its workers as they change. Used on the web loop."""

    def __init__(self, sandbox: Sandbox, to_all: Callable[[Message], Awaitable[Any]]) -> None:
        """``to_all`` sends a request to all workers, and waits for their responses."""
        self._sandbox = sandbox
        self._to_all = to_all
        self._sent: Documents = {}
        """The records as the workers have them."""
        self._sending = asyncio.Lock()

    async def send(self) -> None:
        """Send the workers what has changed."""
        async with self._sending:
            await self._send()

    async def equip(self, worker: Worker) -> None:
        """Send all records to a worker that has started; from then on it takes requests."""
        async with self._sending:
            await self._send()
            documents = [[*key, each] for key, each in self._sent.items()]
            with contextlib.suppress(PipeClosed):
                await worker.pipe.request({"records": documents})
                worker.ready.set()

    def forget(self) -> None:
        """Take the workers as having none, after a reset."""
        self._sent = {}

    async def _send(self) -> None:
        now = await self._sandbox.engine.gate(self._documents)
        changed: list[list[Any]] = [
            [*key, each] for key, each in now.items() if self._sent.get(key) != each
        ]
        changed += [[*key, None] for key in self._sent if key not in now]
        if changed:
            self._sent = now
            await self._to_all({"records": changed})

    def _documents(self) -> Documents:
        """Return the documents of the front's own records; on the engine's loop."""
        sandbox = self._sandbox
        epoch_ns = sandbox.service.dates.unix_ns(0)
        return {
            (kind, getattr(record, stored.key)): {
                **to_document(record, epoch_ns),
                **dict.fromkeys(stored.momentary, 0),
            }
            for kind, stored in all_stored().items()
            if stored.owner is not Owner.WORKER
            for record in sandbox.repository(kind).records()
        }
