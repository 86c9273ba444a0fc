"""What a stream of messages needs of a WebSocket; it opens none.

The messages are text frames, most of them audio, and go both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

__all__ = ["StreamEnd", "StreamListener", "StreamPort", "StreamRefused", "StreamSocket"]


class StreamRefused(Exception):
    """No WebSocket came about; says why in words."""

    def __init__(self, words: str, why: Literal["timeout", "refused", "handshake"]) -> None:
        super().__init__(words)
        self.why = why


StreamEnd = Literal["closed", "protocol", "broken"]
"""How a WebSocket ended that we had not closed: by a close frame, for breaking the protocol, or
without a word."""


class StreamListener(Protocol):
    """Who hears what comes over a WebSocket. Called on the engine's loop, between frames."""

    def message(self, data: str | bytes) -> None:
        """A text frame, or a binary one."""

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        """The far side has ended it; told once, and not after our own ``close``."""

    def congested(self) -> None:
        """The far side takes in less than it is sent: audio was left out."""


class StreamSocket(Protocol):
    """An open WebSocket. Used on the engine's loop."""

    def send(self, text: str, *, audio: bool = False) -> None:
        """A text frame, after those before it. ``audio``: may be left out when it cannot keep up.

        A virtual clock then stands still until the app has taken it in and has had its chance to
        answer: what it answered has been heard by then.
        """

    def close(self) -> None:
        """Say that this was all; nothing is heard from now on."""


class StreamPort(Protocol):
    """The user's app, over WebSockets. Awaited on the engine's loop; a virtual clock holds."""

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> StreamSocket:
        """Open one at a ``ws://`` or ``wss://`` URL. Raises StreamRefused."""
