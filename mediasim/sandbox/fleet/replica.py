"""The front's copy of what its workers carry: their records among its own.

Runs on the front's engine loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import defaultdict, deque
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from mediasim.exchange.events import (
    CallEvent,
    DtmfEvent,
    Event,
    RecordingEvent,
    ScriptEvent,
    StreamEvent,
)
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.states import CALL, CONFERENCE
from mediasim.sandbox.crash_recovery import end_record, publish_left
from mediasim.sandbox.persistence import from_document, to_document
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.rest.table import all_stored
from mediasim.twilio.session import VerbEvent

__all__ = ["Replica"]

_OTHER_EVENTS: Final = (DtmfEvent, ScriptEvent, StreamEvent, VerbEvent)
"""Those that tell of no record."""
_CLASH: Final = 13000
_LOG: Final = logging.getLogger(__name__)


class Replica:
    """Knows which worker each record is of, by number from 1."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._owner: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[str, str], Any] = {}
        self.live: defaultdict[int, set[str]] = defaultdict(set)
        """Calls under way, by worker."""
        self._logged: defaultdict[str, deque[str]] = defaultdict(deque)
        """Keys of what only tells what happened, by kind, oldest first."""
        self._sizes: dict[str, dict[int, tuple[int, int]]] = {}
        """Of queues, by worker: how many wait, and for how long on average."""
        self._clashes: set[tuple[str, str]] = set()
        self.parties: dict[str, str] = {}
        """Who is at the far end of calls."""

    def owner(self, kind: str, key: str) -> int | None:
        """Whose it is; None: the front's own, or nobody's."""
        return self._owner.get((kind, key))

    def conference_owner(self, name: str) -> int | None:
        """Who has a conference of that name under way."""
        for record in reversed(self._sandbox.service.catalogue.conferences(name=name)):
            if not CONFERENCE.is_final(record.status):
                return self.owner("conference", record.sid)
        return None

    def queue_owner(self, sid: str) -> int | None:
        """With whom most of a queue's calls wait; None: nobody waits."""
        sizes = {worker: size for worker, (size, _) in self._sizes.get(sid, {}).items() if size}
        return max(sizes, key=lambda worker: (sizes[worker], -worker), default=None)

    # -- what workers tell ------------------------------------------------------------------

    def enter(self, worker: int, changes: Iterable[Any]) -> Future[None] | None:
        """Take over what has changed; the future ends when it is written down."""
        sandbox, write_behind = self._sandbox, self._sandbox.write_behind
        epoch_ns = sandbox.service.dates.unix_ns(0)
        for kind, key, document in changes:
            if kind == "queue":
                self._enter_queue(worker, key, document, epoch_ns)
                continue
            place = kind, key
            if document is None:
                self._remove(kind, key)
                continue
            repository = sandbox.repository(kind)
            record = from_document(repository.type, document, epoch_ns)
            known = self._known.get(place)
            if known is None:
                repository.add(record)
                self._known[place], self._owner[place] = record, worker
                self._forget_oldest(kind, key)
            else:
                for field in dataclasses.fields(known):
                    setattr(known, field.name, getattr(record, field.name))
                record = known
            self._follow(worker, kind, record)
            if write_behind is not None:
                write_behind.changed(kind, record)
        return None if write_behind is None else write_behind.write()

    def hear(self, told: dict[str, Any]) -> None:
        """An event of a worker's."""
        epoch_ns = self._sandbox.service.dates.unix_ns(0)
        kinds = (*(each.event for each in all_stored().values()), *_OTHER_EVENTS)
        kind = next(each for each in kinds if each and each.__name__ == told["class"])
        event: Event = from_document(kind, told["event"], epoch_ns)
        if told.get("party") is not None and isinstance(event, CallEvent):
            self.parties[event.call_sid] = told["party"]
        self._sandbox.enter_event(event)

    def bury(self, worker: int, spool: Path) -> None:
        """End everything that a worker carried which has died, and publish what it recorded.

        Raises OSError.
        """
        sandbox, service = self._sandbox, self._sandbox.service
        epoch_ns = service.dates.unix_ns(0)
        known = {key: record for (kind, key), record in self._known.items() if kind == "recording"}
        rows = {sid: to_document(record, epoch_ns) for sid, record in known.items()}
        left = publish_left(service.store, service.dates, spool, rows)
        for each in left:
            self._take_over(known.get(each.record.sid), each.record)
        for place, number in list(self._owner.items()):
            if number == worker:
                del self._owner[place]
                self._end(*place)
        self.live.pop(worker, None)
        for sid, sizes in self._sizes.items():
            if sizes.pop(worker, None) is not None:
                self._count(sid)
        sandbox.finish_revived(left)

    def _take_over(self, known: RecordingRecord | None, record: RecordingRecord) -> None:
        """Enter what became of a dead worker's recording."""
        if known is None:
            self._sandbox.repository("recording").add(record)
            known = record
        elif known.status in known.LIFECYCLE.interrupted:
            for field in dataclasses.fields(known):
                setattr(known, field.name, getattr(record, field.name))
        self._tell_ended("recording", known)

    def _end(self, kind: str, key: str) -> None:
        """End a dead worker's record, unless it has ended."""
        service = self._sandbox.service
        record = self._known[kind, key]
        if end_record(all_stored()[kind], record, service.now_ns, service.store):
            self._tell_ended(kind, record)
            if kind == "call":
                service.notify(key, _CLASH, "the worker that carried the call has died")

    def _tell_ended(self, kind: str, record: Any) -> None:
        sandbox, write_behind = self._sandbox, self._sandbox.write_behind
        if write_behind is not None:
            write_behind.changed(kind, record)
        at_ns, word = sandbox.service.now_ns, f"{kind}.{record.status}"
        if kind == "call":
            sandbox.enter_event(
                CallEvent(
                    at_ns=at_ns,
                    kind=word,
                    text=f"{self.parties.get(record.sid, record.to)}: its worker has died",
                    call_sid=record.sid,
                    parent_call_sid=record.parent_call_sid,
                )
            )
        elif kind == "recording":
            sandbox.enter_event(
                RecordingEvent(
                    at_ns=at_ns,
                    kind=word,
                    text="its worker has died",
                    recording_sid=record.sid,
                    call_sid=record.call_sid,
                    conference_sid=record.conference_sid,
                )
            )

    def forget(self) -> None:
        """After a reset."""
        self._owner.clear()
        self._known.clear()
        self._sizes.clear()
        self._logged.clear()
        self._clashes.clear()
        self.parties.clear()
        for calls in self.live.values():
            calls.clear()

    def _remove(self, kind: str, key: str) -> None:
        place, write_behind = (kind, key), self._sandbox.write_behind
        repository = self._sandbox.repository(kind)
        if repository.remove is None or self._known.pop(place, None) is None:
            return  # what only tells what happened goes by its age, here as there
        self._owner.pop(place, None)
        repository.remove(key)
        if write_behind is not None:
            write_behind.gone(kind, key)

    def _forget_oldest(self, kind: str, key: str) -> None:
        """Of what only tells what happened, the log keeps so many, and so does this."""
        most = all_stored()[kind].most
        if most is None:
            return
        logged = self._logged[kind]
        logged.append(key)
        if len(logged) > most:
            oldest = kind, logged.popleft()
            del self._known[oldest]
            self._owner.pop(oldest, None)

    def _follow(self, worker: int, kind: str, record: Any) -> None:
        if kind == "call":
            live = self.live[worker]
            (live.discard if CALL.is_final(record.status) else live.add)(record.sid)
        elif kind == "conference" and not CONFERENCE.is_final(record.status):
            others = self._sandbox.service.catalogue.conferences(name=record.friendly_name)
            if any(
                not CONFERENCE.is_final(each.status)
                and self._owner.get(("conference", each.sid)) != worker
                for each in others
            ):
                self._clash("conference", record.friendly_name)

    def _enter_queue(
        self, worker: int, sid: str, document: dict[str, Any] | None, epoch_ns: int
    ) -> None:
        sandbox, sizes = self._sandbox, self._sizes.setdefault(sid, {})
        if document is None:
            sizes.pop(worker, None)
            return
        sizes[worker] = document["current_size"], document["average_wait_seconds"]
        if sum(1 for size, _ in sizes.values() if size) > 1:
            self._clash("queue", document["friendly_name"])
        queues = sandbox.service.queues
        if all(each.sid != sid for each in queues.all()):
            if any(each.friendly_name == document["friendly_name"] for each in queues.all()):
                self._clash("queue", document["friendly_name"])
                return
            repository = sandbox.repository("queue")
            repository.add(from_document(repository.type, document, epoch_ns))
        self._count(sid)

    def _count(self, sid: str) -> None:
        """Have a queue be as large as all workers say."""
        sizes = self._sizes[sid]
        total = sum(size for size, _ in sizes.values())
        waits = sum(size * wait for size, wait in sizes.values())
        queues = self._sandbox.service.queues
        queues.set_remote(sid, total, waits // total if total else 0)

    def _clash(self, kind: str, name: str) -> None:
        if (kind, name) in self._clashes:
            return
        self._clashes.add((kind, name))
        words = (
            f"{kind} {name!r} is in two workers, and those in it do not meet: with --spread numbers"
            " all calls of one of the app's numbers are in one worker"
        )
        self._sandbox.service.notify(None, _CLASH, words)
        _LOG.warning(words)


async def written(future: Future[None] | None) -> None:
    """Wait for a write, whatever comes of it: the database tells of its troubles itself."""
    if future is not None:
        await asyncio.wait([asyncio.wrap_future(future)])
