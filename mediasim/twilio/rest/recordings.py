"""Recordings of the account, of a call or of a conference: starting, pausing, deleting them.

A deleted recording's metadata is shown for 40 days with IncludeSoftDeleted. Below a call or a
conference a recording's JSON differs from the account's in a few fields (API description).
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.events import RecordingEvent
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.recovery import settle_left
from mediasim.twilio.account import Account
from mediasim.twilio.representations import recording_json
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import RECORDING_OPTIONS, DateFilter, date_names, recording_request
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
_KEPT_NS: Final = 40 * 86_400 * NS_PER_SECOND
"""Nanoseconds that a deleted recording's metadata stays: 40 days (API description)."""


# -- of the account -----------------------------------------------------------------------------


def _list(request: ApiRequest) -> ApiResponse:
    query = request.query
    call, conference = query.sid("CallSid", "CA"), query.sid("ConferenceSid", "CF")
    with_deleted = query.flag("IncludeSoftDeleted") or False
    created = DateFilter(query, "DateCreated", request.account.dates)
    return listed(
        request,
        request.account.catalogue.recordings(call=call, conference=conference),
        lambda record: _of_account(request, record),
        keep=lambda record: (
            created.matches(record.created_ns)
            and not _has_gone(request, record, with_deleted=with_deleted)
        ),
    )


def _fetch(request: ApiRequest) -> ApiResponse:
    with_deleted = request.query.flag("IncludeSoftDeleted") or False
    return ApiResponse(_of_account(request, _recording_of(request, with_deleted=with_deleted)))


def _delete(request: ApiRequest) -> ApiResponse:
    request.account.delete_recording(_recording_of(request).sid)
    return ApiResponse(status=204)


def _of_account(request: ApiRequest, record: RecordingRecord) -> dict[str, Any]:
    return recording_json(record, request.account.dates, request.account.base_url)


# -- of a call or a conference ------------------------------------------------------------------


def _list_of_call(request: ApiRequest) -> ApiResponse:
    record = call_of(request)
    return _listed(request, request.account.catalogue.recordings(call=record.sid))


def _list_of_conference(request: ApiRequest) -> ApiResponse:
    record = conference_of(request)
    return _listed(request, request.account.catalogue.recordings(conference=record.sid))


def _listed(request: ApiRequest, records: list[RecordingRecord]) -> ApiResponse:
    created = DateFilter(request.query, "DateCreated", request.account.dates)
    return listed(
        request,
        records,
        lambda record: _of_other(request, record),
        keep=lambda record: (
            created.matches(record.created_ns)
            and not _has_gone(request, record, with_deleted=False)
        ),
    )


def _create_of_call(request: ApiRequest) -> ApiResponse:
    call = call_of(request)
    record = request.account.start_recording(
        call.sid, recording_request(request.form, "do-not-trim")
    )
    return ApiResponse(_of_other(request, record), 201)


def _fetch_of_other(request: ApiRequest) -> ApiResponse:
    return ApiResponse(_of_other(request, _recording_of(request)))


def _update_of_other(request: ApiRequest) -> ApiResponse:
    status = request.form.word("Status", _STATUSES) or ""
    behavior = request.form.word("PauseBehavior", ("skip", "silence"))
    if request.at["sid"] != _CURRENT:
        sid = _recording_of(request).sid
    elif "call" in request.at:
        sid = request.account.current_recording(call_of(request).sid).sid
    else:
        sid = request.account.conferences.current_recording(conference_of(request).sid).sid
    return ApiResponse(_of_other(request, request.account.update_recording(sid, status, behavior)))


def _of_other(request: ApiRequest, record: RecordingRecord) -> dict[str, Any]:
    """Return a recording as below its call or its conference."""
    shown = recording_json(record, request.account.dates)
    del shown["subresource_uris"], shown["media_url"]
    if "call" in request.at:
        shown["track"] = record.layout.asked_track
        owner = f"Calls/{record.call_sid}"
    else:
        owner = f"Conferences/{record.conference_sid}"
    shown["uri"] = f"{request.account_path}/{owner}/Recordings/{record.sid}.json"
    return shown


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
    if not (of_call and of_conference) or _has_gone(request, record, with_deleted=with_deleted):
        raise request.missing()
    return record


def _has_gone(request: ApiRequest, record: RecordingRecord, *, with_deleted: bool) -> bool:
    """Tell whether a recording is deleted and hidden."""
    if record.status != "deleted":
        return False
    return not with_deleted or request.account.now_ns - record.updated_ns > _KEPT_NS


# -- the row ------------------------------------------------------------------------------------


def _store(account: Account) -> Store:
    recordings = account.catalogue
    return Store(recordings.recordings, recordings.add_recording, recordings.recording)


def _end(record: RecordingRecord, died_ns: int, media: MediaStore) -> None:
    # Nothing of it was found in a spool: what is in the store decides.
    settle_left(media, record, died_ns)


MEDIA: Final = f"{ACCOUNT}/Recordings/{{sid}}"
"""The path of a recording; without a suffix, or with one of audio, it is the media's."""
_FILTERS: Final = (
    *(*PAGING, "CallSid", "ConferenceSid", "IncludeSoftDeleted"),
    *date_names("DateCreated"),
)
_OF_OTHERS: Final = (*PAGING, *date_names("DateCreated"))
_ONE: Final = {
    "GET": Operation(_fetch_of_other),
    "POST": Operation(_update_of_other, ("Status", "PauseBehavior")),
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
            "GET": Operation(_list_of_call, _OF_OTHERS),
            "POST": Operation(_create_of_call, RECORDING_OPTIONS),
        },
        f"{ACCOUNT}/Calls/{{call}}/Recordings/{{sid}}": _ONE,
        f"{ACCOUNT}/Conferences/{{conference}}/Recordings": {
            "GET": Operation(_list_of_conference, _OF_OTHERS)
        },
        f"{ACCOUNT}/Conferences/{{conference}}/Recordings/{{sid}}": _ONE,
    },
)
