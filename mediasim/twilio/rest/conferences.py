"""Conferences and their participants: finding and ending conferences, announcing something in
them; calling others into one, muting, holding, coaching and removing them.

A participant is named by its call's SID or by its label. POST to the list of participants may name
a conference that is not there yet: it is begun under that name.
"""

from __future__ import annotations

from typing import Final, get_args

from mediasim.exchange.events import ConferenceEvent
from mediasim.exchange.records import ConferenceRecord
from mediasim.exchange.trim import Trim
from mediasim.twilio.account import Account
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.representations import conference_json
from mediasim.twilio.requests import (
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    TwimlSource,
)
from mediasim.twilio.rest.paging import PAGING, listed
from mediasim.twilio.rest.params import (
    CALL_EVENTS,
    LONGEST_CALL,
    RECORDING_EVENTS,
    RECORDING_OPTIONS,
    Method,
    Moments,
    Params,
    callback_names,
    date_names,
    recording_asked,
)
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Store,
    Stored,
    conference_of,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["CONFERENCES", "PARTICIPANTS"]

_STATUSES: Final = ("init", "in-progress", "completed")


def _list(ask: ApiRequest) -> ApiResponse:
    query, dates = ask.query, ask.service.dates
    name = query.text("FriendlyName")
    status = query.word("Status", _STATUSES)
    created, updated = Moments(query, "DateCreated", dates), Moments(query, "DateUpdated", dates)

    def keep(record: ConferenceRecord) -> bool:
        return (
            name in (None, "", record.friendly_name)
            and status in (None, record.status)
            and created.holds(record.created_ns)
            and updated.holds(record.updated_ns)
        )

    return listed(
        ask,
        ask.service.catalogue.conferences(),
        keep=keep,
    )


def _fetch(ask: ApiRequest) -> ApiResponse:
    return ask.shown(conference_of(ask))


def _update(ask: ApiRequest) -> ApiResponse:
    record = conference_of(ask)
    url = ask.form.url("AnnounceUrl")
    method = ask.form.method("AnnounceMethod")
    update = ConferenceUpdate(
        status=ask.form.word("Status", ("completed",)),
        announce=TwimlSource(url, method) if url else None,
    )
    return ask.shown(ask.service.conferences.update_conference(record.sid, update))


def _store(service: Account) -> Store:
    conferences = service.catalogue
    return Store(conferences.conferences, conferences.add_conference, conferences.conference)


_FILTERS: Final = (
    *(*PAGING, "FriendlyName", "Status"),
    *(*date_names("DateCreated"), *date_names("DateUpdated")),
)
CONFERENCES: Final = Resource(
    name="Conference",
    many="conferences",
    prefix="CF",
    json=conference_json,
    stored=Stored("conference", ConferenceRecord, _store, Owner.WORKER, event=ConferenceEvent),
    callbacks=("conference-status",),
    paths={
        f"{ACCOUNT}/Conferences": {"GET": Operation(_list, _FILTERS)},
        f"{ACCOUNT}/Conferences/{{conference}}": {
            "GET": Operation(_fetch),
            "POST": Operation(_update, ("AnnounceUrl", "AnnounceMethod", "Status")),
        },
    },
)


# -- participants ------------------------------------------------------------------------------

_EVENTS: Final = (
    "start",
    "end",
    "join",
    "leave",
    "mute",
    "hold",
    "modify",
    "speaker",
    "announcement",
)
_LONGEST_LABEL: Final = 128
_LONGEST_ADDRESS: Final = 512
_BAD_TIMEOUT: Final = 21208
_INVALID_TO: Final = 21211
_INVALID_FROM: Final = 21212


def _list_participants(ask: ApiRequest) -> ApiResponse:
    query = ask.query
    muted, hold, coaching = query.flag("Muted"), query.flag("Hold"), query.flag("Coaching")
    return listed(
        ask,
        ask.service.conferences.participants(conference_of(ask).sid),
        sid=lambda record: record.call_sid,
        keep=lambda record: (
            muted in (None, record.muted)
            and hold in (None, record.hold)
            and coaching in (None, record.coaching)
        ),
        newest_first=False,
    )


async def _create_participant(ask: ApiRequest) -> ApiResponse:
    request = _request(ask.form)
    record = await ask.service.conferences.create_participant(ask.at["conference"], request)
    return ask.shown(record, 201)


