"""Recordings: those of the account, of a call, of a conference; starting, pausing, deleting them.

A deleted recording's metadata is shown for 40 days to those who ask for it. Below a call or a
conference a recording's JSON differs from the account's in a few fields (API description).
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.events import RecordingEvent
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import RecordingRecord
from mediasim.exchange.recovery import settle_interrupted
from mediasim.twilio.account import Account
from mediasim.twilio.representations import recording_json
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import RECORDING_OPTIONS, Moments, date_names, recording_asked
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
"""How long a deleted recording's metadata stays: 40 days (API description, Recordings)."""


# -- of the account -----------------------------------------------------------------------------


def _list(ask: ApiRequest) -> ApiResponse:
    query = ask.query
    call, conference = query.sid("CallSid", "CA"), query.sid("ConferenceSid", "CF")
    with_deleted = query.flag("IncludeSoftDeleted") or False
    created = Moments(query, "DateCreated", ask.service.dates)
    return listed(
        ask,
        ask.service.catalogue.recordings(call=call, conference=conference),
        lambda record: _of_account(ask, record),
        keep=lambda record: (
            created.holds(record.created_ns)
            and not _has_gone(ask, record, with_deleted=with_deleted)
        ),
    )


def _fetch(ask: ApiRequest) -> ApiResponse:
    with_deleted = ask.query.flag("IncludeSoftDeleted") or False
    return ApiResponse(_of_account(ask, _recording_of(ask, with_deleted=with_deleted)))


def _delete(ask: ApiRequest) -> ApiResponse:
    ask.service.delete_recording(_recording_of(ask).sid)
    return ApiResponse(status=204)


def _of_account(ask: ApiRequest, record: RecordingRecord) -> dict[str, Any]:
    return recording_json(record, ask.service.dates, ask.service.base_url)


# -- of a call or a conference ------------------------------------------------------------------


def _list_of_call(ask: ApiRequest) -> ApiResponse:
    record = call_of(ask)
    return _listed(ask, ask.service.catalogue.recordings(call=record.sid))


def _list_of_conference(ask: ApiRequest) -> ApiResponse:
    record = conference_of(ask)
    return _listed(ask, ask.service.catalogue.recordings(conference=record.sid))


def _listed(ask: ApiRequest, records: list[RecordingRecord]) -> ApiResponse:
    created = Moments(ask.query, "DateCreated", ask.service.dates)
    return listed(
        ask,
        records,
        lambda record: _of_other(ask, record),
        keep=lambda record: (
            created.holds(record.created_ns) and not _has_gone(ask, record, with_deleted=False)
        ),
    )


def _create_of_call(ask: ApiRequest) -> ApiResponse:
    call = call_of(ask)
    record = ask.service.start_recording(call.sid, recording_asked(ask.form, "do-not-trim"))
    return ApiResponse(_of_other(ask, record), 201)


def _fetch_of_other(ask: ApiRequest) -> ApiResponse:
    return ApiResponse(_of_other(ask, _recording_of(ask)))


def _update_of_other(ask: ApiRequest) -> ApiResponse:
    status = ask.form.word("Status", _STATUSES) or ""
    behavior = ask.form.word("PauseBehavior", ("skip", "silence"))
    if ask.at["sid"] != _CURRENT:
        sid = _recording_of(ask).sid
    elif "call" in ask.at:
        sid = ask.service.current_recording(call_of(ask).sid).sid
    else:
        sid = ask.service.conferences.current_recording(conference_of(ask).sid).sid
    return ApiResponse(_of_other(ask, ask.service.update_recording(sid, status, behavior)))


def _of_other(ask: ApiRequest, record: RecordingRecord) -> dict[str, Any]:
    """As it is shown below its call or its conference."""
    shown = recording_json(record, ask.service.dates)
    del shown["subresource_uris"], shown["media_url"]
    if "call" in ask.at:
        shown["track"] = record.layout.requested_track
        owner = f"Calls/{record.call_sid}"
    else:
        owner = f"Conferences/{record.conference_sid}"
    shown["uri"] = f"{ask.account_path}/{owner}/Recordings/{record.sid}.json"
    return shown


# -- finding them -------------------------------------------------------------------------------


def _recording_of(ask: ApiRequest, *, with_deleted: bool = False) -> RecordingRecord:
    """The recording of the path, of its call or conference if it names one."""
    try:
        record = ask.service.catalogue.recording(ask.at["sid"])
    except LookupError:
        raise ask.missing() from None
    of_call = ask.at.get("call", record.call_sid) == record.call_sid
    of_conference = ask.at.get("conference", record.conference_sid) == record.conference_sid
    if not (of_call and of_conference) or _has_gone(ask, record, with_deleted=with_deleted):
        raise ask.missing()
    return record


def _has_gone(ask: ApiRequest, record: RecordingRecord, *, with_deleted: bool) -> bool:
    """Whether a recording is deleted, and is not to be shown all the same."""
    if record.status != "deleted":
        return False
    return not with_deleted or ask.service.now_ns - record.updated_ns > _KEPT_NS


# -- the row ------------------------------------------------------------------------------------


def _store(service: Account) -> Store:
    recordings = service.catalogue
    return Store(recordings.recordings, recordings.add_recording, recordings.recording)


def _end(record: RecordingRecord, died_ns: int, media: MediaStore) -> None:
    # Nothing of it was found in a spool: what is in the store decides.
    settle_interrupted(media, record, died_ns)


MEDIA: Final = f"{ACCOUNT}/Recordings/{{sid}}"
"""The path of a recording; without a suffix, and with that of a sound, it is the media's."""
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
