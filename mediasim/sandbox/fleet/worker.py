"""A worker's process: a sandbox that joins its front, carries calls for it and reports to it.

The front starts some itself, on its own machine; others are started by ``mediasim worker``. Both
connect to the front's URL with its token, and get their orders there. One that loses its front
drops its calls as they are, for the front ends them; what was being recorded stays in its spool. A
worker that was started by the front ends with it, and the front publishes its spool; any other
joins again, and publishes its spool itself.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mediasim import __version__
from mediasim.documents.diagnostics import ScenarioError
from mediasim.exchange.events import CallEvent, Event
from mediasim.sandbox.access import TOKEN
from mediasim.sandbox.clocks import ClockRefuses, distant_zero_ns
from mediasim.sandbox.fleet.home import WorkerHome
from mediasim.sandbox.fleet.ipc import (
    DialledConnection,
    Message,
    MessagePipe,
    PipeClosed,
    ReportedRecords,
    receive_message,
    send_message,
)
from mediasim.sandbox.fleet.member import TICKET, Hello
from mediasim.sandbox.fleet.orders import Orders, OrdersRefused, read_orders
from mediasim.sandbox.fleet.proxy import respond
from mediasim.sandbox.inspector.legs import levels
from mediasim.sandbox.log import Entry, SandboxLog
from mediasim.sandbox.news import News
from mediasim.sandbox.object_store import RemoteMediaStore
from mediasim.sandbox.persistence import from_document, to_document, update_record
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.server import SandboxApp
from mediasim.sandbox.storage import StorageError
from mediasim.sandbox.workers import WORKERS

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["JoinRefused", "main", "run_joined"]

_RETRY_SECONDS: Final = 2.0
"""Seconds between two attempts to reach the front."""
_CONNECT_SECONDS: Final = 20.0
_PING_SECONDS: Final = 20.0
_PONG_SECONDS: Final = 60.0
"""Seconds without an answer after which the front is lost."""
_CANNOT: Final = (OrdersRefused, ScenarioError, StorageError, ClockRefuses)


class JoinRefused(Exception):
    """The worker cannot carry calls for this front; the message says why."""


class _Unreachable(Exception):
    """The front does not answer at present."""


class _Outcome(Enum):
    """How a worker's time with its front ended."""

    TOLD = "told to end"
    FRONT_ENDED = "the front has ended"
    LOST = "the front is lost"


