"""The port through which media streams reach an app: an interface for WebSockets.

The messages are text frames, most of them audio, and go both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

__all__ = ["StreamEnd", "StreamListener", "StreamPort", "StreamRefused", "StreamSocket"]


class StreamRefused(Exception):
    """Raised if no WebSocket could be opened; the message says why."""

    def __init__(self, words: str, why: Literal["timeout", "refused", "handshake"]) -> None:
        super().__init__(words)
        self.why = why
        """The kind of failure."""


StreamEnd = Literal["closed", "protocol", "broken"]
"""How a WebSocket ended that we had not closed: by a close frame, for breaking the protocol, or
without either."""


class StreamListener(Protocol):
    """Receives the messages of a WebSocket. Called on the engine's loop, between frames."""

    def message(self, data: str | bytes) -> None:
        """Handle a text frame, or a binary one."""

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        """Handle the end by the app. Called once, and not after our own ``close``."""

    def congested(self) -> None:
        """Handle that audio was left out: the app takes in less than it is sent."""


class StreamSocket(Protocol):
    """An open WebSocket. Used on the engine's loop."""

    def send(self, text: str, *, audio: bool = False) -> None:
        """Send a text frame. One of ``audio`` may be left out where the app cannot keep up.

        A virtual clock stands still until the app has read it and has had its chance to answer; an
        answer has been received by then.
        """

    def settle(self) -> None:
        """Let a virtual clock stand still until the app has had its chance to speak, as after a
        message."""

    def close(self, code: int = 1000) -> None:
        """Close it with a code; the listener is not called any more."""


class StreamPort(Protocol):
    """Opens WebSockets to the user's app. Awaited on the engine's loop; a virtual clock holds."""

    async def connect(
        self, url: str, headers: Mapping[str, str], listener: StreamListener
    ) -> StreamSocket:
        """Open a WebSocket at a ``ws://`` or ``wss://`` URL. Raises StreamRefused."""
