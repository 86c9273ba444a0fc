"""Recordings of the account, of a call or of a conference: starting, pausing, deleting them.

A deleted recording's metadata is shown for 40 days with IncludeSoftDeleted. Below a call or a
conference a recording's JSON differs from the account's in a few fields (API description).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from mediasim.exchange.events import RecordingEvent
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.recovery import settle_interrupted
from mediasim.twilio.account import Account
from mediasim.twilio.representations import recording_json
from mediasim.twilio.rest.date_filter import DateFilter, date_names
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import RECORDING_OPTIONS, recording_request
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
    conference_of,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["MEDIA", "RECORDINGS"]

_CURRENT: Final = "Twilio.CURRENT"
_STATUSES: Final = ("in-progress", "paused", "stopped")


# -- operations ---------------------------------------------------------------------------------


def _list(request: ApiRequest) -> ApiResponse:
    """List the recordings of the account, or of the call or conference in the path."""
    catalogue, query, with_deleted = request.account.catalogue, request.query, False
    if "call" in request.at:
        records = catalogue.recordings(call=call_of(request).sid)
    elif "conference" in request.at:
        records = catalogue.recordings(conference=conference_of(request).sid)
    else:
        call, conference = query.sid("CallSid", "CA"), query.sid("ConferenceSid", "CF")
        records = catalogue.recordings(call=call, conference=conference)
        with_deleted = query.flag("IncludeSoftDeleted") or False
    created = DateFilter(query, "DateCreated", request.account.dates)
    return listed(
        request,
        records,
        partial(_json, request),
        keep=lambda record: (
            created.matches(record.created_ns) and (with_deleted or record.status != "deleted")
        ),
    )


def _create_of_call(request: ApiRequest) -> ApiResponse:
    call, options = call_of(request), recording_request(request.form, "do-not-trim")
    check_configuration(request, options)
    return ApiResponse(_json(request, request.account.start_recording(call.sid, options)), 201)


def _fetch(request: ApiRequest) -> ApiResponse:
    with_deleted = request.query.flag("IncludeSoftDeleted") or False
    return ApiResponse(_json(request, _recording_of(request, with_deleted=with_deleted)))


def _fetch_below(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_json(request, _recording_of(request)))


def _update_below(request: ApiRequest) -> ApiResponse:
    status = request.form.word("Status", _STATUSES) or ""
    behavior = request.form.word("PauseBehavior", ("skip", "silence"))
    if status != "paused":
        request.form.in_vain("PauseBehavior")
    if request.at["sid"] != _CURRENT:
        sid = _recording_of(request).sid
    elif "call" in request.at:
        sid = request.account.recordings.current(call_of(request).sid).sid
    else:
        sid = request.account.conferences.current_recording(conference_of(request).sid).sid
    return ApiResponse(_json(request, request.account.recordings.update(sid, status, behavior)))


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.recordings.delete(_recording_of(request).sid)
    return ApiResponse(status=204)


def _json(request: ApiRequest, record: RecordingRecord) -> dict[str, Any]:
    """Return a recording's JSON, as below the account or below its call or conference."""
    dates = request.account.dates
    if "call" in request.at:
        owner = f"Calls/{record.call_sid}"
    elif "conference" in request.at:
        owner = f"Conferences/{record.conference_sid}"
    else:
        return recording_json(record, dates, request.account.base_url)
    found = recording_json(record, dates)
    del found["subresource_uris"], found["media_url"]
    if "call" in request.at:
        found["track"] = record.layout.requested_track
    found["uri"] = f"{request.account_path}/{owner}/Recordings/{record.sid}.json"
    return found


# -- finding them -------------------------------------------------------------------------------


def _recording_of(request: ApiRequest, *, with_deleted: bool = False) -> RecordingRecord:
    """Return the recording of the path, which is of the call or conference in it, if any.

    Raises TwilioError (404, 20404) if there is none.
    """
    try:
        record = request.account.catalogue.recording(request.at["sid"])
    except LookupError:
        raise request.missing() from None
    of_call = request.at.get("call", record.call_sid) == record.call_sid
    of_conference = request.at.get("conference", record.conference_sid) == record.conference_sid
    hidden = record.status == "deleted" and not with_deleted
    if hidden or not (of_call and of_conference):
        raise request.missing()
    return record


# -- the row ------------------------------------------------------------------------------------


def _store(account: Account) -> Store:
    recordings = account.catalogue
    return Store(
        recordings.recordings,
        recordings.add_recording,
        recordings.recording,
        recordings.remove_recording,
    )


def _end(record: RecordingRecord, died_ns: int, media: MediaStore) -> None:
    # Its spool is lost: whether the store has its media decides how it ends.
    settle_interrupted(media, record, died_ns)


MEDIA: Final = f"{ACCOUNT}/Recordings/{{sid}}"
"""The path of a recording; without a suffix, or with one of audio, it is the media's."""
_FILTERS: Final = (
    *(*PAGING, "CallSid", "ConferenceSid", "IncludeSoftDeleted"),
    *date_names("DateCreated"),
)
_OF_OTHERS: Final = (*PAGING, *date_names("DateCreated"))
_ONE: Final = {
    "GET": Operation(_fetch_below),
    "POST": Operation(_update_below, ("Status", "PauseBehavior")),
    "DELETE": Operation(_delete),
}
RECORDINGS: Final = Resource(
    name="Recording",
    many="recordings",
    prefix="RE",
    json=recording_json,
    stored=Stored(
        "recording", RecordingRecord, _store, Owner.WORKER, event=RecordingEvent, end=_end
    ),
    callbacks=("recording-status",),
    paths={
        f"{ACCOUNT}/Recordings": {"GET": Operation(_list, _FILTERS)},
        MEDIA: {
            "GET": Operation(_fetch, ("IncludeSoftDeleted",)),
            "DELETE": Operation(_delete),
        },
        f"{ACCOUNT}/Calls/{{call}}/Recordings": {
            "GET": Operation(_list, _OF_OTHERS),
            "POST": Operation(_create_of_call, RECORDING_OPTIONS),
        },
        f"{ACCOUNT}/Calls/{{call}}/Recordings/{{sid}}": _ONE,
        f"{ACCOUNT}/Conferences/{{conference}}/Recordings": {"GET": Operation(_list, _OF_OTHERS)},
        f"{ACCOUNT}/Conferences/{{conference}}/Recordings/{{sid}}": _ONE,
    },
)
