"""A REST resource is one row, from which all parts of the program take what they need of it.

The API takes its paths, methods and parameters from the row. The database takes what is stored; a
sandbox of several processes, which of them responds; crash recovery, how an active record ends;
the inspector, what it lists; fault injection, which callbacks there are. All of them read
:data:`mediasim.twilio.rest.table.RESOURCES` when they need it, so a new resource is a module with
its row, and a line of that table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import Event
from mediasim.exchange.lifecycle import interrupt
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, ConferenceRecord
from mediasim.twilio.account import Account
from mediasim.twilio.account_parts import ResourceList
from mediasim.twilio.errors import TwilioError, bad_parameter, not_found
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
    "in_resource_list",
    "updating",
]

ACCOUNT: Final = f"/{API_VERSION}/Accounts/{{account}}"
"""Prefix of the paths of an account's resources."""
R = TypeVar("R")
MOST_KEPT: Final = 10_000
"""Most records of a log that are kept: of events, deliveries, notifications."""


# -- requests -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """An authenticated request, handled on the engine's loop."""

    resource: Resource
    account: Account
    path: str
    """Path as requested."""
    at: Mapping[str, str]
    """Variable parts of the path, by name."""
    query: Params
    form: Params

    @property
    def account_path(self) -> str:
        """Path of the account: ``/2010-04-01/Accounts/AC…``."""
        return account_path(self.account.sid)

    @property
    def store(self) -> Store:
        """The records of the resource. Raises ValueError if its records are not stored."""
        if self.resource.stored is None:
            raise ValueError(f"{self.resource.name} records are not stored")
        return self.resource.stored.store(self.account)

    def new_sid(self) -> str:
        """Return the next SID of the resource's prefix."""
        return self.account.new_sid(self.resource.prefix)

    def found(self) -> Any:
        """Return the record whose SID is in the path. Raises TwilioError (404, 20404) if none."""
        return self.found_in(self.store, "sid")

    def found_in(self, store: Store | ResourceList[Any], part: str) -> Any:
        """Return the record whose SID is a part of the path. Raises TwilioError as above."""
        record = self.own_of(store, self.at[part])
        if record is None:
            raise self.missing()
        return record

    def own_of(self, store: Store | ResourceList[Any], sid: str) -> Any:
        """Return the record of a SID, which is the account's; None if it has none such."""
        try:
            record = store.find(sid)
        except (LookupError, TwilioError):
            return None
        return record if self.own([record]) else None

    def own(self, records: Iterable[R]) -> list[R]:
        """Return the records of the request's account; records of no account are every account's.

        Accounts share their records, each of which has its account's SID.
        """
        sid = self.account.sid
        return [each for each in records if getattr(each, "account_sid", sid) == sid]

    def application(self, name: str, code: int) -> str | None:
        """Return the SID of an application in the form; "" to remove it, None without one.

        Raises TwilioError (400) if the account has no such application.
        """
        sid = self.form.text(name)
        if sid and all(each.sid != sid for each in self.own(self.account.applications.all())):
            raise bad_parameter(f"{name} {sid[:40]} is not accessible", code)
        return sid

    def show(self, record: Any, status: int = 200) -> ApiResponse:
        """Return the response that shows a record."""
        return ApiResponse(self.resource.json(record, self.account.dates), status)

    def missing(self) -> TwilioError:
        """Return the error (404, 20404) that there is nothing at the path."""
        return not_found(self.path)


Handler = Callable[[ApiRequest], ApiResponse | Awaitable[ApiResponse]]
"""Handles a request on the engine's loop. Raises TwilioError if it refuses the request."""


# -- rows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method does at a path."""

    do: Handler
    parameters: tuple[str, ...] = ()
    """Names of parameters of the form or the query that it reads; others cannot be read."""
    noted: Mapping[str, str] = field(default_factory=dict)
    """Twilio's other parameters, with why nothing is done about them; a warning names them."""
    json: bool = False
    """Whether its parameters come as JSON: their names are dotted, ``configuration.language``."""
    places_call: bool = False
    """Whether it places a call, which any process can do that carries the call from then on."""


class Owner(Enum):
    """Which process has the records, in a sandbox of several."""

    FRONT = "front"
    """The front has them; every worker has a copy."""
    SHARED = "shared"
    """The front has them; every worker has a copy, and knows which of its own calls are in it."""
    WORKER = "worker"
    """The worker that created the record has it; the front has a copy."""


