"""A worker's process: a sandbox that reports to its front. Started by the front alone."""

from __future__ import annotations

import asyncio
import contextlib
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
from mediasim.sandbox.log import Entry, SandboxLog
from mediasim.sandbox.news import News
from mediasim.sandbox.persistence import from_document, to_document, update_record
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.server import ListenAddress, serve_until
from mediasim.sandbox.workers import Orders

__all__ = ["main"]


class _Worker:
    """The sandbox of one worker, and its connection to the front."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._pipe = MessagePipe(self._handle)
        self._ended = asyncio.Event()
        self._is_ending = False
        self._loop: asyncio.AbstractEventLoop
        self._sandbox: Sandbox
        self._records: ReportedRecords

    async def run(self, end: socket.socket) -> None:
        """Serve until the front ends the worker, or has died itself."""
        orders, loop = self._orders, asyncio.get_running_loop()
        self._loop = loop
        await self._pipe.open(end)
        watching = asyncio.ensure_future(self._watch())
        records = self._records = ReportedRecords(self._pipe, loop, orders.boot)
        address = ListenAddress(port=0, public_url=orders.base_url)
        log = SandboxLog(self._send_entry) if orders.logged else None
        await serve_until(
            self._ended, orders.settings, address, self._on_ready, records=records, log=log
        )
        watching.cancel()
        await records.reported()
        await self._pipe.close()

    async def _watch(self) -> None:
        """End the process when the front has died."""
        await self._pipe.gone.wait()
        if not self._is_ending:
            # The front was killed. What is being recorded stays in the spool, for its next start
            # to recover with all that it knows.
            os._exit(1)

    def _on_ready(self, sandbox: Sandbox, url: str) -> None:
        """Adopt the front's fault rules, and report that the worker serves."""
        self._sandbox = sandbox
        sandbox.service.webhooks.faults.replace(self._orders.fault_rules)

        def on_news(news: News) -> None:
            if isinstance(news, Event):
                self._loop.call_soon_threadsafe(self._send_event, _event_message(sandbox, news))

        sandbox.listeners.append(on_news)
        self._pipe.send({"ready": url})

    def _send_entry(self, entry: Entry) -> None:
        """Send an entry of the log to the front, which writes it; from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._pipe.send, {"log": entry})

    def _send_event(self, event: dict[str, Any]) -> None:
        """Report an event to the front."""
        self._pipe.send({"event": event})

    async def _handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Handle a message of the front."""
        sandbox = self._sandbox
        if "records" in message:
            await sandbox.engine.gate(lambda: _enter_documents(sandbox, message["records"]))
        elif "synchronize" in message:
            await sandbox.flush(deleted=True)
            # Also changes that were on their way already: the front reads its copy next.
            await self._records.reported()
            return await sandbox.engine.gate(lambda: _state(sandbox))
        elif "end" in message:
            self._is_ending = True
            self._ended.set()
        return None


def _state(sandbox: Sandbox) -> dict[str, Any]:
    """Return the levels of legs and the load; on the engine's loop."""
    return {"levels": levels(sandbox), "busy": sandbox.clock.busy}


def _event_message(sandbox: Sandbox, event: Event) -> dict[str, Any]:
    """Return an event as a message; on the engine's loop."""
    message: dict[str, Any] = {
        "class": type(event).__name__,
        "event": to_document(event, sandbox.service.dates.unix_ns(0)),
    }
    if isinstance(event, CallEvent):
        call = sandbox.service.live_call(event.call_sid)
        message["party"] = None if call is None else call.party.name
    return message


def _enter_documents(sandbox: Sandbox, documents: list[Any]) -> None:
    """Take over changes of the front's records; on the engine's loop."""
    epoch_ns, service = sandbox.service.dates.unix_ns(0), sandbox.service
    for kind, key, document in documents:
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
            update_record(known, record)
        elif record is not None:
            repository.add(record)
        elif known is not None and repository.remove is not None:
            repository.remove(key)


def main(descriptor: int) -> None:
    """Run a worker; the descriptor is of a socket to the front, which sends the orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the front, which ends its workers
    end = socket.socket(fileno=descriptor)
    orders = pickle.loads(_receive(end, *struct.unpack(">I", _receive(end, 4))))
    asyncio.run(_Worker(orders).run(end))


def _receive(end: socket.socket, size: int) -> bytes:
    """Read so many bytes from the front; end the process if the front has died."""
    data = end.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        sys.exit(1)
    return data


if __name__ == "__main__":
    main(int(sys.argv[1]))
