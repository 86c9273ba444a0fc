"""Participants: who is in a conference, calling others into it, muting, holding, removing them.

A participant is named by its call's SID or by its label. POST to the list may name a conference
that is not there yet: it is begun under that name.
"""

from __future__ import annotations

from typing import Final, get_args

from mediasim.exchange.trim import Trim
from mediasim.twilio.asks import ParticipantRequest, ParticipantUpdate, RecordingRequest, Script
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.resources import ParticipantRecord
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.asked import (
    CALL_EVENTS,
    LONGEST_CALL,
    RECORDING_EVENTS,
    recording_asked,
)
from mediasim.twilio.rest.lookup import conference_of
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.params import Method, Params
from mediasim.twilio.rest.resource import Resource

__all__ = ["PARTICIPANTS"]

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


def _list(ask: Ask) -> Answer:
    query = ask.query
    muted, hold, coaching = query.flag("Muted"), query.flag("Hold"), query.flag("Coaching")
    return listed(
        ask,
        "participants",
        ask.service.conferences.participants(conference_of(ask).sid),
        lambda record: record.to_twilio_json(ask.service.dates),
        sid=lambda record: record.call_sid,
        keep=lambda record: (
            muted in (None, record.muted)
            and hold in (None, record.hold)
            and coaching in (None, record.coaching)
        ),
        newest_first=False,
    )


async def _create(ask: Ask) -> Answer:
    request = _request(ask.form)
    record = await ask.service.conferences.create_participant(ask.at["conference"], request)
    return _shown(ask, record, 201)


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


def _fetch(ask: Ask) -> Answer:
    conference = conference_of(ask)
    return _shown(ask, ask.service.conferences.participant(conference.sid, ask.at["who"]))


def _update(ask: Ask) -> Answer:
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
    return _shown(ask, record)


def _delete(ask: Ask) -> Answer:
    ask.service.conferences.remove_participant(conference_of(ask).sid, ask.at["who"])
    return Answer(status=204)


def _script(form: Params, name: str, default: Method = "POST") -> Script | None:
    """``HoldUrl`` and ``HoldMethod``, or others; an empty URL counts: silence."""
    method = form.method(f"{name}Method", default=default)
    url = form.url(f"{name}Url")
    return None if url is None else Script(url, method)


def _shown(ask: Ask, record: ParticipantRecord, status: int = 200) -> Answer:
    return Answer(record.to_twilio_json(ask.service.dates), status)


_PATH: Final = "Accounts/{account}/Conferences/{conference}/Participants"
PARTICIPANTS: Final = (
    Resource(_PATH, "Participant", {"GET": _list, "POST": _create}),
    Resource(
        f"{_PATH}/{{who}}", "Participant", {"GET": _fetch, "POST": _update, "DELETE": _delete}
    ),
)
