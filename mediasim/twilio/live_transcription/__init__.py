"""Real-time transcription: the words of a call are told to the app while they are said."""

from mediasim.twilio.live_transcription.manager import (
    LiveTranscriptionManager,
    LiveTranscriptionRecord,
)
from mediasim.twilio.live_transcription.request import (
    REALTIME_TRANSCRIPTION,
    LiveTranscriptionRequest,
)

__all__ = [
    "REALTIME_TRANSCRIPTION",
    "LiveTranscriptionManager",
    "LiveTranscriptionRecord",
    "LiveTranscriptionRequest",
]
