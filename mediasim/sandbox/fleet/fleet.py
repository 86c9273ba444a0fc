"""The front's workers: how they are started, chosen, watched, replaced and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import socket
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

from mediasim.exchange.recovery import SPOOL
from mediasim.exchange.waiting import first_of
from mediasim.sandbox.clocks import loop_zero_ns
from mediasim.sandbox.fleet.ipc import MessagePipe, PipeClosed
from mediasim.sandbox.fleet.proxy import RequestOwner
from mediasim.sandbox.fleet.replica import Replica, written
from mediasim.sandbox.persistence import to_document
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.workers import FleetBroke, Orders
from mediasim.threads import one_thread
from mediasim.twilio.errors import unavailable
from mediasim.twilio.rest.resource import Owner
from mediasim.twilio.rest.table import all_stored

if TYPE_CHECKING:
    from datetime import datetime

    import httpx2

    from mediasim.twilio.fault_injection import FaultRule
    from mediasim.twilio.resources import AccountRecord

__all__ = ["Fleet", "Worker"]

_END_SECONDS: Final = 5.0
"""Seconds that a worker has, at the end, to publish its active recordings."""
_ATTEMPTS: Final = 3
"""Number of attempts to replace a worker that has died."""
_WAIT_SECONDS: Final = 10.0
"""Seconds that a call to be placed waits for a worker."""
_LOG: Final = logging.getLogger("mediasim")


class Worker:
    """A worker, as the front knows it."""

    def __init__(self, number: int, handle: Callable[[int, dict[str, Any]], Any]) -> None:
        self.number = number
        """Number of the worker; no other worker of this sandbox has or had it."""
        self.url = ""
        """URL of the worker's APIs, once it is ready."""
        self.ready = asyncio.Event()
        """Set once the worker serves."""
        self.pipe = MessagePipe(lambda message: handle(number, message))
        self.process: subprocess.Popen[bytes]

    @property
    def available(self) -> bool:
        """Whether the worker takes requests."""
        return self.ready.is_set() and not self.pipe.gone.is_set()

    def start(self, orders: Orders) -> socket.socket:
        """Start the worker's process; return the front's end of the connection to it."""
        ours, theirs = socket.socketpair()
        with theirs, one_thread():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mediasim.sandbox.fleet.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the front alone, which ends its workers
            )
        data = pickle.dumps(orders)
        ours.sendall(struct.pack(">I", len(data)) + data)
        return ours


