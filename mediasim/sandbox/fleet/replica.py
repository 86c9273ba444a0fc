"""The front's replica of its workers' records.

Used on the front's engine loop.
"""

from __future__ import annotations

import asyncio
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
    PaymentEvent,
    ScriptEvent,
    StreamEvent,
    UserMessageEvent,
)
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.states import CALL, CONFERENCE
from mediasim.sandbox.aftermath import Aftermath
from mediasim.sandbox.crash_recovery import end_record, publish_left
from mediasim.sandbox.persistence import from_document, to_document, update_record
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.rest.table import all_stored
from mediasim.twilio.session import VerbEvent
from mediasim.twilio.status import CALL_PROGRESS

__all__ = ["Replica"]

_OTHER_EVENTS: Final = (
    *(DtmfEvent, PaymentEvent, ScriptEvent, StreamEvent, UserMessageEvent, VerbEvent),
)
"""Types of events that concern no record."""
_PROBLEM_CODE: Final = 13000
"""Notification code of a sandbox whose workers cannot do what one process would."""
_LOG: Final = logging.getLogger(__name__)


class Replica:
    """The records of all workers among the front's own, with the number of each one's worker."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._owner: dict[tuple[str, str], int] = {}
        self._records: dict[tuple[str, str], Any] = {}
        self.live: defaultdict[int, set[str]] = defaultdict(set)
        """SIDs of active calls, by worker."""
        self._oldest_first: defaultdict[str, deque[str]] = defaultdict(deque)
        """Keys of records that are dropped by their age, by kind, oldest first."""
        self._sizes: dict[str, dict[int, tuple[int, int]]] = {}
        """Sizes and average waiting times in seconds of queues, by SID and worker."""
        self._reported_splits: set[tuple[str, str]] = set()
        self._unsettled: dict[int, list[RecordingRecord]] = {}
        """Recordings in progress of lost workers whose spool is elsewhere, by worker."""
        self.parties: dict[str, str] = {}
        """Name of the party at a call's far end, by call SID."""

    def owner(self, kind: str, key: str) -> int | None:
        """Return the number of a record's worker; None for the front's own and unknown records."""
        return self._owner.get((kind, key))

    def conference_owner(self, name: str) -> int | None:
        """Return the worker that has an active conference of a name; None where none has."""
        for record in reversed(self._sandbox.service.catalogue.conferences(name=name)):
            if not CONFERENCE.is_final(record.status):
                return self.owner("conference", record.sid)
        return None

    def queue_owner(self, sid: str) -> int | None:
        """Return the worker with most of a queue's waiting calls; None for an empty queue."""
        sizes = {worker: size for worker, (size, _) in self._sizes.get(sid, {}).items() if size}
        return max(sizes, key=lambda worker: (sizes[worker], -worker), default=None)

    # -- reports of workers -----------------------------------------------------------------

    def enter(self, worker: int, changes: Iterable[Any]) -> Future[None] | None:
        """Take over changed records of a worker; the future ends when they are in the database."""
        sandbox, write_behind = self._sandbox, self._sandbox.write_behind
        epoch_ns = sandbox.service.dates.unix_ns(0)
        for kind, key, document in changes:
            if kind == "queue":
                self._enter_queue(worker, key, document, epoch_ns)
                continue
            record_key = kind, key
            if document is None:
                self._remove(kind, key)
                continue
            repository = sandbox.repository(kind)
            record = from_document(repository.type, document, epoch_ns)
            known = self._records.get(record_key) or self._earlier(kind, key)
            if known is None:
                repository.add(record)
            elif self._is_deleted(known):
                sandbox.service.store.delete(key)  # a worker that was lost has brought it back
                continue
            else:
                # Updated in place: the account's catalogue holds the same object.
                update_record(known, record)
                record = known
                if self._is_deleted(record):
                    sandbox.service.store.delete(key)  # what the front has fetched of it
            if record_key not in self._records:
                self._records[record_key] = record
                self._drop_oldest(kind, key)
            self._owner[record_key] = worker
            self._track(worker, kind, record)
            if write_behind is not None:
                write_behind.changed(kind, record)
        return None if write_behind is None else write_behind.write()

    def enter_event(self, message: dict[str, Any]) -> None:
        """Take over an event of a worker."""
        epoch_ns = self._sandbox.service.dates.unix_ns(0)
        kinds = (*(each.event for each in all_stored().values()), *_OTHER_EVENTS)
        kind = next(each for each in kinds if each and each.__name__ == message["class"])
        event: Event = from_document(kind, message["event"], epoch_ns)
        if message.get("party") is not None and isinstance(event, CallEvent):
            self.parties[event.call_sid] = message["party"]
        self._sandbox.enter_event(event)

    def _earlier(self, kind: str, key: str) -> RecordingRecord | None:
        """Return a recording of before this start, which a worker elsewhere has kept."""
        if kind != "recording":
            return None
        try:
            return self._sandbox.service.catalogue.recording(key)
        except LookupError:
            return None

    @staticmethod
    def _is_deleted(record: Any) -> bool:
        return isinstance(record, RecordingRecord) and record.status == "deleted"

    def end_worker(self, worker: int, spool: Path | None) -> None:
        """End everything that a dead worker carried, and publish what it recorded.

        ``spool`` has that; None where it is on another machine, whose worker may come back with
        it. Raises OSError.
        """
        sandbox, service = self._sandbox, self._sandbox.service
        epoch_ns = service.dates.unix_ns(0)
        known = {
            key: record for (kind, key), record in self._records.items() if kind == "recording"
        }
        rows = {sid: to_document(record, epoch_ns) for sid, record in known.items()}
        vault = sandbox.vault
        protect = None if vault is None else vault.recover
        recovered = (
            []
            if spool is None
            else publish_left(service.store, service.dates, spool, rows, service.sid, protect)
        )
        aftermath = sandbox.aftermath("worker")
        for each in recovered:
            self._adopt_recording(known.get(each.record.sid), each.record, aftermath)
        # After the recordings: a recovered one has ended by now, and is not ended as failed.
        owned = [record_key for record_key, number in self._owner.items() if number == worker]
        for kind, key in owned:
            del self._owner[kind, key]
            record = self._records[kind, key]
            if spool is None and isinstance(record, RecordingRecord):
                self._await_return(worker, record)
            elif end_record(all_stored()[kind], record, service.now_ns, service.store):
                aftermath.report(kind, record, self.parties.get(key))
        self.live.pop(worker, None)
        for sid, sizes in self._sizes.items():
            if sizes.pop(worker, None) is not None:
                self._update_size(sid)
        aftermath.complete(recovered, [key for kind, key in owned if kind == CALL_PROGRESS])

    def _await_return(self, worker: int, record: RecordingRecord) -> None:
        """Keep a lost worker's recording in processing until the worker brings it."""
        if record.status not in record.LIFECYCLE.interrupted:
            return
        self._unsettled.setdefault(worker, []).append(record)
        if record.status != "processing":
            move(record, "processing", self._sandbox.service.now_ns)
            if self._sandbox.write_behind is not None:
                self._sandbox.write_behind.changed("recording", record)

    def settle(self, worker: int) -> None:
        """End what a lost worker was recording and has not brought back."""
        aftermath, service = self._sandbox.aftermath("worker"), self._sandbox.service
        for record in self._unsettled.pop(worker, ()):
            if end_record(all_stored()["recording"], record, service.now_ns, service.store):
                aftermath.report("recording", record)

    def _adopt_recording(
        self, known: RecordingRecord | None, record: RecordingRecord, aftermath: Aftermath
    ) -> None:
        """Take over the record of a dead worker's recovered recording."""
        if known is None:
            self._sandbox.repository("recording").add(record)
            known = record
        elif known.status in known.LIFECYCLE.interrupted:
            update_record(known, record)
        aftermath.report("recording", known)

    def forget(self) -> None:
        """Drop all records after a reset."""
        self._owner.clear()
        self._records.clear()
        self._sizes.clear()
        self._oldest_first.clear()
        self._reported_splits.clear()
        self._unsettled.clear()
        self.parties.clear()
        for calls in self.live.values():
            calls.clear()

    def _remove(self, kind: str, key: str) -> None:
        """Remove a record that its worker has removed."""
        record_key, write_behind = (kind, key), self._sandbox.write_behind
        repository = self._sandbox.repository(kind)
        if repository.remove is None or self._records.pop(record_key, None) is None:
            return  # logs drop entries by their age, in each process
        self._owner.pop(record_key, None)
        repository.remove(key)
        if write_behind is not None:
            write_behind.removed(kind, key)

    def _drop_oldest(self, kind: str, key: str) -> None:
        """Drop the oldest record of a kind that keeps a limited number."""
        most = all_stored()[kind].most
        if most is None:
            return
        logged = self._oldest_first[kind]
        logged.append(key)
        if len(logged) > most:
            oldest = kind, logged.popleft()
            del self._records[oldest]
            self._owner.pop(oldest, None)

    def _track(self, worker: int, kind: str, record: Any) -> None:
        """Keep track of active calls, and of conferences that are in two workers."""
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
                self._report_split("conference", record.friendly_name)

    def _enter_queue(
        self, worker: int, sid: str, document: dict[str, Any] | None, epoch_ns: int
    ) -> None:
        """Take over the size of a queue in a worker."""
        sandbox, sizes = self._sandbox, self._sizes.setdefault(sid, {})
        if document is None:
            sizes.pop(worker, None)
            return
        sizes[worker] = document["current_size"], document["average_wait_seconds"]
        if sum(1 for size, _ in sizes.values() if size) > 1:
            self._report_split("queue", document["friendly_name"])
        queues = sandbox.service.queues
        if all(each.sid != sid for each in queues.all()):
            if any(each.friendly_name == document["friendly_name"] for each in queues.all()):
                self._report_split("queue", document["friendly_name"])
                return
            repository = sandbox.repository("queue")
            repository.add(from_document(repository.type, document, epoch_ns))
        self._update_size(sid)

    def _update_size(self, sid: str) -> None:
        """Set a queue's size and average waiting time from those in all workers."""
        sizes = self._sizes[sid]
        total = sum(size for size, _ in sizes.values())
        waits = sum(size * wait for size, wait in sizes.values())
        queues = self._sandbox.service.queues
        queues.set_remote(sid, total, waits // total if total else 0)

    def _report_split(self, kind: str, name: str) -> None:
        """Warn, once, that a conference or queue is in two workers."""
        if (kind, name) in self._reported_splits:
            return
        self._reported_splits.add((kind, name))
        words = (
            f"{kind} {name!r} is in two workers, and those in it do not meet: with --spread numbers"
            " all calls of one of the app's numbers are in one worker"
        )
        self._sandbox.service.notify(None, _PROBLEM_CODE, words)
        _LOG.warning(words)


async def written(future: Future[None] | None) -> None:
    """Wait for a write, whether or not it succeeds: the database logs its errors itself."""
    if future is not None:
        await asyncio.wait([asyncio.wrap_future(future)])
