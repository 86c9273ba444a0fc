"""The messages of a media stream, written and read: JSON in text frames.

Source: Twilio docs, "Media Streams - WebSocket Messages". Numbers are decimal strings. Sequence
numbers count every message from ``start`` on, chunks count each track's media from 1.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mediasim.twilio.streams.handshake import INVALID_MESSAGE, MALFORMED_MESSAGE

__all__ = ["AppClear", "AppMark", "AppMedia", "AppMessage", "BadStreamMessage", "Messages", "read"]

CONNECTED: Final = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
_PLAIN_MEDIA: Final = re.compile(
    r'\{"event": ?"media", ?"streamSid": ?"(\w+)", ?"media": ?\{"payload": ?"([\w+/=]*)"\}\}',
    re.ASCII,
)
"""As most apps write it, fifty times a second."""
_MOST_SHOWN: Final = 80
"""Characters of a wrong message in its notification."""


class Messages:
    """What is sent on one stream, numbered in the order in which it is written."""

    def __init__(self, stream_sid: str, account_sid: str, call_sid: str) -> None:
        self._stream_sid = stream_sid
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._sequence = 0
        self._chunks: dict[str, int] = {}

    @property
    def sent(self) -> int:
        """How many have a number so far."""
        return self._sequence

    def start(self, tracks: Sequence[str], parameters: Mapping[str, str]) -> str:
        """``start``; ``tracks`` are ``inbound`` and ``outbound``."""
        start = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": list(tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._written("start", start)

    def media(self, track: str, timestamp_ms: int, codes: bytes) -> str:
        """``media``: mu-law octets of a track, so long after the stream's start."""
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
        """``dtmf``: a key that the call's party pressed."""
        return self._written("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        """``mark``: what the app sent before its mark has been played, or was cleared."""
        return self._written("mark", {"name": name})

    def stop(self) -> str:
        """``stop``: nothing follows."""
        return self._written("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _written(self, event: str, content: Mapping[str, Any]) -> str:
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
    """Audio to be played to the call."""

    codes: bytes
    """Mu-law octets, as many as the app likes."""


@dataclass(frozen=True, slots=True)
class AppMark:
    """To be sent back once everything before it has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class AppClear:
    """Forget what has not been played yet."""


AppMessage = AppMedia | AppMark | AppClear


class BadStreamMessage(Exception):
    """Not a message that an app may send; has Twilio's code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def read(data: str | bytes, stream_sid: str) -> AppMessage:
    """What the app sent on a stream. Raises BadMessage.

    Fields that nobody asked for are passed over.
    """
    if isinstance(data, bytes):
        words = f"a binary frame of {len(data)} bytes; expected text frames with JSON"
        raise BadStreamMessage(MALFORMED_MESSAGE, words)
    plain = _PLAIN_MEDIA.fullmatch(data)
    if plain is not None and plain[1] == stream_sid:
        return _media(plain[2])
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        raise _invalid(f"{data[:_MOST_SHOWN]!r} is not JSON") from None
    if not isinstance(message, dict):
        raise _invalid(f"{data[:_MOST_SHOWN]!r} is no JSON object")
    event = message.get("event")
    if event not in ("media", "mark", "clear"):
        raise _invalid(f"event {_shown(event)}: an app sends media, mark or clear")
    if message.get("streamSid") != stream_sid:
        found = _shown(message.get("streamSid"))
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
        raise _invalid(f"media.payload {_shown(value)} is not base64") from None


def _invalid(words: str) -> BadStreamMessage:
    return BadStreamMessage(INVALID_MESSAGE, words)


def _shown(value: object) -> str:
    return repr(value)[:_MOST_SHOWN]
