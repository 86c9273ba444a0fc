"""Media Streams: a call's audio to an app over a WebSocket, and the app's audio back to the call.

A stream opens its connection through a :class:`mediasim.net.stream_port.StreamPort`;
``net/web_streams.py`` has the real one.
"""

from mediasim.twilio.streams.manager import StreamManager
from mediasim.twilio.streams.stream import MediaStream, StreamOwner, StreamRecord

__all__ = [
    "MediaStream",
    "StreamManager",
    "StreamOwner",
    "StreamRecord",
    "frame_listener",
    "handshake",
    "playback",
    "stream",
]
