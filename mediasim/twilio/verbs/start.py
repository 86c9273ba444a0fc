"""Start, Stop and Connect: recordings and streams beside the call, and streams both ways."""

from __future__ import annotations

from typing import Final, cast, get_args

from mediasim.exchange.recording_control import LiveRecording
from mediasim.twilio.requests import StreamRequest, StreamTrack, TwimlSource
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.record import callback_of, recording_request

__all__ = ["connect", "start", "start_stream", "stop", "stop_stream"]

_FORMAT: Final = {"audioFormat": "audio/x-mulaw", "sampleRate": "8000"}
_LONGEST_PARAMETER: Final = 500
"""Characters of a Parameter's name and value together (Twilio docs, Stream)."""


async def start(session: CallSession, verb: Verb) -> None:
    """Begin what its nouns say, and go on at once."""
    for noun in verb.children:
        if noun.name == "Stream":
            start_stream(session, noun)
        if noun.name == "Recording":
            ask = recording_request(
                noun,
                session,
                channels=noun.attribute("channels", "dual"),
                track=noun.attribute("track", "both"),
                trim=noun.attribute("trim", "trim-silence"),
            )
            # The resource has no source of this name; the nearest that it has (our choice).
            session.service.recordings.of_call(
                session, ask, "StartCallRecordingAPI", noun.attribute("name")
            )


async def stop(session: CallSession, verb: Verb) -> None:
    """End what its nouns name; without a name, the newest."""
    for noun in verb.children:
        if noun.name == "Stream":
            stop_stream(session, noun)
        if noun.name == "Recording":
            found = _named(session, noun.attribute("name"))
            if found is not None:
                found.stop()


def _named(session: CallSession, name: str) -> LiveRecording | None:
    active = session.exchange.active_recordings(call=session.call.sid)
    return next((each for each in reversed(active) if each.name == name or not name), None)


async def connect(session: CallSession, verb: Verb) -> FollowUp | None:
    """Let the app converse over a stream until it closes it; then the call goes on."""
    noun = next((child for child in verb.children if child.name == "Stream"), None)
    if noun is None:
        return None
    ask = _request(session, noun)
    if ask.track != "inbound_track":
        _warn(session, noun, f"a Connect's stream takes inbound_track alone, not {ask.track}")
        ask = StreamRequest(ask.url, ask.name, "inbound_track", ask.callback, ask.parameters)
    stream = await session.service.streams.connect(session.call, ask)
    try:
        await session.until(stream.ended.wait())
    finally:
        stream.stop()
    action = verb.attribute("action")
    if not action:
        return None
    return FollowUp(TwimlSource(session.absolute(action), verb.attribute("method", "POST")), [])


def start_stream(session: CallSession, noun: Verb) -> None:
    """Begin a stream beside the call. A name that is taken is warned of, and begins nothing."""
    ask, service = _request(session, noun), session.service
    if ask.name is not None and service.streams.named(session.call.sid, ask.name) is not None:
        words = f"a stream named {ask.name} is under way on this call already"
        _warn(session, noun, words)
        return
    service.streams.fork(session.call, ask)


def stop_stream(session: CallSession, noun: Verb) -> None:
    """End the stream of a name; without one, the newest."""
    stream = session.service.streams.named(session.call.sid, noun.attribute("name"))
    if stream is not None:
        stream.stop()


def _request(session: CallSession, noun: Verb) -> StreamRequest:
    for name, only in _FORMAT.items():
        if noun.attribute(name, only) != only:
            words = f"{name} {noun.attribute(name)!r} is not carried out by this sandbox: {only} is"
            _warn(session, noun, words)
    track = noun.attribute("track", "inbound_track")
    parameters = {
        child.attribute("name"): child.attribute("value")
        for child in noun.children
        if child.name == "Parameter"
    }
    for name, value in parameters.items():
        if len(name) + len(value) > _LONGEST_PARAMETER:
            words = f"the Parameter {name[:40]!r} is longer than {_LONGEST_PARAMETER} characters"
            _warn(session, noun, words)
    return StreamRequest(
        url=_socket_url(session, noun.attribute("url")),
        name=noun.attribute("name") or None,
        track=cast(StreamTrack, track) if track in get_args(StreamTrack) else "inbound_track",
        callback=callback_of(noun, session, "statusCallback"),
        parameters=parameters,
    )


def _warn(session: CallSession, noun: Verb, words: str) -> None:
    """Something in the document that is passed over."""
    session.service.notify(
        session.call.sid, 12200, words, session.base, line=noun.line, warning=True
    )


def _socket_url(session: CallSession, url: str) -> str:
    """A relative URL is seen from the document's, with its scheme turned into a WebSocket's."""
    if not url or "://" in url:
        return url
    absolute = session.absolute(url)
    return f"ws{absolute[4:]}" if absolute.startswith("http") else absolute
