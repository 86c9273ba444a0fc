"""Calls: placing, finding, redirecting, ending and deleting them; their streams.

A wrong StatusCallback or StatusCallbackEvent does not refuse a call: it is a warning among the
call's notifications (21609, 21626), and no callbacks are sent.
"""

from __future__ import annotations

import re
from typing import Final, get_args

from mediasim.exchange.events import CallEvent
from mediasim.exchange.records import CallRecord
from mediasim.twilio.account import Account
from mediasim.twilio.addresses import sought
from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.representations import call_json
from mediasim.twilio.requests import (
    CALL_EVENTS,
    STREAM_EVENTS,
    Callback,
    CallRequest,
    CallUpdate,
    StreamRequest,
    StreamTrack,
    TwimlSource,
)
from mediasim.twilio.rest.call_params import (
    DETECTION_OPTIONS,
    NOTED_OF_CALLS,
    SIP_USER,
    machine_detection,
    sip_user,
)
from mediasim.twilio.rest.date_filter import DateFilter, date_names
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import (
    LONGEST_CALL,
    NUMBERED,
    RECORDING_OPTIONS,
    TWIML,
    Params,
    callback_names,
    numbered_values,
    recording_request,
    to_and_from,
    twiml_source,
)
from mediasim.twilio.rest.recording_options import check_configuration
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Store,
    Stored,
    call_of,
)
from mediasim.twilio.rest.responses import ApiResponse
from mediasim.twilio.status import CALL_PROGRESS, CallProgress
from mediasim.twilio.streams.handshake import NAMES, StreamFailed, address_of

__all__ = ["CALLS", "STREAMS", "call_request"]

_STATUSES: Final = (
    *("queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"),
)
_BAD_DIGITS: Final = 21206
_BAD_TIMEOUT: Final = 21208
_BAD_METHOD: Final = 21209
_NO_APPLICATION: Final = 21218
_NO_DETECTION_CALLBACK: Final = 21262
_BAD_CALLBACK: Final = 21609
_BAD_EVENT: Final = 21626
_LONGEST_EVENTS: Final = 80


def _list(request: ApiRequest) -> ApiResponse:
    query, dates = request.query, request.account.dates
    to, from_ = sought(query.text("To")), sought(query.text("From"))
    parent = query.text("ParentCallSid")
    status = query.word("Status", _STATUSES)
    started, ended = DateFilter(query, "StartTime", dates), DateFilter(query, "EndTime", dates)

    def keep(record: CallRecord) -> bool:
        shown = "queued" if record.status == "initiated" else record.status
        return (
            status in (None, shown)
            and to in ("", record.to)
            and from_ in ("", record.from_)
            and parent in (None, "", record.parent_call_sid)
            and started.matches(record.started_ns)
            and ended.matches(record.ended_ns if record.status == "completed" else None)
        )

    return listed(
        request,
        request.account.catalogue.call_resources(),
        keep=keep if any((to, from_, parent, status)) or not (started.any and ended.any) else None,
    )


def _create(request: ApiRequest) -> ApiResponse:
    call, warnings = call_request(request)
    record = request.account.create_call(call)
    for warning in warnings:
        request.account.notify(record.sid, warning.code, warning.message, warning=True)
    return request.show(record, 201)


def call_request(request: ApiRequest) -> tuple[CallRequest, list[TwilioError]]:
    """Return the call that a form asks for, and warnings about it.

    Raises TwilioError if a parameter is wrong.
    """
    form = request.form
    warnings: list[TwilioError] = []
    application = request.application("ApplicationSid", _NO_APPLICATION) or None
    to, from_ = to_and_from(form)
    asynchronous = form.flag("AsyncAmd") or False
    if asynchronous and not form.text("AsyncAmdStatusCallback"):
        words = "No AMD status callback URL provided: the verdict is sent nowhere"
        warnings.append(bad_parameter(words, _NO_DETECTION_CALLBACK))
    call = CallRequest(
        to=to,
        from_=from_,
        source=(None if application else twiml_source(form)) or TwimlSource(),
        application_sid=application,
        status_callback=None if application else _status_callback(form, warnings),
        timeout_seconds=form.number("Timeout", 1, 600, code=_BAD_TIMEOUT) or 60,
        time_limit_seconds=form.number("TimeLimit", 1, LONGEST_CALL),
        send_digits=_digits(form),
        sip_user=sip_user(form),
        recording=recording_request(form, "trim-silence") if form.flag("Record") else None,
        machine_detection=machine_detection(
            form, callback="AsyncAmdStatusCallback", asynchronous="AsyncAmd"
        ),
    )
    check_configuration(request, call.recording)
    return call, warnings


