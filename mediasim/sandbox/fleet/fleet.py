"""The front's workers: how they are started, chosen, watched, replaced and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

from mediasim.exchange.recovery import SPOOL
from mediasim.exchange.waiting import first_of
from mediasim.sandbox.fleet.ipc import Connection, Message, PipeClosed, send_message
from mediasim.sandbox.fleet.member import Hello, Worker, WorkerProcess
from mediasim.sandbox.fleet.orders import file_text, orders_for
from mediasim.sandbox.fleet.proxy import RequestOwner
from mediasim.sandbox.fleet.records import FrontRecords
from mediasim.sandbox.fleet.replica import Replica, written
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.workers import FleetBroke
from mediasim.twilio.errors import unavailable

__all__ = ["Fleet", "Worker"]

_END_SECONDS: Final = 5.0
"""Seconds that a worker has, at the end, to publish its active recordings."""
_ATTEMPTS: Final = 3
"""Number of attempts to replace a worker that has died."""
_WAIT_SECONDS: Final = 10.0
"""Seconds that a call to be placed waits for a worker."""
_RETURN_SECONDS: Final = 120.0
"""Seconds that a worker elsewhere has to come back with what it was recording."""
_LOG: Final = logging.getLogger("mediasim")


class Fleet:
    """All workers of a sandbox. Used on the web loop."""

    def __init__(self, sandbox: Sandbox, on_crash: Callable[[BaseException], None]) -> None:
        self._sandbox = sandbox
        self._on_crash = on_crash
        self._replica = Replica(sandbox)
        self._numbers = count(1)
        self._url = ""
        self._slots: list[Worker] = []
        """The worker in each place that the front fills itself; a dead one is replaced there."""
        self._joined: dict[str, Worker] = {}
        """The workers that have joined by themselves, by their ids."""
        self._settling: dict[str, asyncio.Future[Any]] = {}
        """Waits for what workers elsewhere had recorded when they were lost, by their ids."""
        self._homes: dict[str, str] = {}
        """Where the calls of each of the app's numbers go, if numbers are spread."""
        self._pending_calls: Counter[int] = Counter()
        """Number of calls that are being placed with each worker."""
        self._supervisors: list[asyncio.Future[Any]] = []
        self._changed = asyncio.Event()
        """Set, and replaced, when a worker has become ready or was given up."""
        self._ending = False
        self.records = FrontRecords(sandbox, self._request_all)
        self.levels: Mapping[str, tuple[float, float]] = {}

    async def start(self, url: str) -> None:
        """Start the front's own workers; returns when they are ready.

        ``url`` is where they find the front, which serves already. Raises FleetBroke.
        """
        self._url = url
        for _ in range(self._sandbox.settings.workers):
            self._slots.append(await self._start_worker())
        started = await asyncio.gather(*(_is_ready(each) for each in self._slots))
        if not all(started):
            raise FleetBroke("a worker did not start; it says why above")
        self._sandbox.workers = self
        for slot in range(len(self._slots)):
            self._supervisors.append(asyncio.ensure_future(self._supervise(slot)))

    async def _start_worker(self) -> Worker:
        """Start the process of a new worker, and return the worker."""
        worker = Worker(next(self._numbers), self._handle)
        worker.process = WorkerProcess()
        await worker.process.start(self._url, self._sandbox.token)
        return worker

    async def close(self) -> None:
        """End all workers at once."""
        for task in (*self._supervisors, *self._settling.values()):
            task.cancel()
        await asyncio.gather(*self._supervisors, *self._settling.values(), return_exceptions=True)
        for worker in (*self._slots, *self._joined.values()):
            await worker.pipe.close()
            if worker.process is not None:
                await worker.process.kill()

    # -- joining ----------------------------------------------------------------------------

    def refusal(self, hello: Hello) -> str | None:
        """Return why a worker may not join; None if it may."""
        if hello.ticket is not None:
            own = any(each.process and each.process.ticket == hello.ticket for each in self._slots)
            return None if own else "the front does not know this worker's ticket"
        if self._sandbox.settings.media is None:
            return (
                "the front keeps its recordings in a folder of its own machine: expected it to be"
                " started with --media, the URL of a store that both can reach"
            )
        return None

    async def serve(self, connection: Connection, hello: Hello) -> None:
        """Give a worker its orders, and exchange messages until the connection ends.

        Raises PipeClosed.
        """
        if hello.ticket is not None:
            worker = next(
                each
                for each in self._slots
                if each.process is not None and each.process.ticket == hello.ticket
            )
            worker.hello = hello
        else:
            if (before := self._joined.get(hello.id)) is not None:
                await before.pipe.close()  # it has come back before its loss was noticed
                await before.ended.wait()
            worker = Worker(next(self._numbers), self._handle, hello)
            self._joined[hello.id] = worker
        if worker.process is None:
            self._supervisors.append(asyncio.ensure_future(self._watch_joined(worker)))
        try:
            await send_message(connection, await orders_for(self._sandbox, worker))
        except BaseException:
            worker.pipe.lose()
            raise
        worker.pipe.open(connection)
        await worker.pipe.settled()

    async def _watch_joined(self, worker: Worker) -> None:
        """Greet a worker that has joined by itself; end its calls when it is lost."""
        assert worker.hello is not None
        if await _is_ready(worker):
            if (settling := self._settling.pop(worker.hello.id, None)) is not None:
                settling.cancel()  # it brings what it was recording
            self._notify_change()
            _LOG.warning("%s has joined", worker.name)
        await worker.pipe.gone.wait()
        await self._end_worker(worker)
        if self._joined.get(worker.hello.id) is worker:
            del self._joined[worker.hello.id]
        worker.ended.set()

    # -- one that dies ----------------------------------------------------------------------

    async def _supervise(self, slot: int) -> None:
        """Watch the worker in a place: when it dies, end its calls and start another."""
        try:
            while True:
                worker = self._slots[slot]
                await _has_gone(worker)
                await self._end_worker(worker)
                if not await self._replace(slot):
                    break
        except Exception as error:  # a supervisor must not end without notice
            self._on_crash(error)
            return
        self._notify_change()
        if not self.all:
            self._on_crash(FleetBroke("no worker is left; they say why above"))

    async def _end_worker(self, worker: Worker) -> None:
        """End everything that a lost worker carried."""
        code = None if worker.process is None else await worker.process.kill()
        await worker.pipe.settled()  # what it reported before it died counts
        carried = len(self._replica.live[worker.number])
        if worker.leaving:
            _LOG.warning("%s has left", worker.name)
        elif code is None:
            words = "%s is lost with %d calls: they end, others go on"
            _LOG.error(words, worker.name, carried)
        else:
            words = "%s has died (exit code %d) with %d calls: they end, others go on"
            _LOG.error(words, worker.name, code, carried)
        here = worker.process is not None
        spool = self._sandbox.storage.worker_folder(worker.number) / SPOOL if here else None
        try:
            await self._sandbox.engine.gate(lambda: self._replica.end_worker(worker.number, spool))
        except OSError as error:
            _LOG.error("what %s recorded is left to the next start: %s", worker.name, error)
        if worker.hello is not None and not here and not self._ending:
            settling = self._settle(worker.number)
            self._settling[worker.hello.id] = asyncio.ensure_future(settling)

    async def _settle(self, number: int) -> None:
        """Give up what a lost worker was recording, unless it comes back in time."""
        await asyncio.sleep(_RETURN_SECONDS)
        await self._sandbox.engine.gate(lambda: self._replica.settle(number))

    async def _replace(self, slot: int) -> bool:
        """Start another worker in a place; return whether one became ready."""
        for attempt in range(_ATTEMPTS):
            await asyncio.sleep(attempt)
            worker = self._slots[slot] = await self._start_worker()
            if await _is_ready(worker):
                self._notify_change()
                _LOG.warning("worker %d is in its place", worker.number)
                return True
            assert worker.process is not None
            await worker.process.kill()
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
        return [each for each in (*self._slots, *self._joined.values()) if each.available]

    @property
    def problem(self) -> str | None:
        """Why workers are missing; None while all run."""
        lacking = sum(not each.available for each in self._slots)
        if lacking:
            return f"{lacking} of {len(self._slots)} workers not running"
        return None if self.all else "no worker has joined: mediasim worker --front URL"

    @property
    def busy(self) -> list[float]:
        """Share of its time that each worker needs, 0 to 1."""
        return [worker.busy for worker in self.all]

    def described(self) -> list[dict[str, Any]]:
        """Return which workers are there, as JSON has it."""
        return [
            {
                "number": worker.number,
                "host": None if worker.hello is None else worker.hello.host,
                "joined": worker.process is None,
                "calls": len(self._replica.live[worker.number]),
                "busy": worker.busy,
            }
            for worker in self.all
        ]

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
        for worker, answer in answers:
            worker.busy = answer["busy"]
        found = (answer["levels"].items() for _, answer in answers)
        self.levels = {sid: tuple(pair) for of_one in found for sid, pair in of_one}

    async def _request_all(self, message: Message) -> list[tuple[Worker, Message]]:
        """Send a request to all workers; return the responses of those that do not die
        meanwhile."""
        asked = self.all
        requests = (each.pipe.request(message) for each in asked)
        answers = await asyncio.gather(*requests, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, PipeClosed):
                raise answer
        return [
            (worker, answer)
            for worker, answer in zip(asked, answers, strict=True)
            if not isinstance(answer, BaseException)
        ]

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
            return self._choose_home(number.strip())
        live, pending = self._replica.live, self._pending_calls
        return min(
            self.all,
            key=lambda each: (len(live[each.number]) + pending[each.number], each.number),
            default=None,
        )

    def _choose_home(self, number: str) -> Worker | None:
        """Return the worker for all calls of a number; None while it is being replaced."""
        homes: dict[str, Worker] = {f"slot {at}": each for at, each in enumerate(self._slots)}
        homes |= {id: each for id, each in self._joined.items() if each.available}
        if not homes:
            return None
        home = self._homes.get(number)
        if home not in homes:
            # Rendezvous hashing, not hash(), which differs between runs: the homes that numbers
            # have stay theirs when another worker joins.
            home = max(homes, key=lambda name: (zlib.crc32(f"{number} {name}".encode()), name))
            self._homes[number] = home
        return homes[home] if homes[home].available else None

    async def forget(self) -> None:
        """Drop the workers' records after a reset."""
        await self.synchronize()
        await self._sandbox.engine.gate(self._replica.forget)
        self.records.forget()

    async def end(self) -> None:
        """Have the workers end their calls and publish active recordings."""
        self._ending = True
        for task in self._supervisors:
            task.cancel()
        for worker in self.all:
            worker.pipe.send({"end": True})
        gone = asyncio.gather(*(worker.pipe.gone.wait() for worker in self.all))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone, _END_SECONDS)

    # -- messages of workers ----------------------------------------------------------------

    async def _handle(self, worker: Worker, message: Message) -> Message | None:
        """Handle a message of a worker."""
        gate, replica = self._sandbox.engine.gate, self._replica
        if "changes" in message:
            writing = await gate(lambda: replica.enter(worker.number, message["changes"]))
            if any(kind == "queue" for kind, _, _ in message["changes"]):
                await self.records.send()  # the other workers learn of a new queue
            # The response comes after the write: until then the worker keeps its journals.
            await written(writing)
        elif "event" in message:
            await gate(lambda: replica.enter_event(message["event"]))
        elif "log" in message:
            if self._sandbox.log is not None:
                self._sandbox.log(message["log"])
        elif "ready" in message:
            await self.records.equip(worker)
        elif "leaving" in message:
            worker.leaving = True
        elif "time" in message:
            return {"now_ns": await gate(lambda: self._sandbox.clock.now_ns)}
        elif "file" in message:
            config = self._sandbox.settings.config
            return {"data": await asyncio.to_thread(file_text, config, message["file"])}
        return None


async def _is_ready(worker: Worker) -> bool:
    """Wait until a worker is ready or has died; return whether it is ready."""
    await first_of(worker.ready.wait(), _has_gone(worker))
    return worker.available


async def _has_gone(worker: Worker) -> None:
    """Wait until a worker is lost, or its process has ended."""
    if worker.process is None:
        await worker.pipe.gone.wait()
    else:
        await first_of(worker.pipe.gone.wait(), worker.process.ended())
        worker.pipe.lose()
