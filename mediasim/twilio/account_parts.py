"""What all parts of an account share: its exchange, its webhooks, its records and notifications.

The account itself, with every command that an app can give, is
:class:`mediasim.twilio.account.Account`.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.exchange.dates import Dates
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, Catalogue, RecordingRecord, UnknownSid
from mediasim.media.room import Room
from mediasim.recogniser.choice import Recognisers
from mediasim.twilio.api_events import ApiEvent
from mediasim.twilio.errors import TwilioError, not_found, unknown_number
from mediasim.twilio.notifications import DEBUGGER, NotificationRecord, debugger_params, exchanged
from mediasim.twilio.representations import account_path
from mediasim.twilio.requests import Callback, DetectionFaults, Params
from mediasim.twilio.resources import AccountRecord, NumberRecord
from mediasim.twilio.subscribers import Subscriber
from mediasim.twilio.webhooks import AppFailure, AppRequest, Delivery, Webhooks

__all__ = ["AccountParts", "ResourceList"]

_CALL_PROGRESS: Final = 15003
_NOT_ACTIVE: Final = 20005
_MOST_NOTIFICATIONS: Final = 10_000
"""Notifications that are kept, the newest."""


class _Filed(Protocol):
    """A record that a resource list can hold."""

    sid: str


T = TypeVar("T", bound=_Filed)


class ResourceList(Generic[T]):
    """All resources of one kind of an account, in order of creation."""

    def __init__(self, name: str, account_sid: str) -> None:
        """Create an empty list. ``name`` is the resource's part of a path: ``Queues``."""
        self._path = f"{account_path(account_sid)}/{name}"
        self._records: dict[str, T] = {}

    def all(self) -> list[T]:
        """Return all records, oldest first."""
        return list(self._records.values())

    def find(self, sid: str) -> T:
        """Return the record of a SID. Raises TwilioError (404, 20404) if there is none."""
        try:
            return self._records[sid]
        except KeyError:
            raise not_found(f"{self._path}/{sid}.json") from None

    def has(self, sid: str) -> bool:
        """Tell whether there is a record of a SID."""
        return sid in self._records

    def add(self, record: T) -> None:
        """Add a record. Raises ValueError if its SID is taken."""
        if record.sid in self._records:
            raise ValueError(f"{record.sid} is in the book already")
        self._records[record.sid] = record

    def remove(self, sid: str) -> T:
        """Remove and return a record. Raises TwilioError (404, 20404) if there is none."""
        record = self.find(sid)
        del self._records[sid]
        return record