def _request(form: Params) -> ParticipantRequest:
    coached = form.sid("CallSidToCoach", "CA")
    coaching = form.flag("Coaching")
    if coaching and coached is None:
        raise bad_parameter("Coaching needs CallSidToCoach")
    starts = form.flag("StartConferenceOnEnter")
    return ParticipantRequest(
        to=form.text("To", longest=_LONGEST_ADDRESS, code=_INVALID_TO) or "",
        from_=form.text("From", longest=_LONGEST_ADDRESS, code=_INVALID_FROM) or "",
        label=form.text("Label", longest=_LONGEST_LABEL) or None,
        status_callback=form.callback("StatusCallback", CALL_EVENTS),
        timeout_seconds=form.number("Timeout", 5, 600, code=_BAD_TIMEOUT) or 60,
        time_limit_seconds=form.number("TimeLimit", 1, LONGEST_CALL),
        muted=form.flag("Muted") or False,
        beep=form.word("Beep", ("true", "false", "onEnter", "onExit")) or "true",
        start_conference_on_enter=True if starts is None else starts,
        end_conference_on_exit=form.flag("EndConferenceOnExit") or False,
        wait=_script(form, "Wait"),
        max_participants=form.number("MaxParticipants", 2, 250) or 250,
        coaching=coached if coaching is not False else None,
        recording=recording_asked(form, "trim-silence") if form.flag("Record") else None,
        conference_recording=_conference_recording(form),
        conference_callback=form.callback("ConferenceStatusCallback", _EVENTS),
    )


def _conference_recording(form: Params) -> RecordingRequest | None:
    words = ("true", "false", "record-from-start", "do-not-record")
    asked = form.word("ConferenceRecord", words)
    request = RecordingRequest(
        trim=form.word("ConferenceTrim", get_args(Trim)) or "trim-silence",
        callback=form.callback("ConferenceRecordingStatusCallback", RECORDING_EVENTS),
    )
    return request if asked in ("true", "record-from-start") else None


def _fetch_participant(ask: ApiRequest) -> ApiResponse:
    conference = conference_of(ask)
    return ask.shown(ask.service.conferences.participant(conference.sid, ask.at["who"]))


def _update_participant(ask: ApiRequest) -> ApiResponse:
    conference, form = conference_of(ask), ask.form
    update = ParticipantUpdate(
        muted=form.flag("Muted"),
        hold=form.flag("Hold"),
        hold_script=_script(form, "Hold", "GET"),
        announce=_script(form, "Announce"),
        beep_on_exit=form.flag("BeepOnExit"),
        end_conference_on_exit=form.flag("EndConferenceOnExit"),
        coaching=form.flag("Coaching"),
        call_sid_to_coach=form.sid("CallSidToCoach", "CA"),
        wait=_script(form, "Wait"),
    )
    record = ask.service.conferences.update_participant(conference.sid, ask.at["who"], update)
    return ask.shown(record)


def _delete_participant(ask: ApiRequest) -> ApiResponse:
    ask.service.conferences.remove_participant(conference_of(ask).sid, ask.at["who"])
    return ApiResponse(status=204)


def _script(form: Params, name: str, default: Method = "POST") -> TwimlSource | None:
    """``HoldUrl`` and ``HoldMethod``, or others; an empty URL counts: silence."""
    method = form.method(f"{name}Method", default=default)
    url = form.url(f"{name}Url")
    return None if url is None else TwimlSource(url, method)


_PATH: Final = f"{ACCOUNT}/Conferences/{{conference}}/Participants"
PARTICIPANTS: Final = Resource(
    name="Participant",
    many="participants",
    paths={
        _PATH: {
            "GET": Operation(_list_participants, (*PAGING, "Muted", "Hold", "Coaching")),
            "POST": Operation(
                _create_participant,
                (
                    *("To", "From", "Label", *callback_names("StatusCallback")),
                    *("Timeout", "TimeLimit", "Muted", "Beep", "StartConferenceOnEnter"),
                    *("EndConferenceOnExit", "WaitUrl", "WaitMethod", "MaxParticipants"),
                    *("Coaching", "CallSidToCoach", "Record", *RECORDING_OPTIONS),
                    *("ConferenceRecord", "ConferenceTrim"),
                    *callback_names("ConferenceRecordingStatusCallback"),
                    *callback_names("ConferenceStatusCallback"),
                ),
            ),
        },
        f"{_PATH}/{{who}}": {
            "GET": Operation(_fetch_participant),
            "POST": Operation(
                _update_participant,
                (
                    *("Muted", "Hold", "HoldUrl", "HoldMethod", "AnnounceUrl", "AnnounceMethod"),
                    *("BeepOnExit", "EndConferenceOnExit", "Coaching", "CallSidToCoach"),
                    *("WaitUrl", "WaitMethod"),
                ),
            ),
            "DELETE": Operation(_delete_participant),
        },
    },
)
