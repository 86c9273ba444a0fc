"""Siprec in Start and Stop: the tracks of the call are forked to a recorder elsewhere."""

from __future__ import annotations

from typing import cast, get_args

from mediasim.twilio.errors import BAD_PARAMETER, TwilioError
from mediasim.twilio.requests import SiprecRequest, StreamTrack
from mediasim.twilio.session import CallSession
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.verbs.record import callback_of

__all__ = ["start_siprec", "stop_siprec"]


def start_siprec(session: CallSession, noun: Verb) -> None:
    """Start a session beside the call; one that is refused adds a warning and starts nothing."""
    track = noun.attribute("track", "both_tracks").strip()
    if track not in get_args(StreamTrack):
        words = f"Siprec: track {track[:40]!r} is none of {', '.join(get_args(StreamTrack))}"
        session.warn(SCHEMA, f"{words}: both_tracks are taken", noun.line)
        track = "both_tracks"
    request = SiprecRequest(
        connector=noun.attribute("connectorName"),
        name=noun.attribute("name") or None,
        track=cast(StreamTrack, track),
        callback=callback_of(noun, session, "statusCallback"),
        parameters=dict(noun.parameters()),
    )
    siprecs = session.account.siprecs
    try:
        siprecs.start(session.call.sid, request)
    except TwilioError as error:
        code = SCHEMA if error.code == BAD_PARAMETER else error.code
        session.warn(code, error.message, noun.line)
        siprecs.refused(session.call, request, error)


def stop_siprec(session: CallSession, noun: Verb) -> None:
    """Stop the session of a name; without one, the newest."""
    session.account.siprecs.stop_named(session.call.sid, noun.attribute("name"))
