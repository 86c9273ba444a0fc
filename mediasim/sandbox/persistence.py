"""Persistence: every record of a sandbox, written to the database as it changes.

Events of the exchange, deliveries and changing requests report what has changed. All changes of one
turn of the engine's loop are one transaction; that loop encodes them, and the database's own thread
writes them.

A record is stored as a JSON document. Times in memory are loop time, which starts at zero with each
process; in a document they are nanoseconds since 1970. Every field whose name ends in ``_ns`` is a
time. A layout is stored as what was requested: the rule table decides anew, the same way. A field
that a document lacks may stand in it under a former name, as another value.
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
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.exchange.recovery import Journals
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
    "compared_kinds",
    "event_kinds",
    "from_document",
    "readable",
    "repository_of",
    "to_document",
    "update_record",
]

Documents = dict[str, list[dict[str, Any]]]
"""Documents of records by kind, oldest first."""
R = TypeVar("R")
_LOG: Final = logging.getLogger("mediasim")
_TIME_SUFFIX: Final = "_ns"
_FORMER_NAMES: Final = {
    "absence": ("error_code", {code: absence for absence, code in ABSENCE_CODES.items()}),
}
"""Former names of fields: the name in older documents, and the present value of each old one."""


@dataclass(frozen=True)
class Repository:
    """All records of one kind, with how to list, add and remove them."""

    kind: str
    type: type[Any]
    """The record's dataclass."""
    records: Callable[[], Iterable[Any]]
    add: Callable[[Any], None]
    key: str = "sid"
    """Name of the field that identifies a record."""
    remove: Callable[[str], object] | None = None
    """Removes the record of a key; None for records that are dropped by their age."""
    most: int | None = None
    """Number of newest records that are restored at a start; None restores all."""


def compared_kinds() -> list[str]:
    """Return the kinds of records whose changes are found by comparing only."""
    return [each.kind for each in all_stored().values() if each.event is None and not each.tells]


def event_kinds() -> list[str]:
    """Return the kinds of records whose changes are events; comparing finds removed ones."""
    return [each.kind for each in all_stored().values() if each.event is not None]


def repository_of(service: Account, stored: Stored) -> Repository:
    """Return the repository of an account's records of one kind."""
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
    """Return a dataclass as a document.

    ``epoch_ns`` is the date of loop time zero, in nanoseconds since 1970.
    """
    return {
        field.name: _encode(field.name, getattr(record, field.name), epoch_ns)
        for field in dataclasses.fields(record)
    }


def _encode(name: str, value: Any, epoch_ns: int) -> Any:
    """Return a field's value as it stands in a document."""
    if isinstance(value, Layout):
        return value.request()
    if dataclasses.is_dataclass(value):
        return to_document(value, epoch_ns)
    if isinstance(value, Mapping):
        return {key: _encode("", item, epoch_ns) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode("", item, epoch_ns) for item in value]
    return value + epoch_ns if name.endswith(_TIME_SUFFIX) and value is not None else value


def from_document(kind: type[R], document: Mapping[str, Any], epoch_ns: int) -> R:
    """Return the record of a document.

    A field that the document lacks takes its default. Raises KeyError for one that has none.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    record = object.__new__(kind)  # the checks of __init__ are for new records
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        hint = hints[field.name]
        if field.name in document:
            value = _decode(hint, field.name, document[field.name], epoch_ns)
        elif field.name in _FORMER_NAMES and _FORMER_NAMES[field.name][0] in document:
            name, values = _FORMER_NAMES[field.name]
            value = values.get(document[name])
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        elif field.default is not dataclasses.MISSING:
            value = field.default
        else:
            raise KeyError(f"{kind.__name__} needs {field.name}")
        object.__setattr__(record, field.name, value)
    return record


def update_record(record: Any, changed: Any) -> None:
    """Set the fields of a record, which others refer to, to those of a changed copy."""
    for field in dataclasses.fields(record):
        setattr(record, field.name, getattr(changed, field.name))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the resolved type hints of a dataclass."""
    return typing.get_type_hints(kind)