class Fleet:
    """All workers of a sandbox. Used on the web loop."""

    def __init__(self, sandbox: Sandbox, on_crash: Callable[[BaseException], None]) -> None:
        import httpx2

        self._sandbox = sandbox
        self._on_crash = on_crash
        self._replica = Replica(sandbox)
        self._numbers = count(1)
        self._slots: list[Worker] = []
        """The worker in each place; a worker that has died is replaced in its place."""
        self._pending_calls: Counter[int] = Counter()
        """Number of calls that are being placed with each worker."""
        self._sent_records: dict[tuple[str, str], dict[str, Any]] = {}
        """The front's records as the workers have them, by kind and key."""
        self._sending = asyncio.Lock()
        self._supervisors: list[asyncio.Future[Any]] = []
        self._changed = asyncio.Event()
        """Set, and replaced, when a worker has become ready or was given up."""
        self.levels: Mapping[str, tuple[float, float]] = {}
        self.busy: list[float] = []
        self.client: httpx2.AsyncClient = httpx2.AsyncClient(
            timeout=None, trust_env=False, limits=httpx2.Limits(max_connections=None)
        )

    async def __aenter__(self) -> Self:
        """Start all workers; returns when they are ready. Raises FleetBroke."""
        for _ in range(self._sandbox.settings.workers):
            self._slots.append(await self._start_worker())
        started = await asyncio.gather(*(_is_ready(each) for each in self._slots))
        if not all(started):
            await self.__aexit__()
            raise FleetBroke("a worker did not start; it says why above")
        await self.send_records()
        self._sandbox.workers = self
        for slot in range(len(self._slots)):
            self._supervisors.append(asyncio.ensure_future(self._supervise(slot)))
        return self

    async def _start_worker(self) -> Worker:
        """Start the process of a new worker, and return the worker."""
        sandbox = self._sandbox
        account, epoch, zero_ns, fault_rules = await sandbox.engine.gate(self._start_state)
        settings, storage = sandbox.settings, sandbox.storage
        of_front: dict[str, object] = {
            "sid": account.sid,
            "auth_token": account.auth_token,
            "friendly_name": account.friendly_name,
            "caller_ids": (),
            "debugger": None,
        }
        known = settings.config.account.model_copy(update=of_front)
        worker = Worker(next(self._numbers), self._handle)
        own = replace(
            settings,
            config=settings.config.model_copy(update={"account": known}),
            data=storage.worker_folder(worker.number),
            database=None,
            recordings=storage.folder,
            workers=1,
            worker=worker.number,
            zero_ns=zero_ns,
            epoch=epoch,
        )
        logged = sandbox.log is not None
        orders = Orders(own, sandbox.base_url, storage.boot, fault_rules, logged)
        await worker.pipe.open(await asyncio.to_thread(worker.start, orders))
        return worker

    async def __aexit__(self, *_: object) -> None:
        for task in self._supervisors:
            task.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        for worker in self._slots:
            await worker.pipe.close()
            worker.process.kill()
            await asyncio.to_thread(worker.process.wait)
        await self.client.aclose()

    # -- one that dies ----------------------------------------------------------------------

    async def _supervise(self, slot: int) -> None:
        """Watch the worker in a place: when it dies, end its calls and start another."""
        try:
            while True:
                worker = self._slots[slot]
                await worker.pipe.gone.wait()
                await self._end_worker(worker)
                if not await self._replace(slot):
                    break
        except Exception as error:  # a supervisor must not end without notice
            self._on_crash(error)
            return
        self._notify_change()
        if not any(each.available for each in self._slots):
            self._on_crash(FleetBroke("no worker is left; they say why above"))

    async def _end_worker(self, worker: Worker) -> None:
        """End everything that a dead worker carried."""
        worker.process.kill()
        await asyncio.to_thread(worker.process.wait)
        await worker.pipe.settled()  # what it reported before it died counts
        code, carried = worker.process.returncode, len(self._replica.live[worker.number])
        _LOG.error(
            "worker %d has died (exit code %d) with %d calls: they end, others go on",
            worker.number,
            code,
            carried,
        )
        spool = self._sandbox.storage.worker_folder(worker.number) / SPOOL
        try:
            await self._sandbox.engine.gate(lambda: self._replica.end_worker(worker.number, spool))
        except OSError as error:
            _LOG.error(
                "what worker %d recorded is left to the next start: %s", worker.number, error
            )

    async def _replace(self, slot: int) -> bool:
        """Start another worker in a place; return whether one became ready."""
        for attempt in range(_ATTEMPTS):
            await asyncio.sleep(attempt)
            worker = self._slots[slot] = await self._start_worker()
            if await _is_ready(worker):
                await self._send_all_records(worker)
                self._notify_change()
                _LOG.warning("worker %d is in its place", worker.number)
                return True
            await asyncio.to_thread(worker.process.wait)
        _LOG.error("a worker that died cannot be replaced: %d attempts failed", _ATTEMPTS)
        return False

    def _notify_change(self) -> None:
        """Wake those that wait for a worker."""
        self._changed.set()
        self._changed = asyncio.Event()

    # -- asking them ------------------------------------------------------------------------

    @property
    def all(self) -> list[Worker]:
        """The workers that take requests."""
        return [worker for worker in self._slots if worker.available]

    @property
    def problem(self) -> str | None:
        """Why workers are missing; None while all run."""
        lacking = len(self._slots) - len(self.all)
        return f"{lacking} of {len(self._slots)} workers not running" if lacking else None

    @property
    def calls_in_progress(self) -> int:
        """Number of active calls in all workers."""
        return sum(len(calls) for calls in self._replica.live.values())

    def party(self, call_sid: str) -> str | None:
        """Return the name of the party at a call's far end; None where it is unknown."""
        return self._replica.parties.get(call_sid)

    async def synchronize(self) -> None:
        """Wait until the workers have reported everything that has happened so far."""
        answers = await self._request_all({"synchronize": True})
        found = (answer["levels"].items() for answer in answers)
        self.levels = {sid: tuple(pair) for of_one in found for sid, pair in of_one}
        self.busy = [answer["busy"] for answer in answers]

    async def _request_all(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a request to all workers; return the responses of those that do not die
        meanwhile."""
        requests = (each.pipe.request(message) for each in self.all)
        answers = await asyncio.gather(*requests, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, PipeClosed):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def send_records(self) -> None:
        """Send the workers what has changed of the front's records."""
        async with self._sending:
            now = await self._sandbox.engine.gate(self._front_records)
            changed: list[list[Any]] = [
                [*key, each] for key, each in now.items() if self._sent_records.get(key) != each
            ]
            changed += [[*key, None] for key in self._sent_records if key not in now]
            if not changed:
                return
            self._sent_records = now
            await self._request_all({"records": changed})

    async def _send_all_records(self, worker: Worker) -> None:
        """Send all of the front's records to a worker that started later."""
        async with self._sending:
            documents = [[*key, each] for key, each in self._sent_records.items()]
            with contextlib.suppress(PipeClosed):
                await worker.pipe.request({"records": documents})

    def owner(self, target: RequestOwner) -> Worker | None:
        """Return the worker that carries a request's record; None where none does."""
        if target.kind == "queue":
            number = self._replica.queue_owner(target.key)
        else:
            number = self._replica.owner(target.kind, target.key)
            if number is None and target.kind == "conference":
                number = self._replica.conference_owner(target.key)
        return next((each for each in self.all if each.number == number), None)

    @asynccontextmanager
    async def choose(self, number: str) -> AsyncIterator[Worker]:
        """Choose the worker for a new call of one of the app's numbers.

        The call counts as the worker's while the context is entered. Waits for a worker that is
        being replaced where no other may carry the call. Raises TwilioError.
        """
        deadline = asyncio.get_running_loop().time() + _WAIT_SECONDS
        while (worker := self._choose(number)) is None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise unavailable("the worker of this call is not running") from None
        self._pending_calls[worker.number] += 1
        try:
            yield worker
            # Counted until its record is here: the next call may come before the worker's report.
            with contextlib.suppress(PipeClosed):
                await worker.pipe.request({"synchronize": True})
        finally:
            self._pending_calls[worker.number] -= 1

    def _choose(self, number: str) -> Worker | None:
        """Return the worker for a new call; None while there is none."""
        if self._sandbox.settings.spread == "numbers":
            # Not hash(), which differs between runs.
            worker = self._slots[zlib.crc32(number.strip().encode()) % len(self._slots)]
            return worker if worker.available else None
        live, pending = self._replica.live, self._pending_calls
        return min(
            self.all,
            key=lambda each: (len(live[each.number]) + pending[each.number], each.number),
            default=None,
        )

    async def forget(self) -> None:
        """Drop the workers' records after a reset."""
        await self.synchronize()
        await self._sandbox.engine.gate(self._replica.forget)
        self._sent_records = {}

    async def end(self) -> None:
        """Have the workers end their calls and publish active recordings."""
        for task in self._supervisors:
            task.cancel()
        for worker in self.all:
            worker.pipe.send({"end": True})
        gone = asyncio.gather(*(worker.pipe.gone.wait() for worker in self.all))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone, _END_SECONDS)

    # -- messages of workers ----------------------------------------------------------------

    async def _handle(self, number: int, message: dict[str, Any]) -> dict[str, Any] | None:
        """Handle a message of a worker."""
        gate, replica = self._sandbox.engine.gate, self._replica
        if "changes" in message:
            writing = await gate(lambda: replica.enter(number, message["changes"]))
            if any(kind == "queue" for kind, _, _ in message["changes"]):
                await self.send_records()  # the other workers learn of a new queue
            # The response comes after the write: until then the worker keeps its journals.
            await written(writing)
        elif "event" in message:
            await gate(lambda: replica.enter_event(message["event"]))
        elif "log" in message:
            if self._sandbox.log is not None:
                self._sandbox.log(message["log"])
        elif "ready" in message:
            for worker in self._slots:
                if worker.number == number:
                    worker.url = message["ready"]
                    worker.ready.set()
        return None

    def _start_state(self) -> tuple[AccountRecord, datetime, int, list[tuple[str, FaultRule]]]:
        """Return account, epoch, loop time zero and fault rules, for a new worker; on the engine's
        loop."""
        service = self._sandbox.service
        fault_rules = service.webhooks.faults.rules()
        return service.account, service.dates.epoch, loop_zero_ns(self._sandbox.clock), fault_rules

    def _front_records(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the documents of the front's own records by kind and key; on the engine's loop."""
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


async def _is_ready(worker: Worker) -> bool:
    """Wait until a worker is ready or has died; return whether it is ready."""
    await first_of(worker.ready.wait(), worker.pipe.gone.wait())
    return worker.available
