"""Streams of a call: starting one that goes to the app, stopping any.

The API description has no list of them and nothing to fetch. Values for the app come as
``Parameter1.Name`` and ``Parameter1.Value`` up to 99.
"""

from __future__ import annotations

from typing import Final, get_args

from mediasim.twilio.asks import StreamRequest, StreamTrack
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.lookup import call_of
from mediasim.twilio.rest.resource import Resource

__all__ = ["STREAMS"]

_MOST_PARAMETERS: Final = 99
_BAD_URL: Final = 21205


def _create(ask: Ask) -> Answer:
    call, form = call_of(ask), ask.form
    url = form.text("Url", longest=4000, code=_BAD_URL)
    if not url:
        raise bad_parameter("Url parameter is required.", _BAD_URL)
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
    record = ask.service.streams.start(call.sid, request)
    return Answer(record.to_twilio_json(ask.service.dates))  # 200, by the description


def _update(ask: Ask) -> Answer:
    call = call_of(ask)
    if ask.form.word("Status", ("stopped",)) is None:
        raise bad_parameter("Status parameter is required: stopped")
    record = ask.service.streams.stop(call.sid, ask.at["sid"])
    return Answer(record.to_twilio_json(ask.service.dates))


STREAMS: Final = (
    Resource("Accounts/{account}/Calls/{call}/Streams", "Stream", {"POST": _create}),
    Resource("Accounts/{account}/Calls/{call}/Streams/{sid}", "Stream", {"POST": _update}),
)
