"""What every part of an account works with: its exchange, its app, and what is noted of both.

The account itself, with every command that an app can give, is
:class:`mediasim.twilio.account.Account`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from mediasim.exchange.dates import Dates
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, Catalogue, RecordingRecord, UnknownSid
from mediasim.media.room import Room
from mediasim.twilio.errors import not_found
from mediasim.twilio.representations import API_VERSION, account_path, rfc2822
from mediasim.twilio.resources import AccountRecord
from mediasim.twilio.webhooks import Webhooks

__all__ = ["AccountParts", "NotificationRecord", "ResourceList"]

_MORE_INFO: Final = "https://www.twilio.com/docs/errors"
_MOST_NOTIFICATIONS: Final = 10_000
"""Kept; the oldest go."""


class _Filed(Protocol):
    """A record that a book can hold."""

    sid: str


T = TypeVar("T", bound=_Filed)


class ResourceList(Generic[T]):
    """All resources of one kind of an account, in order of creation."""

    def __init__(self, name: str, account_sid: str) -> None:
        """``name`` is the kind's part of a path: ``Queues``."""
        self._path = f"{account_path(account_sid)}/{name}"
        self._records: dict[str, T] = {}

    def all(self) -> list[T]:
        """Oldest first."""
        return list(self._records.values())

    def find(self, sid: str) -> T:
        """The one of a SID. Raises TwilioError (404, 20404) where there is none."""
        try:
            return self._records[sid]
        except KeyError:
            raise not_found(f"{self._path}/{sid}.json") from None

    def has(self, sid: str) -> bool:
        return sid in self._records

    def add(self, record: T) -> None:
        """Enter a new one. Raises ValueError if its SID is taken."""
        if record.sid in self._records:
            raise ValueError(f"{record.sid} is in the book already")
        self._records[record.sid] = record

    def remove(self, sid: str) -> T:
        """Take one out. Raises TwilioError (404, 20404) where there is none."""
        record = self.find(sid)
        del self._records[sid]
        return record


@dataclass(frozen=True, slots=True)
class NotificationRecord:
    """Something a developer should know of: Twilio's Notification resource."""

    sid: str
    account_sid: str
    call_sid: str | None
    error_code: int
    log: str
    """``"0"`` an error, ``"1"`` a warning."""
    message_text: str
    request_url: str
    """What was asked of the app when it happened, "" where nothing was."""
    created_ns: int
    request_method: str = "POST"
    request_variables: str = ""
    response_headers: str = ""
    response_body: str = ""

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """As it stands in a list."""
        asked = self.request_url or None
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "call_sid": self.call_sid,
            "date_created": rfc2822(dates, self.created_ns),
            "date_updated": rfc2822(dates, self.created_ns),
            "error_code": str(self.error_code),
            "log": self.log,
            "message_date": rfc2822(dates, self.created_ns),
            "message_text": self.message_text,
            "more_info": f"{_MORE_INFO}/{self.error_code}",
            "request_method": self.request_method if asked else None,
            "request_url": asked,
            "sid": self.sid,
            "uri": f"{account_path(self.account_sid)}/Notifications/{self.sid}.json",
        }

    def to_full_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """As it is shown by itself: with what was asked and answered."""
        return {
            **self.to_twilio_json(dates),
            "request_variables": self.request_variables,
            "response_headers": self.response_headers,
            "response_body": self.response_body,
        }


class AccountParts:
    """The exchange, the app's webhooks, and the records that several parts of an account share."""

    def __init__(
        self, exchange: Exchange, account: AccountRecord, webhooks: Webhooks, base_url: str
    ) -> None:
        """``base_url`` is where media are served, without a final slash."""
        self.exchange = exchange
        self.account = account
        self.webhooks = webhooks
        self.base_url = base_url
        self.room = Room(exchange.plane)
        """All legs share it, so that any may meet any."""
        self._books: dict[str, ResourceList[Any]] = {}
        self.notifications: list[NotificationRecord] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        exchange.on_fault = self.broke

    @property
    def catalogue(self) -> Catalogue:
        return self.exchange.catalogue

    @property
    def store(self) -> MediaStore:
        return self.exchange.store

    @property
    def dates(self) -> Dates:
        return self.exchange.dates

    @property
    def profile(self) -> str:
        return self.exchange.profile

    @property
    def now_ns(self) -> int:
        return self.exchange.now_ns

    @property
    def account_path(self) -> str:
        return account_path(self.account.sid)

    def book(self, name: str) -> ResourceList[Any]:
        """The records of a resource, by its part of a path: ``Queues``."""
        return self._books.setdefault(name, ResourceList(name, self.account.sid))

    def call_record(self, sid: str) -> CallRecord:
        """Raises TwilioError for a call there is not."""
        try:
            return self.exchange.catalogue.call(sid)
        except UnknownSid:
            raise not_found(f"{self.account_path}/Calls/{sid}.json") from None

    def recording_record(self, sid: str) -> RecordingRecord:
        """Raises TwilioError for a recording there is not."""
        try:
            return self.exchange.catalogue.recording(sid)
        except UnknownSid:
            raise not_found(f"{self.account_path}/Recordings/{sid}.json") from None

    def recording_url(self, sid: str) -> str:
        """Where a recording's media is served, without an extension."""
        return f"{self.base_url}{self.account_path}/Recordings/{sid}"

    def notify(
        self,
        call_sid: str | None,
        code: int,
        message: str,
        request_url: str = "",
        *,
        line: int | None = None,
        warning: bool = False,
    ) -> None:
        """Note something for the developer: Twilio's notifications."""
        words = message if line is None else f"{message} (line {line})"
        self.notifications.append(
            NotificationRecord(
                sid=self.exchange.sids.new("NO"),
                account_sid=self.account.sid,
                call_sid=call_sid,
                error_code=code,
                log="1" if warning else "0",
                message_text=words,
                request_url=request_url,
                created_ns=self.now_ns,
            )
        )
        del self.notifications[:-_MOST_NOTIFICATIONS]

    def new_sid(self, prefix: str) -> str:
        """The next SID of a kind."""
        return self.exchange.sids.new(prefix)

    def new_secret(self, sid: str) -> str:
        """The secret of an API key: 32 letters and digits, the seed's."""
        return self.exchange.seeds.digest(f"secret/{sid}", 16).hex()

    def broke(self, call: LiveCall, error: BaseException) -> None:
        """A fault of our own, or a party that could not go on: the call goes on without it."""
        self.notify(call.sid, 13000, f"{type(error).__name__}: {error}")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something that outlives any call."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
