"""The front's workers: begun, told, asked, chosen among, and ended."""

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
from mediasim.sandbox.clocks import zero_of
from mediasim.sandbox.config import AccountConfig
from mediasim.sandbox.fleet.ipc import MessagePipe, PipeBroken
from mediasim.sandbox.fleet.proxy import RequestOwner
from mediasim.sandbox.fleet.replica import Replica, written
from mediasim.sandbox.persistence import to_document
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.workers import FleetBroke, Orders
from mediasim.twilio.errors import unavailable
from mediasim.twilio.rest.resource import Owner
from mediasim.twilio.rest.table import all_stored

if TYPE_CHECKING:
    from datetime import datetime

    import httpx2

    from mediasim.twilio.fault_injection import FaultRule
    from mediasim.twilio.resources import AccountRecord

__all__ = ["Fleet", "Worker"]

_GOODBYE: Final = 5.0
"""Seconds that a worker has, at the end, to publish what it was recording."""
_ATTEMPTS: Final = 3
"""At replacing a worker that has died."""
_PATIENCE: Final = 10.0
"""Seconds that a call to be placed waits for a worker."""
_LOG: Final = logging.getLogger("mediasim")


class Worker:
    """One, as the front knows it."""

    def __init__(self, number: int, hear: Callable[[int, dict[str, Any]], Any]) -> None:
        self.number = number
        """Its own, which no other worker of this sandbox has or had."""
        self.url = ""
        """Where it answers the API."""
        self.ready = asyncio.Event()
        self.wire = MessagePipe(lambda message: hear(number, message))
        self.process: subprocess.Popen[bytes]

    @property
    def serves(self) -> bool:
        """Whether it can be asked."""
        return self.ready.is_set() and not self.wire.gone.is_set()

    def begin(self, orders: Orders) -> socket.socket:
        """Start its process; returns our end of the connection to it."""
        ours, its = socket.socketpair()
        with its:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mediasim.sandbox.fleet.worker", str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
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
        self._places: list[Worker] = []
        """The worker of each place; one that has died gives it to another."""
        self._placing: Counter[int] = Counter()
        self._told: dict[tuple[str, str], dict[str, Any]] = {}
        self._telling = asyncio.Lock()
        self._watching: list[asyncio.Future[Any]] = []
        self._changed = asyncio.Event()
        """Set, and replaced, when a worker has become ready or was given up."""
        self.levels: Mapping[str, tuple[float, float]] = {}
        self.busy: list[float] = []
        self.client: httpx2.AsyncClient = httpx2.AsyncClient(
            timeout=None, trust_env=False, limits=httpx2.Limits(max_connections=None)
        )

    async def __aenter__(self) -> Self:
        """Begin all workers; returns when they are ready. Raises FleetBroke."""
        for _ in range(self._sandbox.settings.workers):
            self._places.append(await self._begun())
        started = await asyncio.gather(*(_started(each) for each in self._places))
        if not all(started):
            await self.__aexit__()
            raise FleetBroke("a worker did not start; it says why above")
        await self.told()
        self._sandbox.elsewhere = self
        for place in range(len(self._places)):
            self._watching.append(asyncio.ensure_future(self._keep(place)))
        return self

    async def _begun(self) -> Worker:
        """A worker whose process has begun."""
        sandbox = self._sandbox
        account, epoch, zero_ns, weather = await sandbox.engine.gate(self._now)
        settings, storage = sandbox.settings, sandbox.storage
        known = AccountConfig.model_construct(
            sid=account.sid, auth_token=account.auth_token, friendly_name=account.friendly_name
        )
        worker = Worker(next(self._numbers), self._hear)
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
        orders = Orders(own, sandbox.base_url, storage.boot, weather)
        await worker.wire.open(await asyncio.to_thread(worker.begin, orders))
        return worker

    async def __aexit__(self, *_: object) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for worker in self._places:
            await worker.wire.close()
            worker.process.kill()
            await asyncio.to_thread(worker.process.wait)
        await self.client.aclose()

    # -- one that dies ----------------------------------------------------------------------

    async def _keep(self, place: int) -> None:
        """Have a worker in a place: when it dies, end what it carried and begin another."""
        try:
            while True:
                worker = self._places[place]
                await worker.wire.gone.wait()
                await self._bury(worker)
                if not await self._replace(place):
                    break
        except Exception as error:  # what is not foreseen is no reason to be silent
            self._on_crash(error)
            return
        self._change()
        if not any(each.serves for each in self._places):
            self._on_crash(FleetBroke("no worker is left; they say why above"))

    async def _bury(self, worker: Worker) -> None:
        worker.process.kill()
        await asyncio.to_thread(worker.process.wait)
        await worker.wire.settled()
        code, carried = worker.process.returncode, len(self._replica.live[worker.number])
        _LOG.error(
            "worker %d has died (exit code %d) with %d calls: they end, others go on",
            worker.number,
            code,
            carried,
        )
        spool = self._sandbox.storage.worker_folder(worker.number) / SPOOL
        try:
            await self._sandbox.engine.gate(lambda: self._replica.bury(worker.number, spool))
        except OSError as error:
            _LOG.error(
                "what worker %d recorded is left to the next start: %s", worker.number, error
            )

    async def _replace(self, place: int) -> bool:
        """Begin another worker in a place; returns whether one came to be ready."""
        for attempt in range(_ATTEMPTS):
            await asyncio.sleep(attempt)
            worker = self._places[place] = await self._begun()
            if await _started(worker):
                await self._tell_all(worker)
                self._change()
                _LOG.warning("worker %d is in its place", worker.number)
                return True
            await asyncio.to_thread(worker.process.wait)
        _LOG.error("a worker that died cannot be replaced: %d attempts failed", _ATTEMPTS)
        return False

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # -- asking them ------------------------------------------------------------------------

    @property
    def all(self) -> list[Worker]:
        """Those that can be asked."""
        return [worker for worker in self._places if worker.serves]

    @property
    def trouble(self) -> str | None:
        """What is wrong with the workers; None: all are there."""
        lacking = len(self._places) - len(self.all)
        return f"{lacking} of {len(self._places)} workers not running" if lacking else None

    @property
    def calls_in_progress(self) -> int:
        return sum(len(calls) for calls in self._replica.live.values())

    def party(self, call_sid: str) -> str | None:
        return self._replica.parties.get(call_sid)

    async def heard(self) -> None:
        """Wait until everything that has happened so far has been told."""
        answers = await self._asked({"hear": 1})
        found = (answer["levels"].items() for answer in answers)
        self.levels = {sid: tuple(pair) for of_one in found for sid, pair in of_one}
        self.busy = [answer["busy"] for answer in answers]

    async def _asked(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """What all workers answer, but those that die before they do."""
        asking = (each.wire.ask(message) for each in self.all)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, PipeBroken):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def told(self) -> None:
        """Tell them what has changed of the records that the front owns, as numbers are."""
        async with self._telling:
            now = await self._sandbox.engine.gate(self._books)
            changed: list[list[Any]] = [
                [*place, each] for place, each in now.items() if self._told.get(place) != each
            ]
            changed += [[*place, None] for place in self._told if place not in now]
            if not changed:
                return
            self._told = now
            await self._asked({"books": changed})

    async def _tell_all(self, worker: Worker) -> None:
        """Tell a worker that has come later everything that the others were told."""
        async with self._telling:
            books = [[*place, each] for place, each in self._told.items()]
            with contextlib.suppress(PipeBroken):
                await worker.wire.ask({"books": books})

    def owner(self, place: RequestOwner) -> Worker | None:
        """The worker that has what a place names."""
        if place.kind == "queue":
            number = self._replica.queue_owner(place.key)
        else:
            number = self._replica.owner(place.kind, place.key)
            if number is None and place.kind == "conference":
                number = self._replica.conference_owner(place.key)
        return next((each for each in self.all if each.number == number), None)

    @asynccontextmanager
    async def chosen(self, number: str) -> AsyncIterator[Worker]:
        """Who is to carry a call of one of the app's numbers; counted as its own meanwhile.

        One that is being replaced is waited for where no other will do. Raises TwilioError.
        """
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while (chosen := self._choice(number)) is None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise unavailable("the worker of this call is not running") from None
        self._placing[chosen.number] += 1
        try:
            yield chosen
            # Counted until its record is here: the next call may come before the worker has told.
            with contextlib.suppress(PipeBroken):
                await chosen.wire.ask({"hear": 1})
        finally:
            self._placing[chosen.number] -= 1

    def _choice(self, number: str) -> Worker | None:
        if self._sandbox.settings.spread == "numbers":
            worker = self._places[zlib.crc32(number.strip().encode()) % len(self._places)]
            return worker if worker.serves else None
        live = self._replica.live
        return min(
            self.all,
            key=lambda each: (len(live[each.number]) + self._placing[each.number], each.number),
            default=None,
        )

    async def forget(self) -> None:
        """After a reset of all workers."""
        await self.heard()
        await self._sandbox.engine.gate(self._replica.forget)
        self._told = {}

    async def end(self) -> None:
        """Let them end their calls and publish what is being recorded."""
        for task in self._watching:
            task.cancel()
        for worker in self.all:
            worker.wire.tell({"end": True})
        gone = asyncio.gather(*(worker.wire.gone.wait() for worker in self.all))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone, _GOODBYE)

    # -- what they tell ---------------------------------------------------------------------

    async def _hear(self, number: int, message: dict[str, Any]) -> dict[str, Any] | None:
        gate, replica = self._sandbox.engine.gate, self._replica
        if "changes" in message:
            writing = await gate(lambda: replica.enter(number, message["changes"]))
            if any(kind == "queue" for kind, _, _ in message["changes"]):
                await self.told()
            await written(writing)
        elif "event" in message:
            await gate(lambda: replica.hear(message["event"]))
        elif "ready" in message:
            for worker in self._places:
                if worker.number == number:
                    worker.url = message["ready"]
                    worker.ready.set()
        return None

    def _now(self) -> tuple[AccountRecord, datetime, int, list[tuple[str, FaultRule]]]:
        service = self._sandbox.service
        weather = service.webhooks.faults.rules()
        return service.account, service.dates.epoch, zero_of(self._sandbox.clock), weather

    def _books(self) -> dict[tuple[str, str], dict[str, Any]]:
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


async def _started(worker: Worker) -> bool:
    """Wait until it is ready, or gone; returns whether it is ready."""
    await first_of(worker.ready.wait(), worker.wire.gone.wait())
    return worker.serves
