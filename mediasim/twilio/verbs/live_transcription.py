"""Transcription in Start and Stop: the words of the call are told to the app as they are said."""

from __future__ import annotations

from typing import cast

from mediasim.twilio.errors import BAD_PARAMETER, TwilioError
from mediasim.twilio.live_transcription import LiveTranscriptionRequest
from mediasim.twilio.requests import Callback, StreamTrack
from mediasim.twilio.session import CallSession
from mediasim.twilio.twiml import SCHEMA, Verb

__all__ = ["start_transcription", "stop_transcription"]


def start_transcription(session: CallSession, noun: Verb) -> None:
    """Start a transcription; one that is refused adds a notification and starts nothing."""
    request = _request(session, noun)
    transcriptions = session.account.live_transcriptions
    try:
        transcriptions.start(session.call.sid, request)
    except TwilioError as error:
        code = SCHEMA if error.code == BAD_PARAMETER else error.code
        session.warn(code, f"Transcription: {error.message}", noun.line)
        transcriptions.refused(session.call, request, error)


def stop_transcription(session: CallSession, noun: Verb) -> None:
    """Stop the transcription of a name; without one, the newest."""
    name = noun.attribute("name")
    if not session.account.live_transcriptions.stop_named(session.call.sid, name):
        which = f"named {name[:40]!r} " if name else ""
        words = f"Stop: no transcription {which}is under way on this call"
        session.warn(SCHEMA, words, noun.line)


def _request(session: CallSession, noun: Verb) -> LiveTranscriptionRequest:
    url = noun.attribute("statusCallbackUrl")
    callback = None
    if url:
        method = noun.attribute("statusCallbackMethod", "POST")
        callback = Callback(session.absolute(url), method)
    return LiveTranscriptionRequest(
        name=noun.attribute("name") or None,
        track=cast(StreamTrack, noun.attribute("track", "both_tracks")),
        callback=callback,
        language=noun.attribute("languageCode") or "en-US",
        inbound_label=noun.attribute("inboundTrackLabel"),
        outbound_label=noun.attribute("outboundTrackLabel"),
        engine=noun.attribute("transcriptionEngine").lower() or "google",
        model=noun.attribute("speechModel"),
        provider_data=noun.flag("enableProviderData", False),
        profanity_filter=noun.flag("profanityFilter", True),
        partial_results=noun.flag("partialResults", False),
        hints=noun.attribute("hints"),
        service=noun.attribute("intelligenceService"),
        punctuation=noun.flag("enableAutomaticPunctuation", True),
    )