class _Worker:
    """One time of a worker with its front."""

    def __init__(self, home: WorkerHome | None) -> None:
        """``home`` is where a worker that joins by itself keeps its state."""
        self._home = home
        self._pipe = MessagePipe(self._handle)
        self._ended = asyncio.Event()
        self.outcome = _Outcome.LOST
        self._loop = asyncio.get_running_loop()
        self._sandbox: Sandbox
        self._app: ASGIApp
        self._records: ReportedRecords

    def leave(self) -> None:
        """End: publish what is being recorded, and leave the front."""
        if not self._ended.is_set():
            self.outcome = _Outcome.TOLD
            self._pipe.send({"leaving": True})
            self._ended.set()

    async def run(self, front: str, token: str, ticket: str | None, say: Say) -> None:
        """Join the front, and carry calls until told to end, or until the front is lost.

        Raises JoinRefused, and _Unreachable for a front that does not answer.
        """
        home = self._home
        id = ticket if home is None else home.id
        hello = Hello(__version__, id or "", platform.node(), ticket)
        connection = await _connect(front, token)
        try:
            await send_message(connection, hello.to_json())
            document = await receive_message(connection)
        except PipeClosed as error:
            await connection.close()
            raise _Unreachable(str(error)) from None
        if (refusal := document.get("refused")) is not None:
            await connection.close()
            raise JoinRefused(f"the front at {front} refuses this worker: {refusal}")
        self._pipe.open(connection)
        losing = asyncio.ensure_future(self._pipe.gone.wait())
        working = asyncio.ensure_future(self._work(document, front, say))
        try:
            await asyncio.wait((losing, working), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
                await self._pipe.close()
        except _CANNOT as error:
            raise JoinRefused(str(error)) from None
        except PipeClosed:
            pass
        finally:
            losing.cancel()

    async def _work(self, document: dict[str, Any], front: str, say: Say) -> None:
        """Serve by the front's orders until the worker is to end."""
        home = self._home
        folder = Path(document["settings"]["data"]) if home is None else home.folder
        orders = await read_orders(document, folder, self._fetch)
        if home is not None:
            zero_ns = await distant_zero_ns(self._front_time_ns, orders.settings.rate)
            own = replace(orders.settings, data=home.folder, zero_ns=zero_ns)
            orders = replace(orders, settings=own)
        settings: dict[str, str] = {} if home is None else home
        settings["boot"] = str(orders.boot - 1)
        records = ReportedRecords(self._pipe, self._loop, settings)
        crashed = list[BaseException]()

        def crash(error: BaseException) -> None:
            crashed.append(error)
            self._loop.call_soon_threadsafe(self._ended.set)

        sandbox = Sandbox(
            orders.settings,
            base_url=orders.base_url,
            local_url=orders.base_url if home is None else front,
            on_crash=crash,
            records=records,
        )
        self._sandbox, self._records = sandbox, records
        if home is not None and isinstance(sandbox.storage.media, RemoteMediaStore):
            records.before = sandbox.storage.media.settled
        log = SandboxLog(self._send_entry) if orders.logged else None
        with contextlib.nullcontext() if log is None else log.following(sandbox):
            await sandbox.open()
            self._app = SandboxApp(sandbox, None, None)
            self._begin(orders)
            if home is not None:
                say(f"worker {orders.settings.worker} of {front}")
            await self._ended.wait()
            await sandbox.end_calls()
            await sandbox.close()
            await records.reported()
        if crashed:
            raise crashed[0]

    def _begin(self, orders: Orders) -> None:
        """Adopt the front's fault rules, and report that the worker serves."""
        sandbox = self._sandbox
        sandbox.service.webhooks.faults.replace(orders.fault_rules)

        def on_news(news: News) -> None:
            if isinstance(news, Event):
                message = _event_message(sandbox, news)
                self._loop.call_soon_threadsafe(self._pipe.send, {"event": message})

        sandbox.listeners.append(on_news)
        self._pipe.send({"ready": True})

    async def _fetch(self, path: str) -> bytes:
        """Return one of the front's files. Raises OrdersRefused."""
        found = await self._pipe.request({"file": path})
        return base64.b64decode(found["data"])

    async def _front_time_ns(self) -> int:
        """Return the front's loop time. Raises PipeClosed."""
        answer = await self._pipe.request({"time": True})
        return int(answer["now_ns"])

    def _send_entry(self, entry: Entry) -> None:
        """Send an entry of the log to the front, which writes it; from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._pipe.send, {"log": entry})

    async def _handle(self, message: Message) -> Message | None:
        """Handle a message of the front."""
        sandbox = self._sandbox
        if "http" in message:
            return await respond(self._app, message["http"])
        if "records" in message:
            await sandbox.engine.gate(lambda: _enter_documents(sandbox, message["records"]))
        elif "synchronize" in message:
            await sandbox.flush(deleted=True)
            # Also changes that were on their way already: the front reads its copy next.
            await self._records.reported()
            return await sandbox.engine.gate(lambda: _state(sandbox))
        elif "end" in message:
            self.outcome = _Outcome.FRONT_ENDED
            self._ended.set()
        return None


Say = Callable[[str], None]
"""Prints a line for the user."""


async def _connect(front: str, token: str) -> DialledConnection:
    """Open the WebSocket to a front. Raises JoinRefused, _Unreachable."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

    where = urlsplit(front)
    scheme = "wss" if where.scheme == "https" else "ws"
    url = f"{scheme}://{where.netloc}{where.path.rstrip('/')}{WORKERS}"
    try:
        socket = await connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            proxy=None,
            max_size=None,
            open_timeout=_CONNECT_SECONDS,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PONG_SECONDS,
        )
    except InvalidURI as error:
        raise JoinRefused(f"--front: {error}") from None
    except InvalidStatus as error:
        status = error.response.status_code
        if status >= 500:  # of a proxy before it
            raise _Unreachable(f"status {status}") from None
        if status in (401, 403):
            raise JoinRefused(
                f"the front at {front} refuses this worker: expected its own token in the"
                f" environment's {TOKEN}, and one of its names in the URL (serve --allowed-host)"
            ) from None
        raise JoinRefused(f"{front} answers with status {status}: no mediasim front") from None
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise _Unreachable(str(error) or type(error).__name__) from None
    return DialledConnection(socket)


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


# -- processes ------------------------------------------------------------------------------------


async def run_joined(front: str, token: str, home: WorkerHome, say: Say) -> bool:
    """Join a front until a signal to end comes; return False when it was lost.

    A front that does not answer is waited for. Raises JoinRefused.
    """
    ended, told = asyncio.Event(), list[_Worker]()

    def on_signal() -> None:
        ended.set()
        for worker in told:
            worker.leave()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    waits = False
    while not ended.is_set():
        worker = _Worker(home)
        told[:] = [worker]
        try:
            await worker.run(front, token, None, say)
        except _Unreachable as error:
            if not waits:
                say(f"waits for the front at {front}: {error}")
            waits = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _RETRY_SECONDS)
            continue
        if worker.outcome is not _Outcome.TOLD:
            return False
    return True


def main(front: str) -> None:
    """Run a worker that the front has started; it ends with the front."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the front, which ends its workers

    async def run() -> None:
        worker = _Worker(None)
        token, ticket = os.environ.get(TOKEN, ""), os.environ.get(TICKET)
        await worker.run(front, token, ticket, print)
        if worker.outcome is _Outcome.LOST:
            # The front was killed. What is being recorded stays in the spool, for its next start
            # to recover with all that it knows.
            os._exit(1)

    try:
        asyncio.run(run())
    except (JoinRefused, _Unreachable) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
