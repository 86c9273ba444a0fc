"""What of a sandbox outlives it: every record, written through as it changes.

Changes are told by the exchange's events, by deliveries, and by requests that change something.
All changes of one turn of the engine's loop are one transaction; the loop encodes them, and the
database's own thread writes them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mediasim.sandbox.documents import from_document, to_document

if TYPE_CHECKING:
    from mediasim.sandbox.database import Changes, Database
    from mediasim.sandbox.fleet.reported import ReportedRecords

__all__ = ["Keeper", "Shelf", "readable"]

_LOG: Final = logging.getLogger("mediasim")


@dataclass(frozen=True)
class Shelf:
    """All records of one kind."""

    kind: str
    type: type[Any]
    records: Callable[[], Iterable[Any]]
    add: Callable[[Any], None]
    key: str = "sid"
    """The field that names a record."""
    remove: Callable[[str], object] | None = None
    """Takes one out; None: they go by their age."""
    most: int | None = None
    """How many are brought back, the newest; the others are forgotten."""


def readable(
    documents: Mapping[str, Sequence[Any]], types: Mapping[str, type[Any]], key: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """The documents without those that are no records, which the log names; they stay where they
    are. ``types`` are by kind; ``key`` is the field that names a record, ``sid`` where absent."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, listed in documents.items():
        kept = found[kind] = []
        for document in listed:
            name = key.get(kind, "sid")
            try:
                if kind in types:
                    getattr(from_document(types[kind], document, 0), name)
                kept.append(document)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                which = document.get(name) if isinstance(document, dict) else document
                _LOG.error("a row of the database is left out: %s %r: %s", kind, which, error)
    return found


class Keeper:
    """Writes records through to a database, and brings them back."""

    def __init__(
        self, database: Database | ReportedRecords, epoch_ns: int, shelves: Iterable[Shelf]
    ) -> None:
        """``epoch_ns`` is loop time zero in nanoseconds since 1970. Used on the engine's loop."""
        self._database = database
        self._epoch_ns = epoch_ns
        self._shelves: Final[Mapping[str, Shelf]] = {shelf.kind: shelf for shelf in shelves}
        self._dirty: dict[tuple[str, str], Any] = {}
        self._known: dict[str, dict[str, Any]] = {kind: {} for kind in self._shelves}
        """By kind and key: what of a record tells that it has changed, as it was written."""
        self._scheduled = False
        self._complaint: str | None = None
        self._then: list[Callable[[], None]] = []
        """What is to be done once everything noted so far is written."""

    def restore(
        self,
        documents: Mapping[str, Sequence[dict[str, Any]]],
        changed: Collection[tuple[str, str]] = (),
    ) -> None:
        """Put what was loaded onto the shelves; ``changed`` of it is to be written again."""
        for kind, shelf in self._shelves.items():
            found = documents.get(kind, ())
            surplus = 0 if shelf.most is None else max(0, len(found) - shelf.most)
            self._dirty.update({(kind, each[shelf.key]): None for each in found[:surplus]})
            for document in found[surplus:]:
                record = from_document(shelf.type, document, self._epoch_ns)
                shelf.add(record)
                key = getattr(record, shelf.key)
                self._known[kind][key] = _state(record)
                if (kind, key) in changed:
                    self.changed(kind, record)

    # -- noting -----------------------------------------------------------------------------

    def changed(self, kind: str, record: Any) -> None:
        """Note that a record is new or has changed."""
        self._dirty[kind, getattr(record, self._shelves[kind].key)] = record
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._write)

    def then(self, work: Callable[[], None]) -> None:
        """Do this, in any thread, once everything noted so far is written."""
        self._then.append(work)

    def compare(self, *kinds: str) -> None:
        """Find out what has changed, come or gone on these shelves."""
        for kind in kinds:
            if kind not in self._shelves:
                continue  # somebody else's to write
            shelf, known = self._shelves[kind], self._known[kind]
            there = {getattr(record, shelf.key): record for record in shelf.records()}
            for key, record in there.items():
                if key not in known or known[key] != _state(record):
                    self.changed(kind, record)
            for key in known.keys() - there.keys():
                self._dirty[kind, key] = None

    def extended(self, *kinds: str) -> None:
        """Find out what is new on shelves that have become longer."""
        self.compare(
            *(k for k in kinds if len(list(self._shelves[k].records())) != len(self._known[k]))
        )

    def gone(self, kind: str, key: str) -> None:
        """Note that there is no such record any more."""
        self._dirty[kind, key] = None

    # -- writing ----------------------------------------------------------------------------

    def write(self) -> Future[None]:
        """Write what was noted; the future ends when all that was ever noted is written."""
        self._scheduled = False
        changes: Changes = {}
        for (kind, key), record in self._dirty.items():
            if record is None:
                changes[kind, key] = None
                self._known[kind].pop(key, None)
            else:
                changes[kind, key] = to_document(record, self._epoch_ns)
                self._known[kind][key] = _state(record)
        self._dirty.clear()
        written = self._database.put(changes)
        then, self._then = self._then, []

        def settle(written: Future[None]) -> None:
            if written.exception() is not None:
                self._then += then  # the next write writes this too
                return
            for work in then:
                work()

        written.add_done_callback(settle)
        written.add_done_callback(self._complain)
        return written

    def _complain(self, written: Future[None]) -> None:
        """Log why it was not written; once for as long as nothing changes about it."""
        error = written.exception()
        words = None if error is None else str(error)
        if words is not None and words != self._complaint:
            _LOG.error("%s", words)
        self._complaint = words

    def _write(self) -> None:
        if self._dirty or self._then:
            self.write()


def _state(record: Any) -> Any:
    """What tells whether a record has changed: its life's, where it has one; else all of it."""
    if hasattr(record, "status") and hasattr(record, "updated_ns"):
        return record.status, record.updated_ns
    if type(record).__dataclass_params__.frozen:
        return None
    return to_document(record, 0)
