"""What a Conference noun says.

``jitterBufferSize`` and ``region`` change nothing here: each telephone has the buffer that its
party was given, and there is one region.
"""

from __future__ import annotations

from mediasim.twilio.asks import ParticipantRequest, Script
from mediasim.twilio.session import CallSession
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.record import callback_of, recording_request

__all__ = ["participant_asked_by"]


def participant_asked_by(session: CallSession, noun: Verb) -> ParticipantRequest:
    """The participant that the session's call is to be."""
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
        wait=_wait(session, noun),
        max_participants=noun.number("maxParticipants", 250),
        coaching=noun.attribute("coach") or None,
        conference_recording=recording,
        conference_callback=callback_of(noun, session, "statusCallback"),
    )


def _wait(session: CallSession, noun: Verb) -> Script | None:
    url = noun.attributes.get("waitUrl")
    if url is None:
        return None
    return Script(session.absolute(url) if url else "", noun.attribute("waitMethod", "POST"))
