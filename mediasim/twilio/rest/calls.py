"""Calls: placing them, finding them, giving them another document, ending and forgetting them.

A wrong StatusCallback or StatusCallbackEvent refuses no call: it is a warning among the call's
notifications (21609, 21626), and who was to be told is not. Answering machines are not detected.
What a call has below it is here too: its events and its streams.
"""

from __future__ import annotations

import re
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlsplit

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import CallEvent
from mediasim.exchange.records import CallRecord
from mediasim.twilio.account import Account
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.representations import call_json, rfc2822
from mediasim.twilio.requests import (
    Callback,
    CallRequest,
    CallUpdate,
    StreamRequest,
    StreamTrack,
    TwimlSource,
)
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import (
    CALL_EVENTS,
    LONGEST_CALL,
    RECORDING_OPTIONS,
    TWIML,
    Moments,
    Params,
    callback_names,
    date_names,
    recording_asked,
    script_asked,
)
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    MOST_KEPT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Store,
    Stored,
    call_of,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.streams.handshake import NAMES, StreamFailed, address_of
from mediasim.twilio.webhooks import Delivery
from mediasim.twilio.webhooks.delivery import Attempt

__all__ = ["CALLS", "EVENTS", "STREAMS"]

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


def _list(ask: ApiRequest) -> ApiResponse:
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
        ask.service.catalogue.calls(),
        keep=keep if any((to, from_, parent, status)) or not (started.any and ended.any) else None,
    )


def _address(text: str | None) -> str:
    """Numbers may be written with spaces, and their plus as one."""
    if text is None or re.match("(client|sips?):", text):
        return text or ""
    digits = re.sub(r"[\s().-]", "", text)
    return f"+{digits}" if re.fullmatch("[1-9][0-9]{7,14}", digits) else digits


