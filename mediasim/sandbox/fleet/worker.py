"""A worker's process: a sandbox that reports to its front. Begun by the front alone."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import struct
import sys
from typing import Any

from mediasim.exchange.events import CallEvent, Event
from mediasim.sandbox.fleet.ipc import MessagePipe, ReportedRecords
from mediasim.sandbox.inspector.legs import levels
from mediasim.sandbox.persistence import from_document, to_document
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.server import ListenAddress, serve_until
from mediasim.sandbox.workers import Orders

__all__ = ["main"]


class _Worker:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._wire = MessagePipe(self._hear)
        self._ended = asyncio.Event()
        self._told_to_end = False
        self._sandbox: Sandbox

    async def live(self, end: socket.socket) -> None:
        """Until the front says so, or is gone."""
        orders, loop = self._orders, asyncio.get_running_loop()
        await self._wire.open(end)
        watching = asyncio.ensure_future(self._watch())
        records = ReportedRecords(self._wire, loop, orders.boot)
        address = ListenAddress(port=0, public_url=orders.base_url)
        await serve_until(self._ended, orders.settings, address, self._ready, records=records)
        watching.cancel()
        await records.reported()
        await self._wire.close()

    async def _watch(self) -> None:
        await self._wire.gone.wait()
        if not self._told_to_end:
            # The front was killed. What is being recorded stays in the spool, for its next start
            # to recover with all that it knows.
            os._exit(1)

    def _ready(self, sandbox: Sandbox, url: str) -> None:
        self._sandbox = sandbox
        sandbox.service.webhooks.faults.replace(self._orders.weather)
        loop = asyncio.get_running_loop()

        def heard(event: Event) -> None:
            loop.call_soon_threadsafe(self._tell, _told(sandbox, event))

        sandbox.listeners.append(heard)
        self._wire.tell({"ready": url})

    def _tell(self, event: dict[str, Any]) -> None:
        self._wire.tell({"event": event})

    async def _hear(self, message: dict[str, Any]) -> dict[str, Any] | None:
        sandbox = self._sandbox
        if "books" in message:
            await sandbox.engine.gate(lambda: _enter(sandbox, message["books"]))
        elif "hear" in message:
            await sandbox.written(deleted=True)
            return await sandbox.engine.gate(lambda: _state(sandbox))
        elif "end" in message:
            self._told_to_end = True
            self._ended.set()
        return None


def _state(sandbox: Sandbox) -> dict[str, Any]:
    """What is true at the moment only; on the engine's loop."""
    return {"levels": levels(sandbox), "busy": sandbox.clock.busy}


def _told(sandbox: Sandbox, event: Event) -> dict[str, Any]:
    """An event as a message; on the engine's loop."""
    told: dict[str, Any] = {
        "class": type(event).__name__,
        "event": to_document(event, sandbox.service.dates.unix_ns(0)),
    }
    if isinstance(event, CallEvent):
        call = sandbox.service.live_call(event.call_sid)
        told["party"] = None if call is None else call.party.name
    return told


def _enter(sandbox: Sandbox, books: list[Any]) -> None:
    """Take over what the front tells of the records that it owns."""
    epoch_ns, service = sandbox.service.dates.unix_ns(0), sandbox.service
    for kind, key, document in books:
        repository = sandbox.repository(kind)
        known = next(
            (each for each in repository.records() if getattr(each, repository.key) == key), None
        )
        record = None if document is None else from_document(repository.type, document, epoch_ns)
        if kind == "queue":
            if known is not None and record is not None:
                service.queues.update(key, record.friendly_name, record.max_size)
            elif record is not None:
                repository.add(record)
            elif known is not None and not known.current_size:
                service.queues.remove(key)
            continue
        if known is not None and record is not None:
            for name in record.__dataclass_fields__:
                setattr(known, name, getattr(record, name))
        elif record is not None:
            repository.add(record)
        elif known is not None and repository.remove is not None:
            repository.remove(key)


def main(descriptor: int) -> None:
    """Live as a worker; the descriptor is of a socket to the front, which gives the orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the front's to hear
    end = socket.socket(fileno=descriptor)
    orders = pickle.loads(_read(end, *struct.unpack(">I", _read(end, 4))))
    asyncio.run(_Worker(orders).live(end))


def _read(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = end.recv(size - len(data))
        if not piece:
            sys.exit(1)  # the front has gone
        data += piece
    return data


if __name__ == "__main__":
    main(int(sys.argv[1]))
