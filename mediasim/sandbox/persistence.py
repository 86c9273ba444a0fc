"""What of a sandbox outlives it: every record, written through as it changes.

Changes are told by the exchange's events, by deliveries, and by requests that change something.
All changes of one turn of the engine's loop are one transaction; the loop encodes them, and the
database's own thread writes them.

A record is written as a document of JSON. Times inside are loop time, which begins anew with each
start; in a document they are nanoseconds since 1970. By the rule of the records' names every field
that ends in ``_ns`` is a time. A layout is kept as what was asked for: the rule table decides anew,
the same way. A field that a document lacks may stand in it under a former name, as another value.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.twilio.account import Account
from mediasim.twilio.representations import ABSENCE_CODES
from mediasim.twilio.rest.resource import Stored
from mediasim.twilio.rest.table import all_stored

if TYPE_CHECKING:
    from mediasim.sandbox.database import Changes, Database
    from mediasim.sandbox.fleet.ipc import ReportedRecords

__all__ = [
    "Documents",
    "Repository",
    "WriteBehindStore",
    "from_document",
    "readable",
    "repository_of",
    "to_document",
]

Documents = dict[str, list[dict[str, Any]]]
"""Records as they are written, by kind, oldest first."""
R = TypeVar("R")
_LOG: Final = logging.getLogger("mediasim")
_TIME: Final = "_ns"
_FORMER: Final = {
    "absence": ("error_code", {code: absence for absence, code in ABSENCE_CODES.items()}),
}
"""Fields that documents of earlier versions have: their name then, and what each value is now."""


@dataclass(frozen=True)
class Repository:
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


def repository_of(service: Account, stored: Stored) -> Repository:
    """The records of an account that are of one kind."""
    store = stored.store(service)

    def add(record: Any) -> None:
        for name in stored.momentary:
            setattr(record, name, 0)
        store.add(record)

    return Repository(
        stored.kind, stored.record, store.all, add, stored.key, store.remove, stored.most
    )


# -- documents ----------------------------------------------------------------------------------


def to_document(record: Any, epoch_ns: int) -> dict[str, Any]:
    """A dataclass as a document. ``epoch_ns`` is loop time zero in nanoseconds since 1970."""
    return {
        field.name: _written(field.name, getattr(record, field.name), epoch_ns)
        for field in dataclasses.fields(record)
    }


def _written(name: str, value: Any, epoch_ns: int) -> Any:
    if isinstance(value, Layout):
        return value.request()
    if dataclasses.is_dataclass(value):
        return to_document(value, epoch_ns)
    if isinstance(value, Mapping):
        return {key: _written("", item, epoch_ns) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written("", item, epoch_ns) for item in value]
    return value + epoch_ns if name.endswith(_TIME) and value is not None else value


def from_document(kind: type[R], document: Mapping[str, Any], epoch_ns: int) -> R:
    """The record of a document that was written of one.

    A field that the document lacks takes its default. Raises KeyError where it has none.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    record = object.__new__(kind)  # what checks a record's birth is not for one that has lived
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        hint = hints[field.name]
        if field.name in document:
            value = _read(hint, field.name, document[field.name], epoch_ns)
        elif field.name in _FORMER and _FORMER[field.name][0] in document:
            name, values = _FORMER[field.name]
            value = values.get(document[name])
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        elif field.default is not dataclasses.MISSING:
            value = field.default
        else:
            raise KeyError(f"{kind.__name__} needs {field.name}")
        object.__setattr__(record, field.name, value)
    return record


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(hint: Any, name: str, value: Any, epoch_ns: int) -> Any:
    if value is None:
        return None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (hint,) = (each for each in inner if each is not type(None))
        return _read(hint, name, value, epoch_ns)
    if hint is Layout:
        return recording_layout(**value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_document(hint, value, epoch_ns)
    if origin is tuple:
        items = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(
            _read(item, "", each, epoch_ns) for item, each in zip(items, value, strict=True)
        )
    if origin in (list, Sequence):
        return [_read(inner[0], "", each, epoch_ns) for each in value]
    if origin in (dict, Mapping):
        return {key: _read(inner[1], "", each, epoch_ns) for key, each in value.items()}
    return value - epoch_ns if name.endswith(_TIME) else value


def readable(documents: Documents) -> Documents:
    """The documents without those that are no records, which the log names.

    In the database they stay where they are.
    """
    found: Documents = {}
    for kind, listed in documents.items():
        kept = found[kind] = []
        stored = all_stored().get(kind)
        key = "sid" if stored is None else stored.key
        for document in listed:
            try:
                if stored is not None:
                    getattr(from_document(stored.record, document, 0), key)
                kept.append(document)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                which = document.get(key) if isinstance(document, dict) else document
                _LOG.error("a row of the database is left out: %s %r: %s", kind, which, error)
    return found


# -- writing through ----------------------------------------------------------------------------


class WriteBehindStore:
    """Writes records through to a database, and brings them back."""

    def __init__(
        self,
        database: Database | ReportedRecords,
        epoch_ns: int,
        repositories: Iterable[Repository],
    ) -> None:
        """``epoch_ns`` is loop time zero in nanoseconds since 1970. Used on the engine's loop."""
        self._database = database
        self._epoch_ns = epoch_ns
        self._shelves: Final[Mapping[str, Repository]] = {
            repository.kind: repository for repository in repositories
        }
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
        for kind, repository in self._shelves.items():
            found = documents.get(kind, ())
            surplus = 0 if repository.most is None else max(0, len(found) - repository.most)
            self._dirty.update({(kind, each[repository.key]): None for each in found[:surplus]})
            for document in found[surplus:]:
                record = from_document(repository.type, document, self._epoch_ns)
                repository.add(record)
                key = getattr(record, repository.key)
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
            repository, known = self._shelves[kind], self._known[kind]
            there = {getattr(record, repository.key): record for record in repository.records()}
            for key, record in there.items():
                if key not in known or known[key] != _state(record):
                    self.changed(kind, record)
            for key in known.keys() - there.keys():
                self._dirty[kind, key] = None

    def extended(self, *kinds: str) -> None:
        """Find out what is new on shelves that have become longer."""
        for kind in kinds:
            repository = self._shelves.get(kind)
            if repository is not None and len(list(repository.records())) != len(self._known[kind]):
                self.compare(kind)

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