class AccountParts:
    """The exchange, the webhooks and the records that the parts of an account share."""

    def __init__(
        self, exchange: Exchange, account: AccountRecord, webhooks: Webhooks, base_url: str
    ) -> None:
        """Open an account without records; media are served at ``base_url``, without a slash."""
        self.exchange = exchange
        self.account = account
        self.webhooks = webhooks
        self.base_url = base_url
        self.room = Room(exchange.plane)
        """The room of all legs, so that any two of them can be connected."""
        self._lists: dict[str, ResourceList[Any]] = {}
        self.notifications: list[NotificationRecord] = []
        self.api_events: list[ApiEvent] = []
        """The app's own requests about its calls, oldest first."""
        self.on_notification: Callable[[NotificationRecord], object] | None = None
        """Called with each new notification."""
        self.storage_problem: Callable[[], str | None] = lambda: None
        """Returns why nothing more can be stored on disk, or None while it can."""
        self.detection_faults = DetectionFaults()
        self.recognisers = Recognisers()
        """What is heard of what calls' parties say."""
        self.debugger_url: str | None = None
        """Where each notification is posted; None for nowhere."""
        self.subscriber_of: Callable[[str], Subscriber] = lambda number: Subscriber()
        """Returns what the number plan knows of the line at a number."""
        self.subaccounts: ResourceList[AccountRecord] = self.resource_list("Accounts")
        self.numbers: ResourceList[NumberRecord] = self.resource_list("IncomingPhoneNumbers")
        self._tasks: set[asyncio.Task[Any]] = set()
        webhooks.token_of = self.token_of
        exchange.on_fault = self.report_failure

    @property
    def sid(self) -> str:
        return self.account.sid

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

    def check_active(self) -> None:
        """Check that the account may act. Raises TwilioError (403, 20005) if it may not."""
        if self.account.status != "active":
            raise TwilioError(403, _NOT_ACTIVE, f"Account not active: it is {self.account.status}")

    def text_message(self, to: str, body: str) -> str:
        """Return the body of a message as it is sent. Raises TwilioError if it may not be."""
        return body

    def token_of(self, account_sid: str) -> str | None:
        """Return the auth token of a subaccount; None for any other account."""
        known = self.subaccounts.has(account_sid)
        return self.subaccounts.find(account_sid).auth_token if known else None

    def resource_list(self, name: str) -> ResourceList[Any]:
        """Return the records of a resource by its part of a path: ``Queues``."""
        return self._lists.setdefault(name, ResourceList(name, self.account.sid))

    def call_record(self, sid: str) -> CallRecord:
        """Return the record of a call. Raises TwilioError (404, 20404) if there is none."""
        try:
            return self.exchange.catalogue.call(sid)
        except UnknownSid:
            raise not_found(f"{self.account_path}/Calls/{sid}.json") from None

    def own_number(self, number: str) -> NumberRecord | None:
        """Return the record of a number; None if no account has it."""
        return next((each for each in self.numbers.all() if each.phone_number == number), None)

    def called_number(self, number: str) -> NumberRecord:
        """Return the record of a number that is called. Raises TwilioError (404) if none has it."""
        record = self.own_number(number)
        if record is None:
            raise unknown_number(number, (each.phone_number for each in self.numbers.all()))
        return record

    def recording_record(self, sid: str) -> RecordingRecord:
        """Return the record of a recording. Raises TwilioError (404, 20404) if there is none."""
        try:
            return self.exchange.catalogue.recording(sid)
        except UnknownSid:
            raise not_found(f"{self.account_path}/Recordings/{sid}.json") from None

    def send_callback(
        self,
        callback: Callback,
        params: Params,
        kind: str,
        sid: str,
        *,
        lane: str = "",
        done: Callable[[], None] | None = None,
        as_json: bool = False,
        document: str | None = None,
        account_sid: str = "",
        track: str = "",
    ) -> None:
        """Send a callback about a call, recording or conference, in order of its lane.

        ``lane`` is ``sid`` by default; ``as_json`` posts JSON, no form: the parameters, or a
        ``document``. ``account_sid`` is whose token signs it, by default of the one that the
        parameters name; ``track`` is the track that it is about. ``done`` is called once it was
        sent or has failed; a failure leaves a notification.
        """
        request = AppRequest(
            callback.url,
            callback.method,
            tuple(params),
            kind,
            sid,
            account_sid,
            as_json,
            track=track,
        )
        request = request if document is None else replace(request, document=document)
        call_sid = next((each for each in (sid, lane) if each.startswith("CA")), None)
        self.webhooks.notify(request, lane or sid, done, partial(self._callback_failed, call_sid))

    def _callback_failed(self, call_sid: str | None, failure: AppFailure) -> None:
        """Add a notification about a callback that failed."""
        delivery = failure.delivery
        if delivery is not None and delivery.kind == DEBUGGER:
            return  # it would report itself for ever
        url = "" if delivery is None else delivery.url
        answered = delivery is not None and delivery.attempts and delivery.attempts[-1].status
        if delivery is not None and delivery.kind == "call-status" and answered:
            words = f"Call Progress: Warning Response to Callback URL: {failure.message}"
            self.notify(call_sid, _CALL_PROGRESS, words, url, delivery=delivery, warning=True)
        else:
            self.notify(call_sid, failure.code, failure.message, url, delivery=delivery)

    def recording_params(self, record: RecordingRecord, so_far: int | None = None) -> Params:
        """Return the parameters that callbacks of calls and verbs have of a recording.

        ``so_far`` is the number of samples of one that is in progress.
        """
        seconds = record.duration_seconds() if so_far is None else so_far // SAMPLE_RATE
        return [
            ("RecordingUrl", self.recording_url(record.sid)),
            ("RecordingSid", record.sid),
            ("RecordingDuration", str(seconds)),
        ]

    def call_token(self, sid: str) -> str:
        """Return the token of a call, which an app gives back to call on with its caller's number.

        Its form is Twilio's; what is in it is our choice.
        """
        key = self.account.auth_token.encode()
        digest = hmac.digest(key, f"call-token {sid}".encode(), "sha256")
        return json.dumps(
            {
                "parentCallInfoToken": base64.urlsafe_b64encode(digest).decode().rstrip("="),
                "identityHeaderTokens": [],
            },
            separators=(",", ":"),
        )

    def recording_url(self, sid: str) -> str:
        """Return the URL of a recording's media, without an extension."""
        try:
            path = account_path(self.catalogue.recording(sid).account_sid)
        except UnknownSid:
            path = self.account_path
        return f"{self.base_url}{path}/Recordings/{sid}"

    def notify(
        self,
        call_sid: str | None,
        code: int,
        message: str,
        request_url: str = "",
        *,
        delivery: Delivery | None = None,
        line: int | None = None,
        warning: bool = False,
    ) -> None:
        """Add a notification for the developer, an error or a warning.

        ``request_url`` is the URL of the request to the app that it is about, ``delivery`` that
        request and its response, ``line`` the line of its document.
        """
        words = message if line is None else f"{message} (line {line})"
        try:  # what all accounts share reports for the account of the call
            about = self.catalogue.call(call_sid or "")
            account_sid, call_sid = about.account_sid, about.resource_sid
        except UnknownSid:
            account_sid = self.sid
        self.notifications.append(
            NotificationRecord(
                sid=self.new_sid("NO"),
                account_sid=account_sid,
                call_sid=call_sid,
                error_code=code,
                log="1" if warning else "0",
                message_text=words,
                request_url=request_url,
                created_ns=self.now_ns,
                **exchanged(request_url, delivery),
            )
        )
        del self.notifications[:-_MOST_NOTIFICATIONS]
        newest = self.notifications[-1]
        if self.on_notification is not None:
            self.on_notification(newest)
        if self.debugger_url is not None:
            parent = "" if account_sid == self.exchange.account_sid else self.exchange.account_sid
            params = debugger_params(newest, self.dates, parent)
            self.send_callback(Callback(self.debugger_url), params, DEBUGGER, newest.sid)

    def new_sid(self, prefix: str) -> str:
        """Return the next SID of a prefix."""
        return self.exchange.sids.new(prefix)

    def new_secret(self, sid: str) -> str:
        """Return the secret of an API key, 32 hexadecimal digits drawn from the seed."""
        return self.exchange.seeds.digest(f"secret/{sid}", 16).hex()

    def report_failure(self, call: LiveCall, error: BaseException) -> None:
        """Report an internal error or a failed party of a call; the call itself goes on."""
        self.notify(call.sid, 13000, f"{type(error).__name__}: {error}")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task that outlives its call, and that closing the account waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
