"""Text messages of an account: sent by REST and TwiML, and incoming ones.

No carrier is simulated: a message passes through its statuses in the loop's time, and becomes
delivered unless a plan or a test has chosen another outcome for the number. A message to one of the
accounts' own numbers comes in there. Sources: Twilio's pages of the Message resource, "Outbound
Message Status in Status Callbacks" (none is sent for the first status), and of test credentials.
Times between statuses, and that media are not copied, are our choice.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from mediasim.exchange.lifecycle import move
from mediasim.exchange.states import MESSAGE, MessageStatus
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.addresses import messaged, messaging
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.message_records import (
    Direction,
    MediaRecord,
    MessageEvent,
    MessageRecord,
    error_words,
    segments,
)
from mediasim.twilio.phone_numbers import country
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.requests import Callback, Params
from mediasim.twilio.resources import ApplicationRecord, NumberRecord
from mediasim.twilio.subscribers import MessageOutcome

__all__ = ["MessageManager", "MessageRequest", "incoming_params", "status_params"]

_MOST_MEDIA: Final = 10
_LONGEST_BODY: Final = 1600
_MS: Final = 1_000_000
_ACCEPTED_NS: Final = 50 * _MS
_QUEUED_NS: Final = 100 * _MS
_SENDING_NS: Final = 200 * _MS
_SENT_NS: Final = 1000 * _MS
"""How long a message has each status."""

_NOTHING_TO_SEND: Final = 21619
_TOO_LONG: Final = 21617
_TOO_MANY_MEDIA: Final = 21623
_NO_SENDER: Final = 21603
_NOT_OURS: Final = 21606
_SAME: Final = 21266
_UNSUBSCRIBED: Final = 21610
_NO_NUMBER_OF_SERVICE: Final = 21703
_SUSPENDED: Final = 30002
_UNKNOWN_ERROR: Final = 30008
_REFUSALS: Final = range(21000, 22000)
"""Codes that refuse the request; those of other ranges are of messages that were accepted."""
_STOP: Final = ("stop", "stopall", "unsubscribe", "cancel", "end", "quit")
_START: Final = ("start", "yes", "unstop")


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """A message to send: POST /Messages, or a Message or Sms verb."""

    to: str
    from_: str
    body: str = ""
    media: tuple[str, ...] = ()
    """URLs of media."""
    messaging_service_sid: str | None = None
    status_callback: Callback | None = None
    send_at_ns: int | None = None
    """Loop time of a scheduled message; None: at once."""
    direction: Direction = "outbound-api"


class MessageManager:
    """The messages of all accounts."""

    def __init__(self, account: AccountParts, of: Callable[[str], AccountParts]) -> None:
        """Manage messages on the main account; ``of`` returns the account of a SID."""
        self._main = account
        self._of = of
        self._records: ResourceList[MessageRecord] = account.resource_list("Messages")
        self._media: ResourceList[MediaRecord] = account.resource_list("Media")
        self._callbacks: dict[str, Callback] = {}
        # Not the account's: a message may be scheduled for days ahead.
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped: set[tuple[str, str]] = set()
        """Pairs of an account's number and one that has unsubscribed from it."""
        self.outcomes: dict[str, MessageOutcome] = {}
        """Outcomes that a test has chosen, by number."""
        self.on_received: Callable[[MessageRecord, NumberRecord], None] = lambda *_: None
        """Called with a message that has come in, and its number, to ask the app about it."""

    def all(self) -> list[MessageRecord]:
        """Return the messages of all accounts, oldest first."""
        return self._records.all()

    # -- sending ----------------------------------------------------------------------------

    def create(self, account: AccountParts, request: MessageRequest) -> MessageRecord:
        """Send a message for an account. Raises TwilioError if it is refused."""
        account.check_active()
        to, from_ = messaged(request.to), self._sender(account, request)
        self.check(request, to, from_)
        request = replace(request, body=account.text_message(to, request.body))
        outcome = self.outcome_of(to)
        if outcome.error_code in _REFUSALS:
            assert outcome.error_code is not None
            words = f"messages to {to} are refused: so the sandbox was told"
            raise bad_parameter(words, outcome.error_code)
        status: MessageStatus = "queued"
        if request.messaging_service_sid is not None:
            status = "accepted" if request.send_at_ns is None else "scheduled"
        known = from_ if request.from_ else None
        record = self._add(account, to, known, request.body, request.direction, status, request)
        if request.status_callback is not None:
            self._callbacks[record.sid] = request.status_callback
        task = asyncio.ensure_future(self._send(account, record, from_, request.send_at_ns))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return record

    def close(self) -> None:
        """Leave messages on their way where they are."""
        for task in self._tasks:
            task.cancel()

    def _sender(self, account: AccountParts, request: MessageRequest) -> str:
        """Return the number that a message is sent from. Raises TwilioError if it may not be."""
        own = [
            each.phone_number for each in account.numbers.all() if each.account_sid == account.sid
        ]
        if not request.from_:
            if request.messaging_service_sid is None:
                raise bad_parameter("A 'From' phone number is required.", _NO_SENDER)
            if not own:
                words = "The messaging service has no number: the account has none"
                raise bad_parameter(words, _NO_NUMBER_OF_SERVICE)
            return own[0]
        from_, is_number = messaging(request.from_)
        if is_number and own and from_ not in own:
            raise bad_parameter(
                f"The From phone number {from_} is not a valid, SMS-capable inbound phone number"
                f" or short code for your account; it has {', '.join(own[:5])}",
                _NOT_OURS,
            )
        return from_

    def check(self, request: MessageRequest, to: str, from_: str) -> None:
        """Check what a message says and where it goes. Raises TwilioError if it is refused."""
        if not request.body and not request.media:
            words = "A text message body or media urls must be specified."
            raise bad_parameter(words, _NOTHING_TO_SEND)
        if len(request.body) > _LONGEST_BODY:
            words = f"The message body exceeds the {_LONGEST_BODY} character limit"
            raise bad_parameter(words, _TOO_LONG)
        if len(request.media) > _MOST_MEDIA:
            words = f"Number of media files exceeds allowed limit: {_MOST_MEDIA}"
            raise bad_parameter(words, _TOO_MANY_MEDIA)
        if to == from_:
            raise bad_parameter("'To' and 'From' number cannot be the same", _SAME)
        if (from_, to) in self._stopped:
            raise bad_parameter("Attempt to send to unsubscribed recipient", _UNSUBSCRIBED)

    def outcome_of(self, number: str) -> MessageOutcome:
        """Return what becomes of messages to a number: as a test has chosen, or as planned."""
        return self.outcomes.get(number) or self._main.subscriber_of(number).outcome

    def _add(
        self,
        account: AccountParts,
        to: str,
        from_: str | None,
        body: str,
        direction: Direction,
        status: MessageStatus,
        request: MessageRequest,
    ) -> MessageRecord:
        """Add a message with its media."""
        now_ns = account.now_ns
        record = MessageRecord(
            sid=account.new_sid("MM" if request.media else "SM"),
            account_sid=account.sid,
            to=to,
            from_=from_,
            body=body,
            direction=direction,
            created_ns=now_ns,
            status=status,
            messaging_service_sid=request.messaging_service_sid,
            media=len(request.media),
        )
        self._records.add(record)
        for url in request.media:
            guessed = mimetypes.guess_type(urlsplit(url).path)[0] or "image/jpeg"
            self._media.add(
                MediaRecord(account.new_sid("ME"), account.sid, record.sid, guessed, url, now_ns)
            )
        self._emit(record)
        return record

    async def _send(
        self, account: AccountParts, record: MessageRecord, from_: str, send_at_ns: int | None
    ) -> None:
        """Take a message from status to status."""
        exchange = account.exchange
        if send_at_ns is not None:
            await exchange.sleep_until(send_at_ns)
            if record.status != "scheduled":
                return
            self._move(account, record, "accepted")
        if record.status == "accepted":
            await exchange.sleep(_ACCEPTED_NS)
            record.from_ = from_
            self._move(account, record, "queued")
        outcome = self.outcome_of(record.to)
        await exchange.sleep(_QUEUED_NS)
        if account.account.status != "active":
            self._fail(account, record, "failed", _SUSPENDED)
            return
        self._move(account, record, "sending")
        await exchange.sleep(_SENDING_NS)
        if outcome.status == "failed":
            self._fail(account, record, "failed", outcome.error_code)
            return
        record.sent_ns = account.now_ns
        self._move(account, record, "sent")
        if outcome.status == "sent":
            self._callbacks.pop(record.sid, None)
            return
        await exchange.sleep(_SENT_NS)
        if outcome.status == "undelivered":
            self._fail(account, record, "undelivered", outcome.error_code)
            return
        self._move(account, record, "delivered")
        if account.own_number(record.to) is not None:
            media = self.media_of(record.sid)
            urls = tuple(self.media_url(each) for each in media)
            self.receive(record.from_ or "", record.to, record.body, urls)

    def _fail(
        self,
        account: AccountParts,
        record: MessageRecord,
        status: MessageStatus,
        code: int | None,
    ) -> None:
        record.error_code = code or _UNKNOWN_ERROR
        words = error_words(record.error_code)
        self._move(account, record, status)
        account.notify(None, record.error_code, f"message {record.sid} to {record.to}: {words}")

    def _move(self, account: AccountParts, record: MessageRecord, status: MessageStatus) -> None:
        """Change a message's status, and report it to the message's callback."""
        move(record, status, account.now_ns)
        self._emit(record)
        callback = self._callbacks.get(record.sid)
        if callback is not None:
            account.send_callback(callback, status_params(record), "message-status", record.sid)
        if MESSAGE.is_final(record.status):
            self._callbacks.pop(record.sid, None)

    def _emit(self, record: MessageRecord) -> None:
        self._main.exchange.events.emit(
            MessageEvent(
                at_ns=self._main.now_ns,
                kind=f"message.{record.status}",
                text=f"{record.from_ or record.messaging_service_sid} to {record.to}",
                message_sid=record.sid,
            )
        )

    def cancel(self, account: AccountParts, record: MessageRecord) -> None:
        """Cancel a scheduled message. Raises TwilioError if it is not one."""
        if record.status != "scheduled":
            raise bad_parameter(f"Message {record.sid} is {record.status}, and not scheduled")
        self._move(account, record, "canceled")

    # -- media ------------------------------------------------------------------------------

    def media_of(self, message_sid: str) -> list[MediaRecord]:
        """Return the media of a message, oldest first."""
        return [each for each in self._media.all() if each.parent_sid == message_sid]

    def media_url(self, media: MediaRecord) -> str:
        """Return the URL of a file: of its resource without a suffix, as Twilio's are."""
        uri = media.to_twilio_json(self._main.dates)["uri"]
        return self._main.base_url + str(uri).removesuffix(".json")

    # -- receiving --------------------------------------------------------------------------

    def receive(self, from_: str, to: str, body: str, media: tuple[str, ...] = ()) -> MessageRecord:
        """Take in a message to one of the numbers, and ask the app about it.

        Raises TwilioError if no account has the number, or its account is not active.
        """
        number = self._main.called_number(to)
        account = self._of(number.account_sid)
        account.check_active()
        request = MessageRequest(to, from_, body, media)
        record = self._add(account, to, from_, body, "inbound", "received", request)
        record.sent_ns = record.created_ns
        word = body.strip().lower()
        if word in _STOP:
            self._stopped.add((to, from_))
        elif word in _START:
            self._stopped.discard((to, from_))
        self.on_received(record, number)
        return record

    def settings_of(self, number: NumberRecord) -> NumberRecord | ApplicationRecord:
        """Return what has the URLs for messages to a number: its application, or the number."""
        applications: ResourceList[ApplicationRecord] = self._main.resource_list("Applications")
        sid = number.sms_application_sid
        return applications.find(sid) if sid and applications.has(sid) else number

    def notify(
        self,
        record: MessageRecord,
        code: int,
        words: str,
        url: str = "",
        *,
        line: int | None = None,
        warning: bool = False,
    ) -> None:
        """Add a notification about a message to those of its account."""
        account, words = self._of(record.account_sid), f"message {record.sid}: {words}"
        account.notify(None, code, words, url, line=line, warning=warning)

    def reply(self, record: MessageRecord, request: MessageRequest) -> MessageRecord | None:
        """Send a message for the account of another; None, after a notification, if refused."""
        try:
            return self.create(self._of(record.account_sid), request)
        except TwilioError as error:
            self.notify(record, error.code, error.message)
            return None


