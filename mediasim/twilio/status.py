"""Status callbacks of calls: their parameters, their order and when they are sent.

Sources: Twilio docs, "Status callback request parameters" and the API description 2010-04-01.
``initiated``, ``ringing`` and ``answered`` are events of that name; every end is ``completed``.

What is still due of a call is a record of its own, kept until the last request was sent: whatever
ends the process, the next one sends what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.records import CallRecord, SipFacts, UnknownSid
from mediasim.exchange.states import CALL
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.phone_numbers import country
from mediasim.twilio.representations import API_VERSION, rfc2822
from mediasim.twilio.requests import DEFAULT_EVENTS, Callback, Params

__all__ = ["CALL_PROGRESS", "CallProgress", "StatusCallbacks", "call_params", "sip_response"]

CALL_PROGRESS: Final = "call-progress"
"""Kind of the stored records of what is due."""
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
        "ApplicationSid": record.application_sid,
        "ForwardedFrom": record.forwarded_from,
        "CallerName": record.caller_name,
        "ParentCallSid": record.parent_call_sid,
        "AnsweredBy": record.answered_by,
        "MachineDetectionDuration": _text(record.detection_ms),
    }
    params += [(name, value) for name, value in optional.items() if value is not None]
    if record.sip is not None and record.direction == "inbound":
        params += _sip_params(record.sip)
    return params + _places(record)


def sip_response(record: CallRecord) -> int | None:
    """Return the last SIP response code of a call; None before its end."""
    if not CALL.is_final(record.status):
        return None
    code = None if record.sip is None else record.sip.response_code
    return code or _SIP_RESPONSES[record.status]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _places(record: CallRecord) -> Params:
    """Return the locations of both numbers; Twilio sends those empty that it does not know.

    The country is known from the number; city, state and postal code are not known here.
    """
    found: Params = []
    for who, number in (
        ("From", record.from_),
        ("To", record.to),
        ("Caller", record.from_),
        ("Called", record.to),
    ):
        found += [(f"{who}City", ""), (f"{who}State", ""), (f"{who}Zip", "")]
        found.append((f"{who}Country", country(number)))
    return found


def _sip_params(sip: SipFacts) -> Params:
    """Return the parameters of an inbound SIP call (docs, "SIP and TwiML Interaction")."""
    params = [
        ("SipDomain", sip.domain),
        ("SipCallId", sip.call_id),
        ("SipSourceIp", sip.source_ip),
    ]
    if sip.domain_sid:
        params.append(("SipDomainSid", sip.domain_sid))
    if sip.username:
        params.append(("SipUsername", sip.username))
    return params + [(f"SipHeader_{name}", value) for name, value in sip.headers.items()]


@dataclass(slots=True)
class CallProgress:
    """The status callbacks that are still due of one call."""

    call_sid: str
    callbacks: list[Callback] = field(default_factory=list)
    """The callbacks whose last request was not sent yet."""
    sequence: int = 0
    """Sequence number of the call's next request."""
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
        self._calls: dict[str, CallProgress] = {}
        self.on_change: Callable[[str, CallProgress | None], object] | None = None
        """Called with a call's SID and what is due of it, None for nothing, when it changes."""
        account.exchange.events.on("event", self._on_event)

    # -- records ----------------------------------------------------------------------------

    def all(self) -> list[CallProgress]:
        """Return what is due of all calls, oldest first."""
        return list(self._calls.values())

    def add(self, progress: CallProgress) -> None:
        """Add what another process has left due of a call."""
        self._calls[progress.call_sid] = progress

    def find(self, call_sid: str) -> CallProgress:
        """Return what is due of a call. Raises KeyError if nothing is."""
        return self._calls[call_sid]

    def remove(self, call_sid: str) -> None:
        """Drop what is due of a call; nothing more is sent about it."""
        self._calls.pop(call_sid, None)

    # -- callbacks --------------------------------------------------------------------------

    def follow(self, call_sid: str, callback: Callback | None) -> None:
        """Add a status callback to a call."""
        if callback is not None and callback.url:
            self._progress(call_sid).callbacks.append(callback)
            self._changed(call_sid)

    def replace(self, call_sid: str, callback: Callback) -> None:
        """Replace all status callbacks of a call by one."""
        self._progress(call_sid).callbacks = [callback]
        self._changed(call_sid)

    def resume(self, call_sids: Iterable[str]) -> None:
        """Send the last callbacks of calls that crash recovery has ended, or found ended."""
        for sid in call_sids:
            progress = self._calls.get(sid)
            if progress is None:
                continue
            try:
                record = self._account.catalogue.call(sid)
            except UnknownSid:  # it was deleted
                self.remove(sid)
                self._changed(sid)
            else:
                ended_ns = record.updated_ns if record.ended_ns is None else record.ended_ns
                self._send_last(progress, record, ended_ns)

    def _progress(self, call_sid: str) -> CallProgress:
        return self._calls.setdefault(call_sid, CallProgress(call_sid))

    def _changed(self, call_sid: str) -> None:
        if self.on_change is not None:
            self.on_change(call_sid, self._calls.get(call_sid))

    def _on_event(self, event: Event) -> None:
        """Send the callbacks of an event, if it is one of a call's progress."""
        if not isinstance(event, CallEvent) or event.call_sid not in self._calls:
            return
        word = event.kind.removeprefix("call.")
        record = self._account.catalogue.call(event.call_sid)
        progress = self._calls[event.call_sid]
        if CALL.is_final(record.status):
            if record.status == "canceled" and not progress.dialled:
                progress.callbacks = []  # it was still queued: there is no callback
            if word == record.status:
                self._send_last(progress, record, event.at_ns)
        elif word in _PROGRESS:
            progress.dialled |= word == "initiated"
            for callback in progress.callbacks:
                if word in (callback.events or DEFAULT_EVENTS):
                    self._send(progress.sequence, record, callback, event.at_ns)
                    progress.sequence += 1
            self._changed(event.call_sid)

    def _send_last(self, progress: CallProgress, record: CallRecord, at_ns: int) -> None:
        """Send the callbacks of a call's end; what is due of it is kept until they are sent."""
        last = [it for it in progress.callbacks if "completed" in (it.events or DEFAULT_EVENTS)]
        progress.callbacks = list(last)

        def sent(callback: Callback) -> None:
            progress.callbacks.remove(callback)
            progress.sequence += 1
            if not progress.callbacks:
                self.remove(progress.call_sid)
            self._changed(progress.call_sid)

        for sequence, callback in enumerate(last, progress.sequence):
            self._send(sequence, record, callback, at_ns, done=partial(sent, callback))
        if not last:
            self.remove(progress.call_sid)
        self._changed(progress.call_sid)

    def _send(
        self,
        sequence: int,
        record: CallRecord,
        callback: Callback,
        at_ns: int,
        done: Callable[[], None] | None = None,
    ) -> None:
        params = call_params(record)
        params += [
            ("Timestamp", rfc2822(self._account.dates, at_ns)),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", str(sequence)),
        ]
        if record.status in ("ringing", "in-progress") and record.direction != "inbound":
            params.append(("StirStatus", _ATTESTATION))
        if CALL.is_final(record.status):
            seconds = record.duration_seconds() or 0
            params.append(("CallDuration", str(seconds)))
            if record.status == "completed":
                params.append(("Duration", str(-(-seconds // 60))))
                params += self._recording_params(record.sid)
            params.append(("SipResponseCode", str(sip_response(record))))
        self._account.send_callback(callback, params, "call-status", record.sid, done=done)
