"""The port through which streams reach an app: what they need of a WebSocket. It opens none.

The messages are text frames, most of them audio, and go both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

__all__ = ["StreamEnd", "StreamListener", "StreamPort", "StreamRefused", "StreamSocket"]


class StreamRefused(Exception):
    """No WebSocket could be opened; says why in words."""

    def __init__(self, words: str, why: Literal["timeout", "refused", "handshake"]) -> None:
        super().__init__(words)
        self.why = why


StreamEnd = Literal["closed", "protocol", "broken"]
"""How a WebSocket ended that we had not closed: by a close frame, for breaking the protocol, or
without either."""


class StreamListener(Protocol):
    """Receives what comes over a WebSocket. Called on the engine's loop, between frames."""

    def message(self, data: str | bytes) -> None:
        """A text frame has come, or a binary one."""

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        """The app has ended it. Called once, and not after our own ``close``."""

    def congested(self) -> None:
        """The app takes in less than it is sent: audio was left out."""


class StreamSocket(Protocol):
    """An open WebSocket. Used on the engine's loop."""

    def send(self, text: str, *, audio: bool = False) -> None:
        """Send a text frame. One of ``audio`` may be left out where the app cannot keep up.

        A virtual clock stands still until the app has read it and has had its chance to answer;
        an answer has been received by then.
        """

    def close(self) -> None:
        """Close it; the listener is called no more."""


class StreamPort(Protocol):
    """The user's app, over WebSockets. Awaited on the engine's loop; a virtual clock holds."""

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> StreamSocket:
        """Open one at a ``ws://`` or ``wss://`` URL. Raises StreamRefused."""
