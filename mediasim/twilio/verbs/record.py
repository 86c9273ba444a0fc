"""Record: a beep, and what the caller says until it stops."""

from __future__ import annotations

from typing import cast

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.message import MessageRequest, record_message
from mediasim.exchange.profiles import Channels
from mediasim.exchange.profiles import Track as RecordedTrack
from mediasim.exchange.recording import message_tracks
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.trim import Trim
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.requests import Callback, RecordingRequest, TwimlSource
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.twiml import Verb

__all__ = ["callback_of", "record", "recording_request"]


def callback_of(verb: Verb, session: CallSession, prefix: str) -> Callback | None:
    """``<prefix>``, ``<prefix>Method`` and ``<prefix>Event`` of a verb or noun."""
    url = verb.attribute(prefix)
    if not url:
        return None
    events = verb.words(f"{prefix}Event", "")
    return Callback(session.absolute(url), verb.attribute(f"{prefix}Method", "POST"), events)


def recording_request(
    verb: Verb, session: CallSession, *, channels: str, track: str, trim: str
) -> RecordingRequest:
    """What a verb says about its recording; wrong words were warned of, and count as absent."""
    return RecordingRequest(
        channels=cast(Channels, _one_of(channels, ("mono", "dual"))),
        track=cast(RecordedTrack, _one_of(track, ("both", "inbound", "outbound"))),
        trim=cast(Trim, _one_of(trim, ("do-not-trim", "trim-silence"))),
        callback=callback_of(verb, session, "recordingStatusCallback"),
    )


def _one_of(word: str, words: tuple[str, ...]) -> str:
    return word if word in words else words[0]


async def record(session: CallSession, verb: Verb) -> FollowUp | None:
    """Record the caller; with something said, the app is asked what follows."""
    ask = recording_request(
        verb, session, channels="mono", track="both", trim=verb.attribute("trim", "trim-silence")
    )
    told = callback_of(verb, session, "transcribeCallback")
    transcribe = verb.flag("transcribe", told is not None) and (
        session.service.transcriber.allowed(session.call.sid, verb.number("maxLength", 0))
    )
    manager = session.service.recordings
    taken = await record_message(
        session,
        MessageRequest(
            beep=verb.flag("playBeep", True),
            timeout_ns=verb.seconds("timeout", 5) * NS_PER_SECOND,
            finish_on_key=verb.attribute("finishOnKey", "1234567890*#"),
            max_length_ns=verb.seconds("maxLength", 3600) * NS_PER_SECOND,
        ),
        lambda: manager.start(
            lambda: message_tracks(session.call),
            "record-verb",
            ask,
            "RecordVerb",
            call_sid=session.call.sid,
        ),
    )
    hung_up = taken.ended_by == "hangup"
    if taken.recording.record.status == "completed" and taken.spoken:
        if transcribe:
            session.service.transcriber.begin(taken.recording, session.call.record, told)
        return await _ask(session, verb, taken.recording, "hangup" if hung_up else taken.key)
    if hung_up:
        raise CallEnded
    return None


async def _ask(session: CallSession, verb: Verb, recording: LiveRecording, digits: str) -> FollowUp:
    params = [
        ("RecordingUrl", session.service.recording_url(recording.sid)),
        ("RecordingSid", recording.sid),
        ("RecordingDuration", str(recording.record.duration_seconds())),
        ("Digits", digits),
    ]
    action = verb.attribute("action") or session.base
    script = TwimlSource(session.absolute(action), verb.attribute("method", "POST"))
    if digits == "hangup":
        await session.document(script, params)  # the app is told; nobody is there to hear more
        raise CallEnded
    return FollowUp(script, params)