def _status_callback(form: Params, warnings: list[TwilioError]) -> Callback | None:
    method = form.method("StatusCallbackMethod", code=_BAD_METHOD)
    try:
        url = form.url("StatusCallback", code=_BAD_CALLBACK)
    except TwilioError as error:
        warnings.append(error)
        return None
    events, unknown = form.known_words("StatusCallbackEvent", CALL_EVENTS)
    if unknown:
        words = f"Invalid StatusCallbackEvent {', '.join(unknown)[:_LONGEST_EVENTS]}: expected"
        warnings.append(bad_parameter(f"{words} {' or '.join(CALL_EVENTS)}", _BAD_EVENT))
    if url:
        return Callback(url, method, events)
    form.in_vain("StatusCallbackMethod", "StatusCallbackEvent")
    return None


def _digits(form: Params) -> str:
    digits = form.text("SendDigits") or ""
    if re.fullmatch(r"[0-9A-Da-d#*wW]{0,32}", digits) is None:
        raise bad_parameter(
            "Invalid SendDigits: expected at most 32 of 0-9, A-D, #, *, w and W", _BAD_DIGITS
        )
    return digits


def _fetch(request: ApiRequest) -> ApiResponse:
    return request.show(call_of(request))


def _update(request: ApiRequest) -> ApiResponse:
    form = request.form
    record = call_of(request)
    warnings: list[TwilioError] = []
    update = CallUpdate(
        status=form.word("Status", ("canceled", "completed")),
        source=twiml_source(form),
        status_callback=_status_callback(form, warnings),
        time_limit_seconds=form.number("TimeLimit", 1, LONGEST_CALL),
    )
    record = request.account.update_call(record.sid, update)
    for warning in warnings:
        request.account.notify(record.sid, warning.code, warning.message, warning=True)
    return request.show(record)


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.delete_call(call_of(request).sid)
    return ApiResponse(status=204)


def _store(account: Account) -> Store:
    calls = account.catalogue
    return Store(calls.calls, calls.add_call, calls.call, calls.remove_call)


def _progress(account: Account) -> Store:
    statuses = account.statuses
    return Store(statuses.all, statuses.add, statuses.find, statuses.remove)


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
    beside=(
        Stored(CALL_PROGRESS, CallProgress, _progress, Owner.WORKER, key="call_sid", tells=True),
    ),
    callbacks=("call-status", "action", "partial-result"),
    paths={
        f"{ACCOUNT}/Calls": {
            "GET": Operation(_list, _FILTERS),
            "POST": Operation(
                _create,
                (
                    *("To", "From", *TWIML, "ApplicationSid", *callback_names("StatusCallback")),
                    *(
                        "Timeout",
                        "TimeLimit",
                        "SendDigits",
                        *SIP_USER,
                        "Record",
                        *RECORDING_OPTIONS,
                    ),
                    *(*DETECTION_OPTIONS, "AsyncAmd"),
                    *("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod"),
                ),
                NOTED_OF_CALLS,
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


# -- streams -----------------------------------------------------------------------------------

_BAD_URL: Final = 21205


def _create_stream(request: ApiRequest) -> ApiResponse:
    """Start a stream; custom parameters are ``Parameter1.Name``, ``Parameter1.Value`` up to 99."""
    call, form = call_of(request), request.form
    url = form.text("Url", longest=4000, code=_BAD_URL)
    if not url:
        raise bad_parameter("Url parameter is required.", _BAD_URL)
    try:
        address_of(url)
    except StreamFailed as failed:
        raise bad_parameter(f"{NAMES[failed.code]}: {failed}", failed.code) from None
    stream = StreamRequest(
        url=url,
        name=form.text("Name") or None,
        track=form.word("Track", get_args(StreamTrack)) or "inbound_track",
        callback=form.callback("StatusCallback", STREAM_EVENTS),
        parameters=numbered_values(form),
    )
    return request.show(request.account.streams.start(call.sid, stream))  # 200, by the description


def _update_stream(request: ApiRequest) -> ApiResponse:
    call = call_of(request)
    if request.form.word("Status", ("stopped",)) is None:
        raise bad_parameter("Status parameter is required: stopped")
    return request.show(request.account.streams.stop(call.sid, request.at["sid"]))


STREAMS: Final = Resource(
    name="Stream",
    many="streams",
    prefix="MZ",
    paths={
        f"{ACCOUNT}/Calls/{{call}}/Streams": {
            "POST": Operation(
                _create_stream,
                ("Url", "Name", "Track", *callback_names("StatusCallback"), *NUMBERED),
            )
        },
        f"{ACCOUNT}/Calls/{{call}}/Streams/{{sid}}": {
            "POST": Operation(_update_stream, ("Status",))
        },
    },
)
"""Streams of a call. The API description can neither list nor fetch them."""
