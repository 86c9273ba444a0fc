"""Parts of forms that several resources have: documents, recordings, times."""

from __future__ import annotations

from typing import Final, get_args

from mediasim.exchange.profiles import Channels, Track
from mediasim.exchange.trim import Trim
from mediasim.twilio.asks import RecordingRequest, Script
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.rest.params import Params

__all__ = ["CALL_EVENTS", "LONGEST_CALL", "RECORDING_EVENTS", "recording_asked", "script_asked"]

CALL_EVENTS: Final = ("initiated", "ringing", "answered", "completed")
RECORDING_EVENTS: Final = ("in-progress", "completed", "absent", "failed")
LONGEST_CALL: Final = 86_400
"""Most seconds of a TimeLimit: a day, as of the Dial verb's."""
_LONGEST_TWIML: Final = 4000
_BAD_URL: Final = 21205
_BAD_METHOD: Final = 21209


def script_asked(form: Params) -> Script | None:
    """Url or Twiml, and the fallback; None without either. Url goes first."""
    method = form.method("Method", code=_BAD_METHOD)
    fallback_method = form.method("FallbackMethod", code=_BAD_METHOD)
    url = form.url("Url", code=_BAD_URL)
    fallback = form.url("FallbackUrl", code=_BAD_URL) or None
    twiml = form.text("Twiml", longest=_LONGEST_TWIML)
    if url:
        return Script(url, method, fallback, fallback_method)
    if twiml:
        return Script(None, method, fallback, fallback_method, twiml)
    if url == "":
        raise bad_parameter("Url parameter is required.", _BAD_URL)
    return None


def recording_asked(form: Params, trim: Trim) -> RecordingRequest:
    """RecordingChannels, RecordingTrack, Trim and RecordingStatusCallback; a default for Trim."""
    return RecordingRequest(
        channels=form.word("RecordingChannels", get_args(Channels)) or "mono",
        track=form.word("RecordingTrack", get_args(Track)) or "both",
        trim=form.word("Trim", get_args(Trim)) or trim,
        callback=form.callback("RecordingStatusCallback", RECORDING_EVENTS),
    )