def _create(ask: ApiRequest) -> ApiResponse:
    form = ask.form
    warnings: list[TwilioError] = []
    application = form.text("ApplicationSid") or None
    if application and all(each.sid != application for each in ask.service.applications.all()):
        raise bad_parameter(f"ApplicationSid {application[:40]} is not valid", _NO_APPLICATION)
    request = CallRequest(
        to=form.text("To", longest=_LONGEST_ADDRESS, code=_INVALID_TO) or "",
        from_=form.text("From", longest=_LONGEST_ADDRESS, code=_INVALID_FROM) or "",
        script=(None if application else script_asked(form)) or TwimlSource(),
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
    return ask.shown(record, 201)


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


def _fetch(ask: ApiRequest) -> ApiResponse:
    return ask.shown(call_of(ask))


def _update(ask: ApiRequest) -> ApiResponse:
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
    return ask.shown(record)


def _delete(ask: ApiRequest) -> ApiResponse:
    ask.service.delete_call(call_of(ask).sid)
    return ApiResponse(status=204)


def _store(service: Account) -> Store:
    calls = service.catalogue
    return Store(calls.calls, calls.add_call, calls.call, calls.remove_call)


_FILTERS: Final = (
    *(*PAGING, "To", "From", "ParentCallSid", "Status"),
    *(*date_names("StartTime"), *date_names("EndTime")),
)
CALLS: Final = Resource(
    name="Call",
    many="calls",
    prefix="CA",
    json=call_json,
    stored=Stored("call", CallRecord, _store, Owner.WORKER, event=CallEvent),
    callbacks=("call-status", "action", "partial-result"),
    paths={
        f"{ACCOUNT}/Calls": {
            "GET": Operation(_list, _FILTERS),
            "POST": Operation(
                _create,
                (
                    *("To", "From", *TWIML, "ApplicationSid", *callback_names("StatusCallback")),
                    *("Timeout", "TimeLimit", "SendDigits", "Record", *RECORDING_OPTIONS),
                ),
                places_call=True,
            ),
        },
        f"{ACCOUNT}/Calls/{{call}}": {
            "GET": Operation(_fetch),
            "POST": Operation(
                _update, ("Status", *TWIML, *callback_names("StatusCallback"), "TimeLimit")
            ),
            "DELETE": Operation(_delete),
        },
    },
)


# -- events ------------------------------------------------------------------------------------

_NS_PER_MS: Final = 1_000_000


def _list_events(ask: ApiRequest) -> ApiResponse:
    """Every request that was made to the app about a call and its recordings, oldest first.

    Twilio's list has the app's own requests to the API too; ours has not.
    """
    call = call_of(ask)
    sids = {call.sid} | {each.sid for each in ask.service.catalogue.recordings(call=call.sid)}
    attempts = [
        (f"{delivery.id}-{number}", delivery, attempt)
        for delivery in ask.service.webhooks.deliveries
        if delivery.sid in sids
        for number, attempt in enumerate(delivery.attempts)
    ]
    return listed(
        ask,
        attempts,
        lambda each: _event_json(each[1], each[2], ask.service.dates),
        sid=lambda each: each[0],
        newest_first=False,
    )


def _event_json(delivery: Delivery, attempt: Attempt, dates: Dates) -> dict[str, Any]:
    query = parse_qsl(urlsplit(attempt.url).query, keep_blank_values=True)
    parameters = dict(delivery.params) if attempt.method == "POST" else dict(query)
    answered = attempt.answered_ns
    return {
        "request": {"method": attempt.method, "url": attempt.url, "parameters": parameters},
        "response": {
            "response_code": attempt.status,
            "request_duration": None
            if answered is None
            else (answered - attempt.sent_ns) // _NS_PER_MS,
            "content_type": attempt.response_headers.get("content-type"),
            "response_body": attempt.response_body,
            "date_created": rfc2822(dates, attempt.sent_ns),
        },
    }


def _delivery_json(delivery: Delivery, dates: Dates) -> dict[str, Any]:
    return delivery.to_json()


EVENTS: Final = Resource(
    name="Event",
    many="events",
    json=_delivery_json,
    stored=Stored(
        "delivery",
        Delivery,
        lambda service: Store.of_list(service.webhooks.deliveries, "id"),
        Owner.WORKER,
        key="id",
        most=MOST_KEPT,
        tells=True,
    ),
    paths={f"{ACCOUNT}/Calls/{{call}}/Events": {"GET": Operation(_list_events, PAGING)}},
)
"""What is stored are deliveries, each with the attempts that the list shows."""


# -- streams -----------------------------------------------------------------------------------

_MOST_PARAMETERS: Final = 99
_BAD_URL: Final = 21205


def _create_stream(ask: ApiRequest) -> ApiResponse:
    """Values for the app come as ``Parameter1.Name`` and ``Parameter1.Value`` up to 99."""
    call, form = call_of(ask), ask.form
    url = form.text("Url", longest=4000, code=_BAD_URL)
    if not url:
        raise bad_parameter("Url parameter is required.", _BAD_URL)
    try:
        address_of(url)
    except StreamFailed as failed:
        raise bad_parameter(f"{NAMES[failed.code]}: {failed}", failed.code) from None
    parameters = {}
    for number in range(1, _MOST_PARAMETERS + 1):
        name = form.text(f"Parameter{number}.Name")
        if name:
            parameters[name] = form.text(f"Parameter{number}.Value") or ""
    request = StreamRequest(
        url=url,
        name=form.text("Name") or None,
        track=form.word("Track", get_args(StreamTrack)) or "inbound_track",
        callback=form.callback("StatusCallback", ()),
        parameters=parameters,
    )
    return ask.shown(ask.service.streams.start(call.sid, request))  # 200, by the description


def _update_stream(ask: ApiRequest) -> ApiResponse:
    call = call_of(ask)
    if ask.form.word("Status", ("stopped",)) is None:
        raise bad_parameter("Status parameter is required: stopped")
    return ask.shown(ask.service.streams.stop(call.sid, ask.at["sid"]))


_VALUES: Final = tuple(
    f"Parameter{number}.{part}"
    for number in range(1, _MOST_PARAMETERS + 1)
    for part in ("Name", "Value")
)
STREAMS: Final = Resource(
    name="Stream",
    many="streams",
    prefix="MZ",
    paths={
        f"{ACCOUNT}/Calls/{{call}}/Streams": {
            "POST": Operation(
                _create_stream,
                ("Url", "Name", "Track", *callback_names("StatusCallback"), *_VALUES),
            )
        },
        f"{ACCOUNT}/Calls/{{call}}/Streams/{{sid}}": {
            "POST": Operation(_update_stream, ("Status",))
        },
    },
)
"""The API description has no list of them and nothing to fetch."""
