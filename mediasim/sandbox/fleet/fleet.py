"""The front's workers: begun, told, asked, chosen among, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from mediasim.sandbox.clocks import zero_of
from mediasim.sandbox.config import AccountConfig
from mediasim.sandbox.documents import to_document
from mediasim.sandbox.elsewhere import FleetBroke
from mediasim.sandbox.fleet.mirror import Mirror, written
from mediasim.sandbox.fleet.places import Place
from mediasim.sandbox.fleet.wire import Wire, WireBroken
from mediasim.sandbox.fleet.worker import Orders
from mediasim.sandbox.sandbox import OF_THE_FRONT, Sandbox

if TYPE_CHECKING:
    from datetime import datetime

    import httpx2

    from mediasim.twilio.resources import AccountRecord

__all__ = ["Fleet", "Worker"]

_TOLD: Final = (*OF_THE_FRONT, "queue")
_GOODBYE: Final = 5.0
"""Seconds that a worker has, at the end, to publish what it was recording."""


class Worker:
    """One, as the front knows it."""

    def __init__(self, number: int, hear: Callable[[int, dict[str, Any]], Any]) -> None:
        self.number = number
        self.url = ""
        """Where it answers the API."""
        self.ready = asyncio.Event()
        self.wire = Wire(lambda message: hear(number, message))
        self.process: subprocess.Popen[bytes]

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
        self._mirror = Mirror(sandbox, sandbox.settings.workers)
        numbers = range(1, sandbox.settings.workers + 1)
        self._workers = {number: Worker(number, self._hear) for number in numbers}
        self._placing: Counter[int] = Counter()
        self._told: dict[tuple[str, str], dict[str, Any]] = {}
        self._telling = asyncio.Lock()
        self._watching: list[asyncio.Future[Any]] = []
        self.levels: Mapping[str, tuple[float, float]] = {}
        self.busy: list[float] = []
        self.client: httpx2.AsyncClient = httpx2.AsyncClient(
            timeout=None, trust_env=False, limits=httpx2.Limits(max_connections=None)
        )

    async def __aenter__(self) -> Self:
        """Begin all workers; returns when they are ready. Raises FleetBroke."""
        sandbox = self._sandbox
        account, epoch, zero_ns = await sandbox.engine.gate(self._now)
        settings, storage = sandbox.settings, sandbox.storage
        known = AccountConfig.model_construct(
            sid=account.sid, auth_token=account.auth_token, friendly_name=account.friendly_name
        )
        for number, worker in self._workers.items():
            own = replace(
                settings,
                config=settings.config.model_copy(update={"account": known}),
                data=storage.worker_folder(number),
                database=None,
                recordings=storage.folder,
                workers=1,
                worker=number,
                zero_ns=zero_ns,
                epoch=epoch,
            )
            orders = Orders(own, sandbox.base_url, storage.boot)
            await worker.wire.open(await asyncio.to_thread(worker.begin, orders))
            self._watching.append(asyncio.ensure_future(self._watch(worker)))
        ready = asyncio.ensure_future(self._all_ready())
        await asyncio.wait((ready, *self._watching), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self.__aexit__()
            raise FleetBroke("a worker did not start; it says why above")
        await self.told()
        sandbox.elsewhere = self
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._watching:
            task.cancel()
        for worker in self._workers.values():
            await worker.wire.close()
            worker.process.kill()
            await asyncio.to_thread(worker.process.wait)
        await self.client.aclose()

    # -- asking them ------------------------------------------------------------------------

    @property
    def all(self) -> list[Worker]:
        return list(self._workers.values())

    @property
    def calls_in_progress(self) -> int:
        return sum(len(calls) for calls in self._mirror.live.values())

    def party(self, call_sid: str) -> str | None:
        return self._mirror.parties.get(call_sid)

    async def heard(self) -> None:
        """Wait until everything that has happened so far has been told."""
        with contextlib.suppress(WireBroken):
            answers = await asyncio.gather(*(each.wire.ask({"hear": 1}) for each in self.all))
            found = (answer["levels"].items() for answer in answers)
            self.levels = {sid: tuple(pair) for of_one in found for sid, pair in of_one}
            self.busy = [answer["busy"] for answer in answers]

    async def told(self) -> None:
        """Tell them what has changed of numbers, applications, keys and queues."""
        async with self._telling:
            now = await self._sandbox.engine.gate(self._books)
            changed: list[list[Any]] = [
                [*place, each] for place, each in now.items() if self._told.get(place) != each
            ]
            changed += [[*place, None] for place in self._told if place not in now]
            if not changed:
                return
            self._told = now
            with contextlib.suppress(WireBroken):
                await asyncio.gather(*(each.wire.ask({"books": changed}) for each in self.all))

    def owner(self, place: Place) -> Worker | None:
        """The worker that has what a place names."""
        if place.kind == "queue":
            number = self._mirror.queue_owner(place.key)
        else:
            number = self._mirror.owner(place.kind, place.key)
            if number is None and place.kind == "conference":
                number = self._mirror.conference_owner(place.key)
        return None if number is None else self._workers[number]

    @contextmanager
    def chosen(self, number: str) -> Iterator[Worker]:
        """Who is to carry a call of one of the app's numbers; counted as its own meanwhile."""
        if self._sandbox.settings.spread == "numbers":
            chosen = zlib.crc32(number.strip().encode()) % len(self._workers) + 1
        else:
            live = self._mirror.live
            loads = {each: len(live[each]) + self._placing[each] for each in self._workers}
            chosen = min(loads, key=lambda each: (loads[each], each))
        self._placing[chosen] += 1
        try:
            yield self._workers[chosen]
        finally:
            self._placing[chosen] -= 1

    async def forget(self) -> None:
        """After a reset of all workers."""
        await self.heard()
        await self._sandbox.engine.gate(self._mirror.forget)
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
        gate, mirror = self._sandbox.engine.gate, self._mirror
        if "changes" in message:
            writing = await gate(lambda: mirror.enter(number, message["changes"]))
            if any(kind == "queue" for kind, _, _ in message["changes"]):
                await self.told()
            await written(writing)
        elif "event" in message:
            await gate(lambda: mirror.hear(message["event"]))
        elif "ready" in message:
            worker = self._workers[number]
            worker.url = message["ready"]
            worker.ready.set()
        return None

    def _now(self) -> tuple[AccountRecord, datetime, int]:
        service = self._sandbox.service
        return service.account, service.dates.epoch, zero_of(self._sandbox.clock)

    async def _all_ready(self) -> None:
        for worker in self.all:
            await worker.ready.wait()

    async def _watch(self, worker: Worker) -> None:
        await worker.wire.gone.wait()
        self._on_crash(FleetBroke(f"worker {worker.number} has gone"))

    def _books(self) -> dict[tuple[str, str], dict[str, Any]]:
        sandbox = self._sandbox
        epoch_ns = sandbox.service.dates.unix_ns(0)
        found = {}
        for kind in _TOLD:
            for record in sandbox.shelf(kind).records():
                document = to_document(record, epoch_ns)
                document.update({name: 0 for name in _OF_NOW if name in document})
                found[kind, record.sid] = document
        return found


_OF_NOW: Final = ("current_size", "average_wait_seconds")
"""What a queue is like at the moment: each worker's own."""
