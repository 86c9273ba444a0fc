"""What every part of an account works with: its exchange, its app, and what is noted of both.

The account itself, with every command that an app can give, is
:class:`mediasim.twilio.service.Service`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.layout import Profile
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, Catalogue, RecordingRecord, UnknownSid
from mediasim.media.room import Room
from mediasim.twilio.errors import not_found
from mediasim.twilio.representations import account_path
from mediasim.twilio.resources import (
    AccountRecord,
    Book,
    NotificationRecord,
    TranscriptionRecord,
)
from mediasim.twilio.webhooks import Webhooks

__all__ = ["AccountBase"]

_MOST_NOTIFICATIONS: Final = 10_000
"""Kept; the oldest go."""


class AccountBase:
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
        self._books: dict[str, Book[Any]] = {}
        self.transcriptions: Book[TranscriptionRecord] = self.book("Transcriptions")
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
    def profile(self) -> Profile:
        return self.exchange.profile

    @property
    def now_ns(self) -> int:
        return self.exchange.now_ns

    @property
    def account_path(self) -> str:
        return account_path(self.account.sid)

    def book(self, name: str) -> Book[Any]:
        """The records of a resource, by its part of a path: ``Queues``."""
        return self._books.setdefault(name, Book(name, self.account.sid))

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
