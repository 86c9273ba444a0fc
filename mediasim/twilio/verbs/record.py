"""Record: a beep, and what the caller says until it stops."""

from __future__ import annotations

import asyncio
from typing import cast

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.audio.tones import beep
from mediasim.exchange.keypad import NOTICE_FRAMES, Keys, listen_for_keys
from mediasim.exchange.layout import Channels
from mediasim.exchange.layout import Track as RecordedTrack
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.trim import Trim
from mediasim.media.recorder import Track
from mediasim.parties.hearing import SpeechTracker, fired
from mediasim.twilio.asks import Callback, RecordingRequest, Script
from mediasim.twilio.session import CallEnded, CallSession, FollowUp
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
    tracker = SpeechTracker(NOTICE_FRAMES)
    hung_up = False
    pressed = ""
    with listen_for_keys(session.call) as keys:
        if verb.flag("playBeep", True):
            await session.play(beep(), "beep")
        recording = session.service.recordings.of_verb(session.call, ask)
        session.call.room.listen(session.call.leg, Track.INBOUND, tracker)
        key = session.spawn(_key(session, keys, verb.attribute("finishOnKey", "1234567890*#")))
        try:
            await session.until(
                _silence(session, tracker, verb.seconds("timeout", 5)),
                asyncio.shield(key),
                session.exchange.sleep(verb.seconds("maxLength", 3600) * NS_PER_SECOND),
            )
        except CallEnded:
            hung_up = True
        finally:
            if session.call.active:
                session.call.room.stop_listening(session.call.leg, tracker)
            if key.done() and not key.cancelled():
                pressed = key.result()
            key.cancel()
            recording.stop()
    said = recording.record.status == "completed" and tracker.spoken
    if not said and not hung_up:
        return None
    if said:
        if transcribe:
            session.service.transcriber.begin(recording, session.call.record, told)
        return await _ask(session, verb, recording, "hangup" if hung_up else pressed)
    raise CallEnded


async def _ask(session: CallSession, verb: Verb, recording: LiveRecording, digits: str) -> FollowUp:
    params = [
        ("RecordingUrl", session.service.recordings.url(recording.sid)),
        ("RecordingSid", recording.sid),
        ("RecordingDuration", str(recording.record.duration_seconds())),
        ("Digits", digits),
    ]
    action = verb.attribute("action") or session.base
    script = Script(session.absolute(action), verb.attribute("method", "POST"))
    if digits == "hangup":
        await session.document(script, params)  # the app is told; nobody is there to hear more
        raise CallEnded
    return FollowUp(script, params)


async def _silence(session: CallSession, tracker: SpeechTracker, seconds: int) -> None:
    frames = seconds * NS_PER_SECOND // FRAME_NS
    frame = await fired(lambda tell: tracker.wait_silence(frames, tell))
    await session.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)


async def _key(session: CallSession, keys: Keys, finish_on: str) -> str:
    while True:
        frame, digit = await keys.get()
        if digit in finish_on:
            await session.exchange.sleep_until((frame + NOTICE_FRAMES) * FRAME_NS)
            return digit