@dataclass(frozen=True, slots=True)
class Store:
    """Access to the records of one kind of an account."""

    all: Callable[[], Sequence[Any]]
    """Returns all records, oldest first."""
    add: Callable[[Any], object]
    find: Callable[[str], Any]
    """Returns the record of a key. Raises TwilioError or LookupError if there is none."""
    remove: Callable[[str], object] | None = None
    """Removes the record of a key; None: records are only dropped by age."""

    @classmethod
    def of_list(cls, records: list[Any], key: str = "sid") -> Store:
        """Return access to the records of a list, of which the newest ``MOST_KEPT`` are kept."""

        def add(record: Any) -> None:
            records.append(record)
            del records[:-MOST_KEPT]

        def find(wanted: str) -> Any:
            for record in records:
                if getattr(record, key) == wanted:
                    return record
            raise LookupError(f"no record {wanted!r}")

        return cls(lambda: records, add, find)


def in_resource_list(name: str) -> Callable[[Account], Store]:
    """Return access to the records of an account's resource list, by its name: ``Queues``."""

    def store(account: Account) -> Store:
        resource_list: ResourceList[Any] = account.resource_list(name)
        return Store(resource_list.all, resource_list.add, resource_list.find, resource_list.remove)

    return store


def _interrupted(record: Any, died_ns: int, media: MediaStore) -> None:
    interrupt(record, died_ns)


@dataclass(frozen=True, slots=True)
class Stored:
    """How the records of a resource are stored."""

    kind: str
    """Name of the kind of records in the database and between processes: ``call``."""
    record: type[Any]
    """Dataclass of the records; fields whose names end in ``_ns`` are loop times."""
    store: Callable[[Account], Store]
    owner: Owner = Owner.FRONT
    key: str = "sid"
    """Field that identifies a record."""
    most: int | None = None
    """Most records that a start restores, the newest; None: all."""
    momentary: tuple[str, ...] = ()
    """Fields that are 0 in a restored record."""
    event: type[Event] | None = None
    """Events that are emitted at each change, with the record's SID in their ``<kind>_sid``."""
    tells: bool = False
    """Whether the account reports each change without an event.

    With neither, changes are found by comparing records after each request.
    """
    end: Callable[[Any, int, MediaStore], object] = _interrupted
    """Ends an active record whose process died at a loop time in nanoseconds."""

    @property
    def lives(self) -> bool:
        """Whether records have a lifecycle, which ends with their process at the latest."""
        return hasattr(self.record, "LIFECYCLE")


def _twilio_json(record: Any, dates: Dates) -> dict[str, Any]:
    show: dict[str, Any] = record.to_twilio_json(dates)
    return show


@dataclass(frozen=True, slots=True)
class Resource:
    """The row of a resource."""

    name: str
    """Name of one resource in XML: ``Call``."""
    many: str
    """Name of a list of them: ``calls``; with spaces it is the inspector's name."""
    paths: Mapping[str, Mapping[str, Operation]]
    """Operations by path and method; a path has no suffix, and its variable parts in braces."""
    prefix: str = ""
    """Prefix of its SIDs, two letters; "" if it has no SIDs of its own."""
    json: Callable[[Any, Dates], dict[str, Any]] = _twilio_json
    """Returns a record's JSON."""
    stored: Stored | None = None
    """How records are stored; None: only the process that carries their calls has them."""
    beside: tuple[Stored, ...] = ()
    """Records that are stored with the resource's own, and that no request shows."""
    main_only: bool = False
    """Whether API keys are refused."""
    host: str = "api"
    """First part of the name of Twilio's host that has it: ``lookups`` of lookups.twilio.com."""
    callbacks: tuple[str, ...] = ()
    """Kinds of callbacks about the resource, in the delivery log and in fault injection."""


# -- shared handlers ----------------------------------------------------------------------------


def fetch(request: ApiRequest) -> ApiResponse:
    """Show the record whose SID is in the path."""
    return request.show(request.found())


def delete(request: ApiRequest) -> ApiResponse:
    """Remove the record whose SID is in the path."""
    remove = request.store.remove
    assert remove is not None
    request.found()
    remove(request.at["sid"])
    return ApiResponse(status=204)


def updating(change: Callable[[ApiRequest, Any], None]) -> Handler:
    """Return a handler that changes the record whose SID is in the path, and shows it."""

    def update(request: ApiRequest) -> ApiResponse:
        record = request.found()
        change(request, record)
        record.updated_ns = request.account.now_ns
        return request.show(record)

    return update


def call_of(request: ApiRequest) -> CallRecord:
    """Return the call of the path. Raises TwilioError (404, 20404) if there is none."""
    try:
        call = request.account.catalogue.call(request.at["call"])
    except LookupError:
        raise request.missing() from None
    if call.resource_sid != call.sid:
        raise request.missing()
    return call


def conference_of(request: ApiRequest) -> ConferenceRecord:
    """Return the conference of the path. Raises TwilioError (404, 20404) if there is none."""
    try:
        return request.account.catalogue.conference(request.at["conference"])
    except LookupError:
        raise request.missing() from None
