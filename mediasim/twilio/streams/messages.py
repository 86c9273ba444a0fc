"""The messages of a media stream: JSON in text frames.

Source: Twilio docs, "Media Streams - WebSocket Messages". Numbers are decimal strings. Sequence
numbers count every message from ``start`` on, chunks count each track's media from 1.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mediasim.twilio.streams.handshake import StreamCode

__all__ = ["AppClear", "AppMark", "AppMedia", "AppMessage", "BadStreamMessage", "Messages", "read"]

CONNECTED: Final = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
_PLAIN_MEDIA: Final = re.compile(
    r'\{"event": ?"media", ?"streamSid": ?"(\w+)", ?"media": ?\{"payload": ?"', re.ASCII
)
"""A media message as most apps write it, up to its payload."""
_PLAIN_END: Final = '"}}'
"""What follows the payload then."""
_LONGEST_EXCERPT: Final = 80
"""Most characters of a wrong message in its notification."""


class Messages:
    """Writes the messages of one stream, numbered in order."""

    def __init__(self, stream_sid: str, account_sid: str, call_sid: str) -> None:
        self._stream_sid = stream_sid
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._sequence = 0
        self._chunks: dict[str, int] = {}

    @property
    def sent(self) -> int:
        """Number of numbered messages so far."""
        return self._sequence

    def start(self, tracks: Sequence[str], parameters: Mapping[str, str]) -> str:
        """Return ``start``, which names the tracks, ``inbound`` and ``outbound``."""
        start = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": list(tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._message("start", start)

    def media(self, track: str, timestamp_ms: int, codes: bytes) -> str:
        """Return ``media``: mu-law octets of a track at a time since the stream's start."""
        self._sequence += 1
        self._chunks[track] = chunk = self._chunks.get(track, 0) + 1
        payload = binascii.b2a_base64(codes, newline=False).decode("ascii")
        # By hand: it is written fifty times a second for each track, and nothing needs quoting.
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"{track}",'
            f'"chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":"{payload}"}},'
            f'"streamSid":"{self._stream_sid}"}}'
        )

    def dtmf(self, digit: str) -> str:
        """Return ``dtmf``: the party has pressed a key."""
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        """Return ``mark``: the audio before the app's mark was played, or cleared."""
        return self._message("mark", {"name": name})

    def stop(self) -> str:
        """Return ``stop``, the last message."""
        return self._message("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _message(self, event: str, content: Mapping[str, Any]) -> str:
        self._sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            event: content,
            "streamSid": self._stream_sid,
        }
        return json.dumps(message, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class AppMedia:
    """Audio that is played to the call."""

    codes: bytes
    """Mu-law octets, of any number."""


@dataclass(frozen=True, slots=True)
class AppMark:
    """A mark that is sent back once all audio before it was played."""

    name: str


@dataclass(frozen=True, slots=True)
class AppClear:
    """A request to drop the audio that was not played yet."""


AppMessage = AppMedia | AppMark | AppClear


class BadStreamMessage(Exception):
    """A message that an app may not send; ``code`` is Twilio's."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def read(data: str | bytes, stream_sid: str) -> AppMessage:
    """Read a message of the app; unknown fields are ignored.

    Raises BadStreamMessage if it is no message that an app may send on this stream.
    """
    if isinstance(data, bytes):
        words = f"a binary frame of {len(data)} bytes; expected text frames with JSON"
        raise BadStreamMessage(StreamCode.MALFORMED_MESSAGE, words)
    plain = _PLAIN_MEDIA.match(data)
    if plain is not None and plain[1] == stream_sid and data.endswith(_PLAIN_END):
        # What is base64 to its end has nothing in it that JSON would read in another way.
        with contextlib.suppress(binascii.Error, ValueError):
            payload = data[plain.end() : -len(_PLAIN_END)]
            return AppMedia(binascii.a2b_base64(payload, strict_mode=True))
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise _invalid(f"{data[:_LONGEST_EXCERPT]!r} is not JSON") from None
    if not isinstance(message, dict):
        raise _invalid(f"{data[:_LONGEST_EXCERPT]!r} is no JSON object")
    event = message.get("event")
    if event not in ("media", "mark", "clear"):
        raise _invalid(f"event {_excerpt(event)}: an app sends media, mark or clear")
    if message.get("streamSid") != stream_sid:
        found = _excerpt(message.get("streamSid"))
        raise _invalid(f"{event} for streamSid {found}: this stream is {stream_sid}")
    if event == "clear":
        return AppClear()
    content = message.get(event)
    key = "payload" if event == "media" else "name"
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, str):
        raise _invalid(f"{event} without a text {event}.{key}")
    if event == "mark":
        return AppMark(value)
    return _media(value)


def _media(value: str) -> AppMedia:
    try:
        return AppMedia(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        raise _invalid(f"media.payload {_excerpt(value)} is not base64") from None


def _invalid(words: str) -> BadStreamMessage:
    return BadStreamMessage(StreamCode.INVALID_MESSAGE, words)


def _excerpt(value: object) -> str:
    return repr(value)[:_LONGEST_EXCERPT]
