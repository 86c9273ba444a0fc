"""Recordings: those of the account, of a call, of a conference; starting, pausing, deleting them.

A deleted recording's metadata is shown for 40 days to those who ask for it. Below a call or a
conference a recording's JSON differs from the account's in a few fields (API description).
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.exchange.records import RecordingRecord
from mediasim.twilio.representations import recording_json
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.asked import recording_asked
from mediasim.twilio.rest.lookup import call_of, conference_of, has_gone, recording_of
from mediasim.twilio.rest.moments import Moments
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["RECORDING", "RECORDINGS", "RECORDINGS_OF_OTHERS"]

_CURRENT: Final = "Twilio.CURRENT"
_STATUSES: Final = ("in-progress", "paused", "stopped")


# -- of the account -----------------------------------------------------------------------------


def _list(ask: Ask) -> Answer:
    query = ask.query
    call, conference = query.sid("CallSid", "CA"), query.sid("ConferenceSid", "CF")
    with_deleted = query.flag("IncludeSoftDeleted") or False
    created = Moments(query, "DateCreated", ask.service.dates)
    return listed(
        ask,
        "recordings",
        ask.service.catalogue.recordings(call=call, conference=conference),
        lambda record: _of_account(ask, record),
        sid=_sid,
        keep=lambda record: (
            created.holds(record.created_ns)
            and not has_gone(ask, record, with_deleted=with_deleted)
        ),
    )


def _fetch(ask: Ask) -> Answer:
    with_deleted = ask.query.flag("IncludeSoftDeleted") or False
    return Answer(_of_account(ask, recording_of(ask, with_deleted=with_deleted)))


def _delete(ask: Ask) -> Answer:
    ask.service.delete_recording(recording_of(ask).sid)
    return Answer(status=204)


def _of_account(ask: Ask, record: RecordingRecord) -> dict[str, Any]:
    return recording_json(record, ask.service.dates, ask.service.base_url)


# -- of a call or a conference ------------------------------------------------------------------


def _list_of_call(ask: Ask) -> Answer:
    record = call_of(ask)
    return _listed(ask, ask.service.catalogue.recordings(call=record.sid))


def _list_of_conference(ask: Ask) -> Answer:
    record = conference_of(ask)
    return _listed(ask, ask.service.catalogue.recordings(conference=record.sid))


def _listed(ask: Ask, records: list[RecordingRecord]) -> Answer:
    created = Moments(ask.query, "DateCreated", ask.service.dates)
    return listed(
        ask,
        "recordings",
        records,
        lambda record: _of_other(ask, record),
        sid=_sid,
        keep=lambda record: (
            created.holds(record.created_ns) and not has_gone(ask, record, with_deleted=False)
        ),
    )


def _create_of_call(ask: Ask) -> Answer:
    call = call_of(ask)
    record = ask.service.start_recording(call.sid, recording_asked(ask.form, "do-not-trim"))
    return Answer(_of_other(ask, record), 201)


def _fetch_of_other(ask: Ask) -> Answer:
    return Answer(_of_other(ask, recording_of(ask)))


def _update_of_other(ask: Ask) -> Answer:
    status = ask.form.word("Status", _STATUSES) or ""
    behavior = ask.form.word("PauseBehavior", ("skip", "silence"))
    if ask.at["sid"] != _CURRENT:
        sid = recording_of(ask).sid
    elif "call" in ask.at:
        sid = ask.service.current_recording(call_of(ask).sid).sid
    else:
        sid = ask.service.conferences.current_recording(conference_of(ask).sid).sid
    return Answer(_of_other(ask, ask.service.update_recording(sid, status, behavior)))


def _of_other(ask: Ask, record: RecordingRecord) -> dict[str, Any]:
    """As it is shown below its call or its conference."""
    shown = recording_json(record, ask.service.dates)
    del shown["subresource_uris"], shown["media_url"]
    if "call" in ask.at:
        shown["track"] = record.layout.asked_track
        owner = f"Calls/{record.call_sid}"
    else:
        owner = f"Conferences/{record.conference_sid}"
    shown["uri"] = f"{ask.account_path}/{owner}/Recordings/{record.sid}.json"
    return shown


def _sid(record: RecordingRecord) -> str:
    return record.sid


RECORDINGS: Final = Resource("Accounts/{account}/Recordings", "Recording", {"GET": _list})
RECORDING: Final = Resource(
    "Accounts/{account}/Recordings/{sid}", "Recording", {"GET": _fetch, "DELETE": _delete}
)
"""Its path without a suffix, and with that of a sound, is its media."""

_ONE: Final = {"GET": _fetch_of_other, "POST": _update_of_other, "DELETE": _delete}
RECORDINGS_OF_OTHERS: Final = (
    Resource(
        "Accounts/{account}/Calls/{call}/Recordings",
        "Recording",
        {"GET": _list_of_call, "POST": _create_of_call},
    ),
    Resource("Accounts/{account}/Calls/{call}/Recordings/{sid}", "Recording", _ONE),
    Resource(
        "Accounts/{account}/Conferences/{conference}/Recordings",
        "Recording",
        {"GET": _list_of_conference},
    ),
    Resource("Accounts/{account}/Conferences/{conference}/Recordings/{sid}", "Recording", _ONE),
)