def status_params(record: MessageRecord) -> Params:
    """Return the parameters of a status callback, and of the action of a Message verb."""
    params = [
        ("SmsSid", record.sid),
        ("SmsStatus", record.status),
        ("MessageStatus", record.status),
        ("To", record.to),
        ("MessageSid", record.sid),
        ("AccountSid", record.account_sid),
        ("From", record.from_ or ""),
        ("ApiVersion", API_VERSION),
    ]
    if record.messaging_service_sid is not None:
        params.append(("MessagingServiceSid", record.messaging_service_sid))
    if record.error_code is not None:
        params.append(("ErrorCode", str(record.error_code)))
        params.append(("ErrorMessage", error_words(record.error_code)))
    return params


def incoming_params(record: MessageRecord, media: list[tuple[str, str]]) -> Params:
    """Return the parameters of the request about a message that came in.

    ``media`` are content types and URLs.
    """
    from_ = record.from_ or ""
    params = [
        ("ToCountry", country(record.to)),
        ("ToState", ""),
        ("ToCity", ""),
        ("ToZip", ""),
        ("FromCountry", country(from_)),
        ("FromState", ""),
        ("FromCity", ""),
        ("FromZip", ""),
        ("SmsMessageSid", record.sid),
        ("SmsSid", record.sid),
        ("SmsStatus", record.status),
        ("MessageSid", record.sid),
        ("AccountSid", record.account_sid),
        ("From", from_),
        ("To", record.to),
        ("Body", record.body),
        ("NumMedia", str(len(media))),
        ("NumSegments", str(segments(record.body))),
        ("ApiVersion", API_VERSION),
    ]
    for number, (kind, url) in enumerate(media):
        params += [(f"MediaContentType{number}", kind), (f"MediaUrl{number}", url)]
    return params
