"""Conferences and their participants.

A participant is found by its call's SID or by its label. POST to the list of participants with the
name of a conference that does not exist creates it.
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
    CALL_EVENTS,
    CONFERENCE_EVENTS,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
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
    RECORDING_OPTIONS,
    REST_RECORDING_EVENTS,
    Method,
    Params,
    callback_names,
    recording_request,
    to_and_from,
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
    conference_of,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["CONFERENCES", "PARTICIPANTS"]

_STATUSES: Final = ("init", "in-progress", "completed")


def _list(request: ApiRequest) -> ApiResponse:
    query, dates = request.query, request.account.dates
    name = query.text("FriendlyName")
    status = query.word("Status", _STATUSES)
    created, updated = (
        DateFilter(query, "DateCreated", dates),
        DateFilter(query, "DateUpdated", dates),
    )

    def keep(record: ConferenceRecord) -> bool:
        return (
            name in (None, "", record.friendly_name)
            and status in (None, record.status)
            and created.matches(record.created_ns)
            and updated.matches(record.updated_ns)
        )

    return listed(
        request,
        request.account.catalogue.conferences(),
        keep=keep,
    )


def _fetch(request: ApiRequest) -> ApiResponse:
    return request.show(conference_of(request))


def _update(request: ApiRequest) -> ApiResponse:
    record = conference_of(request)
    form = request.form
    announce = _source(form, "Announce")
    update = ConferenceUpdate(
        status=form.word("Status", ("completed",)),
        announce=announce if announce and announce.url else None,
    )
    return request.show(request.account.conferences.update_conference(record.sid, update))


def _store(account: Account) -> Store:
    conferences = account.catalogue
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

_LONGEST_LABEL: Final = 128
_BAD_TIMEOUT: Final = 21208


def _list_participants(request: ApiRequest) -> ApiResponse:
    query = request.query
    muted, hold, coaching = query.flag("Muted"), query.flag("Hold"), query.flag("Coaching")
    return listed(
        request,
        request.account.conferences.participants(conference_of(request).sid),
        sid=lambda record: record.call_sid,
        keep=lambda record: (
            muted in (None, record.muted)
            and hold in (None, record.hold)
            and coaching in (None, record.coaching)
        ),
        newest_first=False,
    )


async def _create_participant(request: ApiRequest) -> ApiResponse:
    participant = _participant_request(request.form)
    check_configuration(request, participant.recording)
    record = await request.account.conferences.create_participant(
        request.at["conference"], participant
    )
    return request.show(record, 201)


def _participant_request(form: Params) -> ParticipantRequest:
    coached = form.sid("CallSidToCoach", "CA")
    coaching = form.flag("Coaching")
    if coaching and coached is None:
        raise bad_parameter("Coaching needs CallSidToCoach")
    starts = form.flag("StartConferenceOnEnter")
    to, from_ = to_and_from(form)
    return ParticipantRequest(
        to=to,
        from_=from_,
        sip_user=sip_user(form),
        label=form.text("Label", longest=_LONGEST_LABEL) or None,
        status_callback=form.callback("StatusCallback", CALL_EVENTS),
        timeout_seconds=form.number("Timeout", 5, 600, code=_BAD_TIMEOUT) or 60,
        time_limit_seconds=form.number("TimeLimit", 1, LONGEST_CALL),
        muted=form.flag("Muted") or False,
        beep=form.word("Beep", ("true", "false", "onEnter", "onExit")) or "true",
        start_conference_on_enter=True if starts is None else starts,
        end_conference_on_exit=form.flag("EndConferenceOnExit") or False,
        wait=_source(form, "Wait"),
        max_participants=form.number("MaxParticipants", 2, 250) or 250,
        coaching=coached if coaching is not False else None,
        recording=recording_request(form, "trim-silence") if form.flag("Record") else None,
        conference_recording=_conference_recording(form),
        conference_callback=form.callback("ConferenceStatusCallback", CONFERENCE_EVENTS),
        machine_detection=machine_detection(form, callback="AmdStatusCallback"),
    )


def _conference_recording(form: Params) -> RecordingRequest | None:
    words = ("true", "false", "record-from-start", "do-not-record")
    asked = form.word("ConferenceRecord", words)
    request = RecordingRequest(
        trim=form.word("ConferenceTrim", get_args(Trim)) or "trim-silence",
        callback=form.callback("ConferenceRecordingStatusCallback", REST_RECORDING_EVENTS),
    )
    if asked in ("true", "record-from-start"):
        return request
    form.in_vain("ConferenceTrim", *callback_names("ConferenceRecordingStatusCallback"))
    return None


def _fetch_participant(request: ApiRequest) -> ApiResponse:
    conference = conference_of(request)
    return request.show(request.account.conferences.participant(conference.sid, request.at["who"]))


def _update_participant(request: ApiRequest) -> ApiResponse:
    conference, form = conference_of(request), request.form
    hold, music = form.flag("Hold"), _source(form, "Hold", "GET")
    if not hold:
        form.in_vain("HoldUrl", "HoldMethod")
    update = ParticipantUpdate(
        muted=form.flag("Muted"),
        hold=hold,
        hold_source=music,
        announce=_source(form, "Announce"),
        beep_on_exit=form.flag("BeepOnExit"),
        end_conference_on_exit=form.flag("EndConferenceOnExit"),
        coaching=form.flag("Coaching"),
        call_sid_to_coach=form.sid("CallSidToCoach", "CA"),
        wait=_source(form, "Wait"),
    )
    record = request.account.conferences.update_participant(
        conference.sid, request.at["who"], update
    )
    return request.show(record)


def _delete_participant(request: ApiRequest) -> ApiResponse:
    request.account.conferences.remove_participant(conference_of(request).sid, request.at["who"])
    return ApiResponse(status=204)


def _source(form: Params, name: str, default: Method = "POST") -> TwimlSource | None:
    """Read ``<name>Url`` and ``<name>Method``; an empty URL is a source too: silence."""
    method = form.method(f"{name}Method", default=default)
    url = form.url(f"{name}Url")
    if not url:
        form.in_vain(f"{name}Method")
    return None if url is None else TwimlSource(url, method)


_NOTED: Final = {
    **NOTED_OF_CALLS,
    "CallerDisplayName": "no simulated telephone shows it",
    "EarlyMedia": "a conference hears a participant once it has answered",
    "Region": "a conference is mixed in one place",
    "JitterBufferSize": "each telephone has the buffer that its party was given",
}
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
                    *(*DETECTION_OPTIONS, "AmdStatusCallback", "AmdStatusCallbackMethod"),
                    *SIP_USER,
                ),
                _NOTED,
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
