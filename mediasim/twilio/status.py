"""Telling an app how its calls are doing: status callbacks, their parameters and their order.

Sources: Twilio docs, "Status callback request parameters" and the API description 2010-04-01.
``initiated``, ``ringing`` and ``answered`` are events of that name; every end is ``completed``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.records import CallRecord, SipFacts
from mediasim.exchange.states import CALL
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.representations import API_VERSION, rfc2822
from mediasim.twilio.requests import Callback
from mediasim.twilio.webhooks import AppRequest

__all__ = ["DEFAULT_EVENTS", "Due", "Params", "StatusCallbacks", "call_params"]

Params = list[tuple[str, str]]
Due = tuple[int, Sequence[tuple[str, str, Sequence[str]]]]
"""The next number, and URL, method and events of each who is to be told."""
DEFAULT_EVENTS: Final = ("completed",)
_PROGRESS: Final = ("initiated", "ringing", "answered")
_PLACES: Final[Params] = [
    (f"{who}{what}", "")
    for who in ("From", "To", "Caller", "Called")
    for what in ("City", "State", "Zip", "Country")
]
"""Where the numbers are, which is not known of any; Twilio sends these empty then."""


def call_params(record: CallRecord) -> Params:
    """What every request about a call says of it."""
    params = [
        ("CallSid", record.sid),
        ("AccountSid", record.account_sid),
        ("ApiVersion", API_VERSION),
        ("From", record.from_),
        ("To", record.to),
        ("Caller", record.from_),
        ("Called", record.to),
        ("CallStatus", record.status),
        ("Direction", record.direction),
    ]
    optional = {
        "ForwardedFrom": record.forwarded_from,
        "CallerName": record.caller_name,
        "ParentCallSid": record.parent_call_sid,
    }
    params += [(name, value) for name, value in optional.items() if value is not None]
    if record.sip is not None and record.direction == "inbound":
        params += _sip_params(record.sip)
    return params + _PLACES


def _sip_params(sip: SipFacts) -> Params:
    """Of a call that came in by SIP (Twilio docs, "SIP and TwiML Interaction")."""
    params = [
        ("SipDomain", sip.domain),
        ("SipCallId", sip.call_id),
        ("SipSourceIp", sip.source_ip),
    ]
    if sip.username:
        params.append(("SipUsername", sip.username))
    return params + [(f"SipHeader_{name}", value) for name, value in sip.headers.items()]


@dataclass(slots=True)
class _Told:
    """What is to be told of one call, and how often it has been."""

    callbacks: list[Callback]
    sequence: int = 0


class StatusCallbacks:
    """Sends each call's progress to where it was asked to."""

    def __init__(self, account: AccountParts, recorded: Callable[[str], Params]) -> None:
        """``recorded`` tells what a call's last callback says of its recording."""
        self._account = account
        self._recorded = recorded
        self._calls: dict[str, _Told] = {}
        self.on_change: Callable[[str], object] | None = None
        """Called with a call's SID when what :meth:`due` gives has changed."""
        account.exchange.events.on("event", self.happened)

    def follow(self, call_sid: str, callback: Callback | None) -> None:
        """Tell of this call's progress too."""
        if callback is not None and callback.url:
            self._calls.setdefault(call_sid, _Told([])).callbacks.append(callback)
            self._changed(call_sid)

    def replace(self, call_sid: str, callback: Callback) -> None:
        """From now on tell of this call there."""
        self._calls.setdefault(call_sid, _Told([])).callbacks = [callback]
        self._changed(call_sid)

    def due(self, call_sid: str) -> Due | None:
        """What is still to be told of a call, for another process to go on with."""
        told = self._calls.get(call_sid)
        if told is None:
            return None
        return told.sequence, [(it.url, it.method, it.events) for it in told.callbacks]

    def adopt(self, call_sid: str, due: Due | None) -> None:
        """Take over what :meth:`due` gave in another process; None: nothing is to be told."""
        self._calls.pop(call_sid, None)
        if due is not None:
            sequence, callbacks = due
            found = [Callback(url, method, tuple(events)) for url, method, events in callbacks]
            self._calls[call_sid] = _Told(found, sequence)

    def _changed(self, call_sid: str) -> None:
        if self.on_change is not None:
            self.on_change(call_sid)

    def happened(self, event: Event) -> None:
        """Tell of an event, if it is one of a call's that is to be told."""
        if not isinstance(event, CallEvent) or event.call_sid not in self._calls:
            return
        word = event.kind.removeprefix("call.")
        record = self._account.catalogue.call(event.call_sid)
        final = CALL.is_final(record.status)
        if word not in _PROGRESS and not (final and word == record.status):
            return
        told = self._calls[event.call_sid]
        name = "completed" if final else word
        for callback in told.callbacks:
            if name in (callback.events or DEFAULT_EVENTS):
                self._tell(told, record, callback, event.at_ns)
        if final:
            del self._calls[event.call_sid]
        self._changed(event.call_sid)

    def _tell(self, told: _Told, record: CallRecord, callback: Callback, at_ns: int) -> None:
        params = call_params(record)
        params += [
            ("Timestamp", rfc2822(self._account.dates, at_ns)),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", str(told.sequence)),
        ]
        if record.status == "completed":
            seconds = record.duration_seconds() or 0
            params += [("CallDuration", str(seconds)), ("Duration", str(-(-seconds // 60)))]
            params += self._recorded(record.sid)
        sip = record.sip
        if sip is not None and sip.response_code is not None and CALL.is_final(record.status):
            params.append(("SipResponseCode", str(sip.response_code)))
        told.sequence += 1
        request = AppRequest(
            callback.url, callback.method, tuple(params), "call-status", record.sid
        )
        self._account.webhooks.notify(request, lane=record.sid)
