"""Record: a beep, and a recording of the caller until it stops speaking."""

from __future__ import annotations

from typing import Final, cast

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.message import MessageRequest, record_message
from mediasim.exchange.profiles import PROFILES, Channels
from mediasim.exchange.profiles import Track as RecordedTrack
from mediasim.exchange.recording import message_tracks
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.trim import Trim
from mediasim.exchange.waiting import CallEnded
from mediasim.twilio.requests import Callback, RecordingRequest
from mediasim.twilio.session import CallSession, FollowUp, executes
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.verbs.action import ended_with

__all__ = ["callback_of", "record", "recording_request"]

_LONGEST: Final = 14_400
_LONGEST_OF_BROWSER: Final = 600
"""Most seconds of a message left by Twilio's SDK for browsers (docs, Record, maxLength)."""
_INLINE: Final = (
    *("channels", "recordingTrack", "track", "trim"),
    *(f"recordingStatusCallback{part}" for part in ("", "Method", "Event")),
)
"""Attributes that a recording's configuration stands for."""
_INVALID_MAX_LENGTH: Final = 13612


def callback_of(verb: Verb, session: CallSession, prefix: str) -> Callback | None:
    """Return the callback of ``<prefix>``, ``<prefix>Method`` and ``<prefix>Event``, if any."""
    url = verb.attribute(prefix)
    if not url:
        return None
    events = verb.words(f"{prefix}Event", "")
    return Callback(session.absolute(url), verb.attribute(f"{prefix}Method", "POST"), events)


def recording_request(
    verb: Verb, session: CallSession, *, channels: str, track: str, trim: str
) -> RecordingRequest:
    """Return the recording that a verb or noun requests; wrong values count as absent."""
    return RecordingRequest(
        configuration_id=verb.attribute("recordingConfigurationId"),
        inline=tuple(name for name in _INLINE if verb.attribute(name)),
        by_default=True,
        channels=cast(Channels, _one_of(channels, ("mono", "dual"))),
        track=cast(RecordedTrack, _one_of(track, ("both", "inbound", "outbound"))),
        trim=cast(Trim, _one_of(trim, ("do-not-trim", "trim-silence"))),
        callback=callback_of(verb, session, "recordingStatusCallback"),
    )


def _one_of(word: str, words: tuple[str, ...]) -> str:
    return word if word in words else words[0]


@executes("Record")
async def record(session: CallSession, verb: Verb) -> FollowUp | None:
    """Record the caller; then the action gives the next document.

    Where silent recordings are discarded, the verbs after it are executed if nothing was said.
    """
    request = recording_request(
        verb, session, channels="mono", track="both", trim=verb.attribute("trim", "trim-silence")
    )
    callback = callback_of(verb, session, "transcribeCallback")
    by_callback = callback is not None and PROFILES[session.account.profile].callback_transcribes
    if callback is not None and not verb.flag("transcribe", by_callback):
        words = "Attribute 'transcribeCallback' of <Record> says nothing without 'transcribe'"
        session.warn(SCHEMA, words, verb.line)
    transcribe = verb.flag("transcribe", by_callback) and (
        session.account.transcriber.allowed(session.call.sid, verb.number("maxLength", 0))
    )
    manager = session.account.recordings
    message = await record_message(
        session,
        MessageRequest(
            beep=verb.flag("playBeep", True),
            timeout_ns=verb.seconds("timeout", 5) * NS_PER_SECOND,
            finish_on_key=verb.attribute("finishOnKey", "1234567890*#"),
            max_length_ns=_longest(session, verb, transcribe=transcribe) * NS_PER_SECOND,
        ),
        lambda: manager.start(
            lambda: message_tracks(session.call),
            "record-verb",
            request,
            "RecordVerb",
            call_sid=session.call.sid,
        ),
    )
    hung_up = message.ended_by == "hangup"
    kept = message.recording.has_media
    if session.account.exchange.keeps_silence or (kept and message.spoken):
        if transcribe and kept:
            session.account.transcriber.begin(message.recording, session.call.record, callback)
        return await _follow_up(
            session, verb, message.recording, "hangup" if hung_up else message.key
        )
    if hung_up:
        raise CallEnded
    return None


def _longest(session: CallSession, verb: Verb, *, transcribe: bool) -> int:
    """Return the most seconds that are recorded; a longer ``maxLength`` adds a warning."""
    from_browser = session.call.record.from_.startswith("client:")
    most = _LONGEST_OF_BROWSER if from_browser else _LONGEST
    wanted = verb.seconds("maxLength", min(120 if transcribe else 3600, most))
    if wanted > most:
        why = ", for a call of a browser," if from_browser else ""
        words = f"Record: Invalid maxLength value: {wanted} s; at most {most} s{why} are recorded"
        session.warn(_INVALID_MAX_LENGTH, words, verb.line)
    return min(wanted, most)


async def _follow_up(
    session: CallSession, verb: Verb, recording: LiveRecording, digits: str
) -> FollowUp:
    params = [
        *session.account.recording_params(recording.record),
        ("Digits", digits),
    ]
    source = session.source(verb.attribute("action") or session.base, verb)
    if digits == "hangup":
        raise await ended_with(session, FollowUp(source, params))
    return FollowUp(source, params)
