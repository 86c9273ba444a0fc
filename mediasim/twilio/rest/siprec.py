"""SIPREC sessions of calls: starting and stopping them. They can be neither listed nor fetched."""

from __future__ import annotations

from typing import Final, get_args

from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.requests import SiprecRequest, StreamTrack
from mediasim.twilio.rest.params import NUMBERED, numbered_values
from mediasim.twilio.rest.resource import ACCOUNT, ApiRequest, Operation, Resource, call_of
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["SIPREC"]


def _create(request: ApiRequest) -> ApiResponse:
    """Start a session; custom parameters are ``Parameter1.Name``, ``Parameter1.Value`` up to 99."""
    call, form = call_of(request), request.form
    asked = SiprecRequest(
        connector=form.text("ConnectorName") or "",
        name=form.text("Name") or None,
        track=form.word("Track", get_args(StreamTrack)) or "both_tracks",
        callback=form.callback("StatusCallback", ()),
        parameters=numbered_values(form),
    )
    record = request.account.siprecs.start(call.sid, asked)
    return request.show(record)  # 200, by the description


def _update(request: ApiRequest) -> ApiResponse:
    call = call_of(request)
    if request.form.word("Status", ("stopped",)) is None:
        raise bad_parameter("Status parameter is required: stopped")
    return request.show(request.account.siprecs.stop(call.sid, request.at["sid"]))


SIPREC: Final = Resource(
    name="Siprec",
    many="siprec",
    prefix="SR",
    callbacks=("siprec-status",),
    paths={
        f"{ACCOUNT}/Calls/{{call}}/Siprec": {
            "POST": Operation(
                _create,
                (
                    *("ConnectorName", "Name", "Track", "StatusCallback", "StatusCallbackMethod"),
                    *NUMBERED,
                ),
            )
        },
        f"{ACCOUNT}/Calls/{{call}}/Siprec/{{sid}}": {"POST": Operation(_update, ("Status",))},
    },
)
"""SIPREC sessions of a call."""
