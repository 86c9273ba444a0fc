"""User-defined messages between an app and the parties of its calls.

What Twilio's Voice SDKs send and receive in a call, any party here may: a simulated one by a step
of its script, a page by its telephone. :meth:`UserMessages.connect` and
:meth:`UserMessages.receive` are where a telephone is plugged in. Source: https://www.twilio.com/docs/voice/sdks/call-message-events.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import CallEvent, Event, UserMessageEvent
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CALL
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import bad_parameter, not_found, not_in_progress
from mediasim.twilio.representations import account_path, rfc2822
from mediasim.twilio.requests import Callback, Params

__all__ = ["USER_MESSAGE", "SubscriptionRecord", "UserMessageRecord", "UserMessages"]

USER_MESSAGE: Final = "user-defined-message"
"""Kind of the callbacks with messages of parties."""
_JSON: Final = "application/json"
_INVALID_TYPE: Final = 32701
_INVALID_CONTENT: Final = 32702
_UNDELIVERED: Final = 32710
_LONGEST: Final = 10_240
"""Most bytes of a message, as of the Voice SDKs."""
_ACTIVE: Final = ("ringing", "in-progress")


@dataclass(frozen=True, slots=True)
class UserMessageRecord:
    """A message of the app's to the party of a call: Twilio's UserDefinedMessage."""

    sid: str
    account_sid: str
    call_sid: str
    created_ns: int

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the message as the API shows it."""
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "sid": self.sid,
            "date_created": rfc2822(dates, self.created_ns),
        }


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """Where an app wants the messages of a party: Twilio's UserDefinedMessageSubscription."""

    sid: str
    account_sid: str
    call_sid: str
    created_ns: int
    callback: Callback

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the subscription as the API shows it."""
        path = f"{account_path(self.account_sid)}/Calls/{self.call_sid}"
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "sid": self.sid,
            "date_created": rfc2822(dates, self.created_ns),
            "uri": f"{path}/UserDefinedMessageSubscriptions/{self.sid}.json",
        }


class UserMessages:
    """The user-defined messages of an account's calls, both ways."""

    def __init__(self, account: AccountParts, live_call: Callable[[str], LiveCall | None]) -> None:
        """``live_call`` finds an active call by its SID."""
        self._account = account
        self._live_call = live_call
        self._telephones: dict[str, Callable[[str, str], object]] = {}
        """What takes messages to the party of a call, by the call's SID."""
        self._subscriptions: dict[str, list[SubscriptionRecord]] = {}
        self._made: dict[tuple[str, str, str], Any] = {}
        """Records by kind, call and idempotency key."""
        self._sent: Counter[str] = Counter()
        """Messages of the party of each call so far."""
        account.exchange.events.on("user-message.sent", self._on_sent)
        account.exchange.events.on("event", self._on_event)

    # -- to a party -----------------------------------------------------------------------------

    def connect(self, call_sid: str, deliver: Callable[[str, str], object]) -> None:
        """Let a telephone take the messages to its party until the call ends.

        ``deliver`` is called with each message's SID and content, JSON text.
        """
        self._telephones[call_sid] = deliver

    def send(self, call_sid: str, content: str, key: str = "") -> UserMessageRecord:
        """Send a message to a call's party: POST /Calls/{sid}/UserDefinedMessages.

        A key that was used returns its message. Raises TwilioError if the call is not active or the
        content is no JSON.
        """
        if (known := self._made.get(("message", call_sid, key))) is not None and key:
            found: UserMessageRecord = known
            return found
        call = self._active(call_sid)
        _check(content)
        account = self._account
        record = UserMessageRecord(
            account.new_sid("KX"), call.record.account_sid, call_sid, account.now_ns
        )
        if key:
            self._made["message", call_sid, key] = record
        deliver = self._telephones.get(call_sid)
        if deliver is not None:
            deliver(record.sid, content)
        elif call.far_end is not None:
            words = f"{call.party.name}'s telephone takes no user-defined messages: {record.sid}"
            account.notify(call_sid, _UNDELIVERED, words, warning=True)
            return record
        self._emit(call, "received", record.sid, content)
        return record

    def _emit(self, call: LiveCall, word: str, sid: str, content: str) -> None:
        exchange = self._account.exchange
        exchange.events.emit(
            UserMessageEvent(
                at_ns=exchange.now_ns,
                kind=f"user-message.{word}",
                text=f"{call.party.name} {word} {content[:200]}",
                call_sid=call.sid,
                message_sid=sid,
                content=content,
            )
        )

    # -- from a party ---------------------------------------------------------------------------

    def receive(self, call_sid: str, content: str, content_type: str = _JSON) -> str:
        """Take a message of a call's party, and post it to the app's subscriptions; return its SID.

        Raises TwilioError if the call is not active or the content is no JSON.
        """
        call = self._active(call_sid)
        if content_type != _JSON:
            words = f"Invalid Content-Type {content_type[:60]}: expected {_JSON}"
            raise bad_parameter(words, _INVALID_TYPE)
        _check(content)
        sid = self._account.new_sid("KX")
        self._emit(call, "sent", sid, content)
        return sid

    def _on_sent(self, event: Event) -> None:
        """Post a message of a party to the subscriptions of its call."""
        assert isinstance(event, UserMessageEvent)
        account, call_sid = self._account, event.call_sid
        call = self._live_call(call_sid)
        if call is None:
            return
        number = self._sent[call_sid]
        self._sent[call_sid] += 1
        for subscription in self._subscriptions.get(call_sid, ()):
            params: Params = [
                ("ContentType", _JSON),
                ("Content", event.content),
                ("SequenceNumber", str(number)),
                ("CallSid", call_sid),
                ("Timestamp", rfc2822(account.dates, event.at_ns)),
                ("AccountSid", call.record.account_sid),
                ("Sid", event.message_sid or account.new_sid("KX")),
            ]
            account.send_callback(
                subscription.callback, params, USER_MESSAGE, call_sid, as_json=True
            )

    def subscribe(self, call_sid: str, callback: Callback, key: str = "") -> SubscriptionRecord:
        """Subscribe to the messages of a call's party: POST …/UserDefinedMessageSubscriptions.

        A key that was used returns its subscription. Raises TwilioError if the call is not active.
        """
        if (known := self._made.get(("subscription", call_sid, key))) is not None and key:
            found: SubscriptionRecord = known
            return found
        call = self._active(call_sid)
        account = self._account
        record = SubscriptionRecord(
            account.new_sid("ZY"), call.record.account_sid, call_sid, account.now_ns, callback
        )
        if key:
            self._made["subscription", call_sid, key] = record
        self._subscriptions.setdefault(call_sid, []).append(record)
        return record

    def unsubscribe(self, call_sid: str, sid: str) -> None:
        """Remove a subscription. Raises TwilioError (404) if the call has none of the SID."""
        found = self._subscriptions.get(call_sid, [])
        left = [each for each in found if each.sid != sid]
        if len(left) == len(found):
            path = f"{self._account.account_path}/Calls/{call_sid}"
            raise not_found(f"{path}/UserDefinedMessageSubscriptions/{sid}.json")
        self._subscriptions[call_sid] = left

    # -- calls ----------------------------------------------------------------------------------

    def _active(self, call_sid: str) -> LiveCall:
        """Return a call that rings or is in progress. Raises TwilioError (400, 21220)."""
        call = self._live_call(call_sid)
        if call is None or call.record.status not in _ACTIVE:
            raise not_in_progress("The call is not active: messages need it ringing or in progress")
        return call

    def _on_event(self, event: Event) -> None:
        """Forget a call that has ended."""
        status = event.kind.removeprefix("call.")
        if isinstance(event, CallEvent) and status in CALL.moves and CALL.is_final(status):
            self._telephones.pop(event.call_sid, None)
            self._sent.pop(event.call_sid, None)


def _check(content: str) -> None:
    """Check the content of a message. Raises TwilioError (400, 32702) if it is no JSON."""
    words = "Voice User-Defined Message: Invalid Content"
    if not content:
        raise bad_parameter(f"{words}: Content parameter is required", _INVALID_CONTENT)
    if len(content.encode()) > _LONGEST:
        raise bad_parameter(f"{words}: at most {_LONGEST} bytes are taken", _INVALID_CONTENT)
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        words = f"{words}: expected JSON, found {content[:60]!r}"
        raise bad_parameter(words, _INVALID_CONTENT) from None
