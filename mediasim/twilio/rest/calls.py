"""Calls: placing them, finding them, giving them another document, ending and forgetting them.

A wrong StatusCallback or StatusCallbackEvent refuses no call: it is a warning among the call's
notifications (21609, 21626), and who was to be told is not. Answering machines are not detected.
"""

from __future__ import annotations

import re
from typing import Final

from mediasim.exchange.records import CallRecord
from mediasim.twilio.asks import Callback, CallRequest, CallUpdate, Script
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.representations import call_json
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.asked import CALL_EVENTS, LONGEST_CALL, recording_asked, script_asked
from mediasim.twilio.rest.lookup import call_of
from mediasim.twilio.rest.moments import Moments
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.params import Params
from mediasim.twilio.rest.resource import Resource

__all__ = ["CALLS"]

_STATUSES: Final = (
    "queued",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "failed",
    "no-answer",
    "canceled",
)
_LONGEST_ADDRESS: Final = 512
_INVALID_TO: Final = 21211
_INVALID_FROM: Final = 21212
_BAD_DIGITS: Final = 21206
_BAD_TIMEOUT: Final = 21208
_BAD_METHOD: Final = 21209
_NO_APPLICATION: Final = 21218
_BAD_CALLBACK: Final = 21609
_BAD_EVENT: Final = 21626


def _list(ask: Ask) -> Answer:
    query, dates = ask.query, ask.service.dates
    to, from_ = _address(query.text("To")), _address(query.text("From"))
    parent = query.text("ParentCallSid")
    status = query.word("Status", _STATUSES)
    started, ended = Moments(query, "StartTime", dates), Moments(query, "EndTime", dates)

    def keep(record: CallRecord) -> bool:
        shown = "queued" if record.status == "initiated" else record.status
        return (
            status in (None, shown)
            and to in ("", record.to)
            and from_ in ("", record.from_)
            and parent in (None, "", record.parent_call_sid)
            and started.holds(record.answered_ns)
            and ended.holds(record.ended_ns if record.status == "completed" else None)
        )

    return listed(
        ask,
        "calls",
        ask.service.catalogue.calls(),
        lambda record: call_json(record, dates),
        sid=lambda record: record.sid,
        keep=keep if any((to, from_, parent, status)) or not (started.any and ended.any) else None,
    )


def _address(text: str | None) -> str:
    """Numbers may be written with spaces, and their plus as one."""
    if text is None or re.match("(client|sips?):", text):
        return text or ""
    digits = re.sub(r"[\s().-]", "", text)
    return f"+{digits}" if re.fullmatch("[1-9][0-9]{7,14}", digits) else digits


def _create(ask: Ask) -> Answer:
    form = ask.form
    warnings: list[TwilioError] = []
    application = form.text("ApplicationSid") or None
    if application and all(each.sid != application for each in ask.service.applications.all()):
        raise bad_parameter(f"ApplicationSid {application[:40]} is not valid", _NO_APPLICATION)
    request = CallRequest(
        to=form.text("To", longest=_LONGEST_ADDRESS, code=_INVALID_TO) or "",
        from_=form.text("From", longest=_LONGEST_ADDRESS, code=_INVALID_FROM) or "",
        script=(None if application else script_asked(form)) or Script(),
        application_sid=application,
        status_callback=None if application else _status_callback(form, warnings),
        timeout_seconds=form.number("Timeout", 1, 600, code=_BAD_TIMEOUT) or 60,
        time_limit_seconds=form.number("TimeLimit", 1, LONGEST_CALL),
        send_digits=_digits(form),
        recording=recording_asked(form, "trim-silence") if form.flag("Record") else None,
    )
    record = ask.service.create_call(request)
    for warning in warnings:
        ask.service.notify(record.sid, warning.code, warning.message, warning=True)
    return Answer(call_json(record, ask.service.dates), 201)


def _status_callback(form: Params, warnings: list[TwilioError]) -> Callback | None:
    method = form.method("StatusCallbackMethod", code=_BAD_METHOD)
    try:
        url = form.url("StatusCallback", code=_BAD_CALLBACK)
    except TwilioError as error:
        warnings.append(error)
        return None
    try:
        events = form.words("StatusCallbackEvent", CALL_EVENTS, code=_BAD_EVENT)
    except TwilioError as error:
        warnings.append(error)
        events = ()
    return Callback(url, method, events) if url else None


def _digits(form: Params) -> str:
    digits = form.text("SendDigits") or ""
    if re.fullmatch(r"[0-9A-Da-d#*wW]{0,32}", digits) is None:
        raise bad_parameter(
            "Invalid SendDigits: expected at most 32 of 0-9, A-D, #, *, w and W", _BAD_DIGITS
        )
    return digits


def _fetch(ask: Ask) -> Answer:
    return Answer(call_json(call_of(ask), ask.service.dates))


def _update(ask: Ask) -> Answer:
    form = ask.form
    record = call_of(ask)
    warnings: list[TwilioError] = []
    update = CallUpdate(
        status=form.word("Status", ("canceled", "completed")),
        script=script_asked(form),
        status_callback=_status_callback(form, warnings),
        time_limit_seconds=form.number("TimeLimit", 1, LONGEST_CALL),
    )
    record = ask.service.update_call(record.sid, update)
    for warning in warnings:
        ask.service.notify(record.sid, warning.code, warning.message, warning=True)
    return Answer(call_json(record, ask.service.dates))


def _delete(ask: Ask) -> Answer:
    ask.service.delete_call(call_of(ask).sid)
    return Answer(status=204)


CALLS: Final = (
    Resource("Accounts/{account}/Calls", "Call", {"GET": _list, "POST": _create}),
    Resource(
        "Accounts/{account}/Calls/{call}",
        "Call",
        {"GET": _fetch, "POST": _update, "DELETE": _delete},
    ),
)
