"""Participants of conferences: the request of a noun, the check of a request, the resource."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mediasim.exchange.participant import Participant
from mediasim.exchange.records import ConferenceRecord
from mediasim.exchange.states import PARTICIPANT_OF_CALL
from mediasim.twilio.conferencing.playback import wait_source
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.requests import ParticipantRequest
from mediasim.twilio.resources import ParticipantRecord
from mediasim.twilio.session import CallSession
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.record import callback_of, recording_request

__all__ = ["check_participant", "participant_record", "participant_request"]

_FULL: Final = 16020
_BAD_LABEL: Final = 16023
_LABEL_TAKEN: Final = 16025
_LONGEST_LABEL: Final = 128


def participant_request(session: CallSession, noun: Verb) -> ParticipantRequest:
    """Return the participant that a Conference noun requests for the session's call."""
    recording = None
    if noun.attribute("record") in ("record-from-start", "true"):
        recording = recording_request(
            noun,
            session,
            channels="mono",
            track="both",
            trim=noun.attribute("trim", "trim-silence"),
        )
    return ParticipantRequest(
        label=noun.attribute("participantLabel") or None,
        muted=noun.flag("muted", False),
        beep=noun.attribute("beep", "true"),
        start_conference_on_enter=noun.flag("startConferenceOnEnter", True),
        end_conference_on_exit=noun.flag("endConferenceOnExit", False),
        wait=wait_source(session, noun, "waitMethod"),
        max_participants=noun.number("maxParticipants", 250),
        coaching=noun.attribute("coach") or None,
        conference_recording=recording,
        conference_callback=callback_of(noun, session, "statusCallback"),
    )


def check_participant(
    request: ParticipantRequest, present: Sequence[Participant], not_found_code: int
) -> None:
    """Check that a participant may join. Raises TwilioError if it may not.

    ``not_found_code`` is the error's code if the call to be coached is not in the conference.
    """
    label = request.label
    if label is not None:
        wrong = re.fullmatch(r"CA[0-9a-f]{32}", label) or "/" in label or "%2F" in label
        if wrong or len(label) > _LONGEST_LABEL:
            raise bad_parameter(
                f"Participant label {label!r} is not valid: at most {_LONGEST_LABEL} "
                "characters, no call SID, no '/'",
                _BAD_LABEL,
            )
        if any(each.label == label for each in present):
            raise bad_parameter(f"Participant label {label!r} is in use", _LABEL_TAKEN)
    if request.coaching is not None and not any(
        each.call.sid == request.coaching for each in present
    ):
        raise bad_parameter(
            f"The call to be coached, {request.coaching}, is not in the conference", not_found_code
        )
    if len(present) >= request.max_participants:
        raise bad_parameter("The conference has as many participants as it may", _FULL)


def participant_record(
    conference: ConferenceRecord, participant: Participant, queue_time: str | None = None
) -> ParticipantRecord:
    """Return the record of a participant as it is now."""
    record = ParticipantRecord(
        account_sid=conference.account_sid,
        conference_sid=conference.sid,
        call_sid=participant.call.sid,
        created_ns=participant.created_ns,
        label=participant.label,
        muted=participant.muted,
        hold=participant.held,
        coaching=participant.coaching,
        call_sid_to_coach=participant.coaches,
        start_conference_on_enter=participant.options.start_on_enter,
        end_conference_on_exit=participant.end_on_exit,
        status=PARTICIPANT_OF_CALL[participant.call.record.status],
        queue_time=queue_time,
    )
    record.updated_ns = participant.updated_ns
    return record
