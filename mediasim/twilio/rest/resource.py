"""A REST resource is one row: everything that the rest of the program asks about it.

The API takes its paths, methods and parameters from the row. The database takes what is stored; a
sandbox of several processes, which of them answers; a start after a kill, how an active record
ends; the inspector, what it lists; fault injection, which callbacks there are. All of them read
:data:`mediasim.twilio.rest.table.RESOURCES` when they need it, so a new resource is a module with
its row, and a line of that table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import Event
from mediasim.exchange.lifecycle import interrupt
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, ConferenceRecord
from mediasim.twilio.account import Account
from mediasim.twilio.account_parts import ResourceList
from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.representations import API_VERSION, account_path
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.responses import ApiResponse

__all__ = [
    "ACCOUNT",
    "MOST_KEPT",
    "ApiRequest",
    "Handler",
    "Operation",
    "Owner",
    "Resource",
    "Store",
    "Stored",
    "call_of",
    "conference_of",
    "delete",
    "fetch",
    "in_book",
]

ACCOUNT: Final = f"/{API_VERSION}/Accounts/{{account}}"
"""What the paths of an account's resources begin with."""
MOST_KEPT: Final = 10_000
"""Records that are kept of what only tells what happened: events, deliveries, notifications."""


# -- requests -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request, as handlers see it: on the engine's loop, its sender known."""

    resource: Resource
    service: Account
    path: str
    """As it was asked for."""
    at: Mapping[str, str]
    """The variable parts of the path."""
    query: Params
    form: Params

    @property
    def account_path(self) -> str:
        """``/2010-04-01/Accounts/AC…``."""
        return account_path(self.service.account.sid)

    @property
    def store(self) -> Store:
        """The records of the resource. Raises ValueError for one whose records are not stored."""
        if self.resource.stored is None:
            raise ValueError(f"{self.resource.name} records are not stored")
        return self.resource.stored.store(self.service)

    def new_sid(self) -> str:
        """The next SID of the resource's prefix."""
        return self.service.new_sid(self.resource.prefix)

    def found(self) -> Any:
        """The record whose SID is in the path. Raises TwilioError (404, 20404) without one."""
        return self.store.find(self.at["sid"])

    def shown(self, record: Any, status: int = 200) -> ApiResponse:
        """The answer that shows a record."""
        return ApiResponse(self.resource.json(record, self.service.dates), status)

    def missing(self) -> TwilioError:
        """The error that nothing is at the path."""
        return not_found(self.path)


Handler = Callable[[ApiRequest], ApiResponse | Awaitable[ApiResponse]]
"""Runs on the engine's loop. Raises TwilioError for what is refused."""


# -- rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done at a path by one method."""

    do: Handler
    parameters: tuple[str, ...] = ()
    """The names it reads of the form, or of the query; no others can be read."""
    places_call: bool = False
    """Whether it begins a call, which any process can do that carries the call from then on."""


class Owner(Enum):
    """Which process has the records, where a sandbox has several."""

    FRONT = "front"
    """The front; every worker has a copy."""
    SHARED = "shared"
    """The front; every worker has a copy, and knows which of its own calls are in it."""
    WORKER = "worker"
    """The worker that made the record; the front has a copy."""


@dataclass(frozen=True, slots=True)
class Store:
    """The records of one kind, wherever an account has them."""

    all: Callable[[], Sequence[Any]]
    """Oldest first."""
    add: Callable[[Any], object]
    find: Callable[[str], Any]
    """The record of a key. Raises TwilioError, or LookupError, without one."""
    remove: Callable[[str], object] | None = None
    """Removes the record of a key; None: records are only removed by their age."""

    @classmethod
    def of_list(cls, records: list[Any], key: str = "sid") -> Store:
        """Records in a list of an account, which keeps the newest ``MOST_KEPT``."""

        def add(record: Any) -> None:
            records.append(record)
            del records[:-MOST_KEPT]

        def find(wanted: str) -> Any:
            for record in records:
                if getattr(record, key) == wanted:
                    return record
            raise LookupError(f"no record {wanted!r}")

        return cls(lambda: records, add, find)


def in_book(name: str) -> Callable[[Account], Store]:
    """A store of an account's own, by its part of a path: ``Queues``."""

    def store(service: Account) -> Store:
        book: ResourceList[Any] = service.book(name)
        return Store(book.all, book.add, book.find, book.remove)

    return store


def _interrupted(record: Any, died_ns: int, media: MediaStore) -> None:
    interrupt(record, died_ns)


@dataclass(frozen=True, slots=True)
class Stored:
    """How the records of a resource are stored."""

    kind: str
    """The name of their kind in the database and between processes: ``call``."""
    record: type[Any]
    """A dataclass; its fields whose names end in ``_ns`` are times of the loop."""
    store: Callable[[Account], Store]
    owner: Owner = Owner.FRONT
    key: str = "sid"
    """The field that names a record."""
    most: int | None = None
    """How many are brought back at a start, the newest; None: all."""
    momentary: tuple[str, ...] = ()
    """Fields that are 0 whenever a record is brought back."""
    event: type[Event] | None = None
    """The events that tell of each change, and name the record in their field ``<kind>_sid``."""
    tells: bool = False
    """Whether the account tells of each change without an event.

    Where neither does, what has changed is found by comparing, after each request.
    """
    end: Callable[[Any, int, MediaStore], object] = _interrupted
    """Ends a record with a lifecycle whose process died at a time, in nanoseconds of the loop."""

    @property
    def lives(self) -> bool:
        """Whether a record has a lifecycle, which ends with its process at the latest."""
        return hasattr(self.record, "LIFECYCLE")


def _twilio_json(record: Any, dates: Dates) -> dict[str, Any]:
    shown: dict[str, Any] = record.to_twilio_json(dates)
    return shown


@dataclass(frozen=True, slots=True)
class Resource:
    """One row."""

    name: str
    """What one is called in XML: ``Call``."""
    many: str
    """What a page of them is called: ``calls``; the inspector's word is the same, with spaces."""
    paths: Mapping[str, Mapping[str, Operation]]
    """Operations by path and method; a path has no suffix, and its variable parts in braces."""
    prefix: str = ""
    """The two letters that its SIDs begin with; "" where it has none of its own."""
    json: Callable[[Any, Dates], dict[str, Any]] = _twilio_json
    """A record as the API shows it."""
    stored: Stored | None = None
    """None: records are not stored, and only the process whose calls they are about has them."""
    main_only: bool = False
    """Whether API keys are refused."""
    callbacks: tuple[str, ...] = ()
    """The kinds of callbacks about it, as the delivery log and fault injection name them."""


# -- what many resources do ---------------------------------------------------------------------


def fetch(ask: ApiRequest) -> ApiResponse:
    """Show the record whose SID is in the path."""
    return ask.shown(ask.found())


def delete(ask: ApiRequest) -> ApiResponse:
    """Remove the record whose SID is in the path."""
    remove = ask.store.remove
    assert remove is not None
    remove(ask.at["sid"])
    return ApiResponse(status=204)


def call_of(ask: ApiRequest) -> CallRecord:
    """The call of the path. Raises TwilioError (404, 20404) without one, with the path as asked."""
    try:
        return ask.service.catalogue.call(ask.at["call"])
    except LookupError:
        raise ask.missing() from None


def conference_of(ask: ApiRequest) -> ConferenceRecord:
    """The conference of the path. Raises TwilioError (404, 20404) without one."""
    try:
        return ask.service.catalogue.conference(ask.at["conference"])
    except LookupError:
        raise ask.missing() from None
