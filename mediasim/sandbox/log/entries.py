"""Entries of the log: what each piece of news says of itself, as JSON has it.

An entry has ``time`` (of the sandbox, UTC), ``level`` (info, warning, error), ``event``, ``call``
(a SID or null), fields of its own, and ``message``: all of it in words. ``event`` is ``call``,
``request`` (to the app), ``recording``, ``stream``, ``notification`` (Twilio's errors and
warnings), ``proxy`` (a host that was refused) or ``sandbox`` (the process itself). All functions
run on the engine's loop.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.exchange.dates import Dates
from mediasim.exchange.events import CallEvent, RecordingEvent, StreamEvent
from mediasim.exchange.records import Catalogue, UnknownSid
from mediasim.exchange.states import CALL
from mediasim.sandbox.news import News
from mediasim.twilio.account import Account
from mediasim.twilio.notifications import NotificationRecord
from mediasim.twilio.webhooks import Delivery
from mediasim.twilio.webhooks.delivery import Attempt

__all__ = ["Entry", "entries_of", "entry"]

Entry = dict[str, Any]
_ENDS_IN_TROUBLE: Final = ("failed",)


def entry(
    dates: Dates,
    at_ns: int,
    event: str,
    message: str,
    *,
    level: str = "info",
    call: str | None = None,
    **fields: Any,
) -> Entry:
    """Return an entry of a loop time in nanoseconds; fields that are None are left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    time = dates.at(at_ns).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return {"time": time, "level": level, "event": event, "call": call, **known, "message": message}


def entries_of(news: News, service: Account) -> list[Entry]:
    """Return the entries of one piece of news; empty for what the log leaves out."""
    if isinstance(news, Delivery):
        return _of_delivery(news, service.dates)
    if isinstance(news, NotificationRecord):
        return [_of_notification(news, service.dates)]
    try:
        if isinstance(news, CallEvent):
            return _of_call(news, service.catalogue, service.dates)
        if isinstance(news, RecordingEvent):
            return _of_recording(news, service.catalogue, service.dates)
    except UnknownSid:
        return []  # deleted meanwhile
    if news.kind.startswith("proxy."):
        return [entry(service.dates, news.at_ns, "proxy", news.text, level="warning")]
    kind, _, word = news.kind.partition(".")
    if isinstance(news, StreamEvent) and word != "error":  # a notification says that
        fields = {kind: news.stream_sid, "status": word}
        return [entry(service.dates, news.at_ns, kind, news.text, call=news.call_sid, **fields)]
    return []


def _of_call(event: CallEvent, catalogue: Catalogue, dates: Dates) -> list[Entry]:
    """Return the entry of a call's begin, answer or end."""
    record, word = catalogue.call(event.call_sid), event.kind.removeprefix("call.")
    dialled = record.direction.startswith("outbound") or record.parent_call_sid is not None
    begins = word == ("queued" if dialled else "ringing")
    if begins:
        message = f"call from {record.from_} to {record.to} begins, {record.direction}"
    elif word == "answered":
        message = "answered"
    elif word == record.status and CALL.is_final(word):
        seconds = record.duration_seconds()
        message = word if seconds is None else f"{word} after {seconds} s"
    else:
        return []
    status = "in-progress" if word == "answered" else word
    found = entry(
        dates,
        event.at_ns,
        "call",
        message,
        level="warning" if word in _ENDS_IN_TROUBLE else "info",
        call=record.sid,
        status=status,
        parent=record.parent_call_sid,
        duration=record.duration_seconds(),
        **{"from": record.from_},
        to=record.to,
        direction=record.direction,
    )
    return [found]


def _of_recording(event: RecordingEvent, catalogue: Catalogue, dates: Dates) -> list[Entry]:
    """Return the entry of a recording's begin, pause or end."""
    word = event.kind.removeprefix("recording.")
    if word == "stopped":  # what has stopped is completed, or absent, in a moment
        return []
    record = catalogue.recording(event.recording_sid)
    channels, samples = record.layout.stored_channels, record.samples
    seconds = None if samples is None else round(samples / SAMPLE_RATE, 3)
    message = f"recording {record.sid} {word}"
    if word == "started":
        message += f", {record.source}"
    elif word == "completed" and seconds is not None:
        message += f": {seconds:.1f} s, {channels} channel{'s' if channels > 1 else ''}"
    found = entry(
        dates,
        event.at_ns,
        "recording",
        message,
        level="warning" if word == "absent" else "info",
        call=record.call_sid,
        recording=record.sid,
        conference=record.conference_sid,
        status=word,
        source=record.source,
        channels=channels,
        seconds=seconds,
    )
    return [found]


def _of_notification(note: NotificationRecord, dates: Dates) -> Entry:
    """Return the entry of a warning or an error for the developer."""
    level, words = "warning" if note.log == "1" else "error", note.message_text
    asked = note.request_url
    where = f" ({asked})" if asked and asked not in words else ""
    return entry(
        dates,
        note.created_ns,
        "notification",
        f"{level} {note.error_code}: {words}{where}",
        level=level,
        call=note.call_sid,
        code=note.error_code,
        url=asked or None,
        notification=note.sid,
    )


# -- requests ------------------------------------------------------------------------------------


def _of_delivery(delivery: Delivery, dates: Dates) -> list[Entry]:
    """Return the entries of a request to the app: one for each attempt to send it."""
    call = delivery.form.get("CallSid") or (delivery.sid if delivery.sid[:2] == "CA" else None)
    fields: dict[str, Any] = {"kind": delivery.kind, "delivery": delivery.id, "about": delivery.sid}
    injected = "; ".join(delivery.injected)
    if not delivery.attempts:  # faults injected elsewhere, or a callback that was never sent
        why = delivery.error or injected
        message = f"{delivery.kind} {delivery.method} {delivery.url}: {why}"
        at_ns = delivery.queued_ns
        return [
            entry(dates, at_ns, "request", message, level="warning", call=call, url=delivery.url,
                  method=delivery.method, code=delivery.error_code, error=delivery.error,
                  injected=injected or None, **fields)
        ]  # fmt: skip
    found = []
    for attempt in delivery.attempts:
        last = attempt is delivery.attempts[-1]
        error = delivery.error if last else attempt.error
        code = delivery.error_code if last else None
        faults = "; ".join(filter(None, (injected, attempt.injected)))
        url = _shown_url(attempt)
        message = f"{attempt.method} {url} → {_outcome(attempt, error)}"
        if code is not None:
            message += f", error {code}"
        if faults:
            message += f" (injected: {faults})"
        at_ns = attempt.sent_ns if attempt.answered_ns is None else attempt.answered_ns
        found.append(
            entry(dates, at_ns, "request", message, level="info" if error is None else "error",
                  call=call, method=attempt.method, url=url, status=attempt.status,
                  ms=attempt.took_ms, code=code, error=error, injected=faults or None, **fields)
        )  # fmt: skip
    return found


def _outcome(attempt: Attempt, error: str | None) -> str:
    """Return what came of an attempt: its status, or why there is none, and how long it took."""
    took = "" if attempt.took_ms is None else f" in {attempt.took_ms} ms"
    if attempt.status is not None:
        return f"{attempt.status}{took}"
    return f"no answer{took}: {attempt.error or error or 'given up'}"


def _shown_url(attempt: Attempt) -> str:
    """Return an attempt's URL; of a GET without the parameters, which are in its query."""
    if attempt.method != "GET":
        return attempt.url
    return urlunsplit(urlsplit(attempt.url)._replace(query=""))
