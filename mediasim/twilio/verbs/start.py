"""Start and Stop: recordings and streams beside the call."""

from __future__ import annotations

from mediasim.exchange.recording_control import LiveRecording
from mediasim.twilio.session import CallSession
from mediasim.twilio.twiml import Verb
from mediasim.twilio.verbs.record import recording_request
from mediasim.twilio.verbs.stream import start_stream, stop_stream

__all__ = ["start", "stop"]


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