def _decode(hint: Any, name: str, value: Any, epoch_ns: int) -> Any:
    """Return a field's value from what stands in a document."""
    if value is None:
        return None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (hint,) = (each for each in inner if each is not type(None))
        return _decode(hint, name, value, epoch_ns)
    if hint is Layout:
        return recording_layout(**value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_document(hint, value, epoch_ns)
    if origin is tuple:
        items = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(
            _decode(item, "", each, epoch_ns) for item, each in zip(items, value, strict=True)
        )
    if origin in (list, Sequence):
        return [_decode(inner[0], "", each, epoch_ns) for each in value]
    if origin in (dict, Mapping):
        return {key: _decode(inner[1], "", each, epoch_ns) for key, each in value.items()}
    return value - epoch_ns if name.endswith(_TIME_SUFFIX) else value


def readable(documents: Documents) -> Documents:
    """Return the documents that can be read as records, and log the others.

    Unreadable documents stay in the database.
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
    """A store that writes changed records to a database later, and restores them at a start."""

    def __init__(
        self,
        database: Database | ReportedRecords,
        epoch_ns: int,
        repositories: Iterable[Repository],
    ) -> None:
        """Make a store to be used on the engine's loop.

        ``epoch_ns`` is the date of loop time zero, in nanoseconds since 1970.
        """
        self._database = database
        self._epoch_ns = epoch_ns
        self._repositories: Final[Mapping[str, Repository]] = {
            repository.kind: repository for repository in repositories
        }
        self._dirty: dict[tuple[str, str], Any] = {}
        self._known: dict[str, dict[str, Any]] = {kind: {} for kind in self._repositories}
        """State of each record as it was last written, by kind and key."""
        self._scheduled = False
        self._logged_error: str | None = None
        self._after_write: list[Callable[[], None]] = []
        """Callbacks for when all changes reported so far are written."""

    def restore(
        self,
        documents: Mapping[str, Sequence[dict[str, Any]]],
        changed: Collection[tuple[str, str]] = (),
    ) -> None:
        """Add loaded records to their repositories, and write the ``changed`` ones again."""
        for kind, repository in self._repositories.items():
            found = documents.get(kind, ())
            surplus = 0 if repository.most is None else max(0, len(found) - repository.most)
            self._dirty.update({(kind, each[repository.key]): None for each in found[:surplus]})
            for document in found[surplus:]:
                record = from_document(repository.type, document, self._epoch_ns)
                repository.add(record)
                key = getattr(record, repository.key)
                self._known[kind][key] = _fingerprint(record)
                if (kind, key) in changed:
                    self.changed(kind, record)

    # -- noting -----------------------------------------------------------------------------

    def changed(self, kind: str, record: Any) -> None:
        """Report that a record is new or has changed."""
        self._dirty[kind, getattr(record, self._repositories[kind].key)] = record
        self._schedule()

    def after_write(self, work: Callable[[], None]) -> None:
        """Call ``work``, in any thread, once all changes reported so far are written."""
        self._after_write.append(work)

    def await_row(self, journals: Journals, sid: str) -> None:
        """Keep a recording's journal until its row is in the database."""
        journals.require(sid, "row")
        self.after_write(partial(journals.done, sid, "row"))

    def compare(self, *kinds: str) -> None:
        """Find the records of these kinds that were changed, added or removed."""
        for kind in kinds:
            if kind not in self._repositories:
                continue  # another process writes this kind
            repository, known = self._repositories[kind], self._known[kind]
            there = {getattr(record, repository.key): record for record in repository.records()}
            for key, record in there.items():
                if key not in known or known[key] != _fingerprint(record):
                    self.changed(kind, record)
            for key in known.keys() - there.keys():
                self._dirty[kind, key] = None

    def compare_grown(self, *kinds: str) -> None:
        """Find changes of these kinds, only of those whose number of records has grown."""
        for kind in kinds:
            repository = self._repositories.get(kind)
            if repository is not None and len(list(repository.records())) != len(self._known[kind]):
                self.compare(kind)

    def removed(self, kind: str, key: str) -> None:
        """Report that a record was removed."""
        self._dirty[kind, key] = None
        self._schedule()

    # -- writing ----------------------------------------------------------------------------

    def write(self) -> Future[None]:
        """Write the reported changes; the future ends when all of them are in the database."""
        self._scheduled = False
        # Encoded now, on the engine's loop: a record may change before the thread writes it.
        changes: Changes = {}
        for (kind, key), record in self._dirty.items():
            if record is None:
                changes[kind, key] = None
                self._known[kind].pop(key, None)
            else:
                changes[kind, key] = to_document(record, self._epoch_ns)
                self._known[kind][key] = _fingerprint(record)
        self._dirty.clear()
        written = self._database.put(changes)
        after_write, self._after_write = self._after_write, []

        def settle(written: Future[None]) -> None:
            if written.exception() is not None:
                self._after_write += after_write  # the next write writes this too
                return
            for work in after_write:
                work()

        written.add_done_callback(settle)
        written.add_done_callback(self._log_error)
        return written

    def _log_error(self, written: Future[None]) -> None:
        """Log why a write failed, once for each different error."""
        error = written.exception()
        words = None if error is None else str(error)
        if words is not None and words != self._logged_error:
            _LOG.error("%s", words)
        self._logged_error = words

    def _schedule(self) -> None:
        """Write after this turn of the loop: all its changes make one transaction."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        if self._dirty or self._after_write:
            self.write()


def _fingerprint(record: Any) -> Any:
    """Return a value that differs whenever a record has changed.

    Records with a lifecycle are compared by status and time of update, frozen ones never, others in
    full.
    """
    if hasattr(record, "status") and hasattr(record, "updated_ns"):
        return record.status, record.updated_ns
    if type(record).__dataclass_params__.frozen:
        return None
    return to_document(record, 0)
