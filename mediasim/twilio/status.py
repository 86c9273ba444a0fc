"""Status callbacks of calls: their parameters, their order and when they are sent.

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
from mediasim.twilio.requests import DEFAULT_EVENTS, Callback, Params

__all__ = ["Due", "StatusCallbacks", "call_params"]

Due = tuple[int, Sequence[tuple[str, str, Sequence[str]]], bool]
"""Next sequence number of a call; URL, method and events of each status callback; whether it has
left the queue."""
_PROGRESS: Final = ("initiated", "ringing", "answered")
_SIP_RESPONSES: Final = {
    "completed": 200,
    "busy": 486,
    "no-answer": 487,
    "canceled": 487,
    "failed": 404,
}
"""SIP response codes of ends where no SIP telephone gave one; the numbers are partly our choice."""
_ATTESTATION: Final = "A"
"""STIR attestation of calls from the account's own numbers (our choice)."""
_PLACES: Final[Params] = [
    (f"{who}{what}", "")
    for who in ("From", "To", "Caller", "Called")
    for what in ("City", "State", "Zip", "Country")
]
"""Locations of the numbers. Twilio sends them empty if it knows none, as is so here."""


def call_params(record: CallRecord) -> Params:
    """Return the parameters that each request about a call has."""
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
    """Return the parameters of an inbound SIP call (docs, "SIP and TwiML Interaction")."""
    params = [
        ("SipDomain", sip.domain),
        ("SipCallId", sip.call_id),
        ("SipSourceIp", sip.source_ip),
    ]
    if sip.username:
        params.append(("SipUsername", sip.username))
    return params + [(f"SipHeader_{name}", value) for name, value in sip.headers.items()]


@dataclass(slots=True)
class _Progress:
    """The callbacks of one call, and how many requests were sent."""

    callbacks: list[Callback]
    sequence: int = 0
    dialled: bool = False
    """Whether the call has left the queue."""


class StatusCallbacks:
    """Sends the progress of calls to their status callbacks."""

    def __init__(self, account: AccountParts, recording_params: Callable[[str], Params]) -> None:
        """Listen to the account's calls.

        ``recording_params`` returns the parameters of a call's recording, for its last callback.
        """
        self._account = account
        self._recording_params = recording_params
        self._calls: dict[str, _Progress] = {}
        self.on_change: Callable[[str], object] | None = None
        """Called with a call's SID when the result of :meth:`due` has changed."""
        account.exchange.events.on("event", self.on_event)

    def follow(self, call_sid: str, callback: Callback | None) -> None:
        """Add a status callback to a call."""
        if callback is not None and callback.url:
            self._calls.setdefault(call_sid, _Progress([])).callbacks.append(callback)
            self._changed(call_sid)

    def replace(self, call_sid: str, callback: Callback) -> None:
        """Replace all status callbacks of a call by one."""
        self._calls.setdefault(call_sid, _Progress([])).callbacks = [callback]
        self._changed(call_sid)

    def due(self, call_sid: str) -> Due | None:
        """Return the callbacks of a call that goes on, for another process to continue them."""
        progress = self._calls.get(call_sid)
        if progress is None:
            return None
        callbacks = [(it.url, it.method, it.events) for it in progress.callbacks]
        return progress.sequence, callbacks, progress.dialled

    def adopt(self, call_sid: str, due: Due | None) -> None:
        """Continue what :meth:`due` returned in another process; None ends it."""
        self._calls.pop(call_sid, None)
        if due is not None:
            sequence, callbacks, dialled = due
            found = [Callback(url, method, tuple(events)) for url, method, events in callbacks]
            self._calls[call_sid] = _Progress(found, sequence, dialled)

    def _changed(self, call_sid: str) -> None:
        if self.on_change is not None:
            self.on_change(call_sid)

    def on_event(self, event: Event) -> None:
        """Send the callbacks of an event, if it is one of a call's progress."""
        if not isinstance(event, CallEvent) or event.call_sid not in self._calls:
            return
        word = event.kind.removeprefix("call.")
        record = self._account.catalogue.call(event.call_sid)
        final = CALL.is_final(record.status)
        if word not in _PROGRESS and not (final and word == record.status):
            return
        progress = self._calls[event.call_sid]
        progress.dialled |= word == "initiated"
        if record.status == "canceled" and not progress.dialled:
            progress.callbacks = []  # it was still queued: there is no callback
        name = "completed" if final else word
        for callback in progress.callbacks:
            if name in (callback.events or DEFAULT_EVENTS):
                self._send(progress, record, callback, event.at_ns)
        if final:
            del self._calls[event.call_sid]
        self._changed(event.call_sid)

    def _send(
        self, progress: _Progress, record: CallRecord, callback: Callback, at_ns: int
    ) -> None:
        params = call_params(record)
        params += [
            ("Timestamp", rfc2822(self._account.dates, at_ns)),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", str(progress.sequence)),
        ]
        if record.status in ("ringing", "in-progress") and record.direction != "inbound":
            params.append(("StirStatus", _ATTESTATION))
        if CALL.is_final(record.status):
            seconds = record.duration_seconds() or 0
            params.append(("CallDuration", str(seconds)))
            if record.status == "completed":
                params.append(("Duration", str(-(-seconds // 60))))
                params += self._recording_params(record.sid)
            code = None if record.sip is None else record.sip.response_code
            params.append(("SipResponseCode", str(code or _SIP_RESPONSES[record.status])))
        progress.sequence += 1
        self._account.send_callback(callback, params, "call-status", record.sid)
