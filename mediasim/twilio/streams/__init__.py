"""Media Streams: a call's audio to an app over a WebSocket, and the app's audio back to the call.

Nothing here opens a connection: that is :class:`mediasim.twilio.ports.StreamPort`.
"""

from mediasim.twilio.streams.desk import StreamDesk
from mediasim.twilio.streams.measure import Figures, conversation_figures, recording_figures
from mediasim.twilio.streams.record import StreamRecord
from mediasim.twilio.streams.stream import Stream

__all__ = [
    "Figures",
    "Stream",
    "StreamDesk",
    "StreamRecord",
    "conversation_figures",
    "recording_figures",
]
