"""Start, Stop and Connect: what goes on beside the call, and bidirectional streams."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast, get_args

from mediasim.exchange.recording_control import LiveRecording
from mediasim.twilio.requests import StreamRequest, StreamTrack
from mediasim.twilio.session import CallSession, FollowUp, executes
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.verbs.live_transcription import start_transcription, stop_transcription
from mediasim.twilio.verbs.record import callback_of, recording_request
from mediasim.twilio.verbs.relay import connect_relay, socket_url
from mediasim.twilio.verbs.siprec import start_siprec, stop_siprec

__all__ = ["connect", "start", "start_stream", "stop", "stop_stream"]

_CONNECTED: Final = ("Stream", "ConversationRelay")
"""What a call can be connected to."""
_LONGEST_PARAMETER: Final = 500
"""Most characters of a Parameter's name and value together (Twilio docs, Stream)."""


@executes("Start")
async def start(session: CallSession, verb: Verb) -> None:
    """Start the recordings, streams and SIPREC sessions of the nouns, and go on at once."""
    for noun in verb.children:
        if noun.name == "Siprec":
            start_siprec(session, noun)
        if noun.name == "Stream":
            start_stream(session, noun)
        if noun.name == "Transcription":
            start_transcription(session, noun)
        if noun.name == "Recording":
            request = recording_request(
                noun,
                session,
                channels=noun.attribute("channels", "dual"),
                track=noun.attribute("track", "both"),
                trim=noun.attribute("trim", "trim-silence"),
            )
            # The resource has no source for this verb; the nearest one (our choice).
            recorded = session.account.recorded(session)
            session.account.recordings.of_call(
                recorded, request, "StartCallRecordingAPI", noun.attribute("name")
            )


@executes("Stop")
async def stop(session: CallSession, verb: Verb) -> None:
    """Stop what the nouns name; without a name, the newest."""
    for noun in verb.children:
        if noun.name == "Siprec":
            stop_siprec(session, noun)
        if noun.name == "Stream":
            stop_stream(session, noun)
        if noun.name == "Transcription":
            stop_transcription(session, noun)
        if noun.name == "Recording":
            found = _named(session, noun.attribute("name"))
            if found is not None:
                found.stop()


def _named(session: CallSession, name: str) -> LiveRecording | None:
    recorded = session.account.recorded(session)
    active = session.exchange.active_recordings(call=recorded.call.sid)
    return next((each for each in reversed(active) if each.name == name or not name), None)


@executes("Connect")
async def connect(session: CallSession, verb: Verb) -> FollowUp | None:
    """Connect the app over a bidirectional stream or a relay, until that is over."""
    noun = next((each for each in verb.children if each.name in _CONNECTED), None)
    if noun is None:
        return None
    if noun.name == "ConversationRelay":
        return await connect_relay(session, verb, noun)
    request = _request(session, noun)
    if request.track != "inbound_track":
        session.warn(
            SCHEMA, f"a Connect's stream takes inbound_track alone, not {request.track}", noun.line
        )
        request = replace(request, track="inbound_track")
    stream = await session.account.streams.connect(session.call, request)
    try:
        await session.until(stream.ended.wait())
    finally:
        stream.stop()
    return session.action(verb, [])


def start_stream(session: CallSession, noun: Verb) -> None:
    """Start a stream beside the call; a name that is in use adds a warning and starts nothing."""
    request, account = _request(session, noun), session.account
    if (
        request.name is not None
        and account.streams.named(session.call.sid, request.name) is not None
    ):
        words = f"a stream named {request.name} is under way on this call already"
        session.warn(SCHEMA, words, noun.line)
        return
    account.streams.fork(session.call, request)


def stop_stream(session: CallSession, noun: Verb) -> None:
    """Stop the stream of a name; without one, the newest."""
    stream = session.account.streams.named(session.call.sid, noun.attribute("name"))
    if stream is not None:
        stream.stop()


def _request(session: CallSession, noun: Verb) -> StreamRequest:
    track = noun.attribute("track", "inbound_track")
    parameters = dict(noun.parameters())
    for name, value in parameters.items():
        if len(name) + len(value) > _LONGEST_PARAMETER:
            words = f"the Parameter {name[:40]!r} is longer than {_LONGEST_PARAMETER} characters"
            session.warn(SCHEMA, words, noun.line)
    return StreamRequest(
        url=socket_url(session, noun.attribute("url")),
        name=noun.attribute("name") or None,
        track=cast(StreamTrack, track) if track in get_args(StreamTrack) else "inbound_track",
        callback=callback_of(noun, session, "statusCallback"),
        parameters=parameters,
    )
