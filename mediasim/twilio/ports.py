"""What Twilio's behaviour needs from outside: the user's app over HTTP and over WebSockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, overload

__all__ = [
    "Gate",
    "HttpAnswer",
    "HttpFailed",
    "HttpPort",
    "StreamEnd",
    "StreamListener",
    "StreamPort",
    "StreamRefused",
    "StreamSocket",
]

T = TypeVar("T")


class Gate(Protocol):
    """The way of other threads onto the engine's loop."""

    @overload
    async def __call__(self, work: Callable[[], Awaitable[T]]) -> T: ...
    @overload
    async def __call__(self, work: Callable[[], T]) -> T: ...
    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Do it on the engine's loop; returns its result, raises what it raises."""


class HttpFailed(Exception):
    """No answer came; says why in words."""

    def __init__(self, words: str, *, timed_out: bool = False, refused: bool = False) -> None:
        super().__init__(words)
        self.timed_out = timed_out
        self.refused = refused
        """Nothing listens there, or the host may not be called: no request was sent."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An app's answer; redirects are not followed."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class HttpPort(Protocol):
    """The user's app, over HTTP. Awaited on the engine's loop; a virtual clock holds meanwhile."""

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect_seconds: float,
        total_seconds: float,
        most_bytes: int,
    ) -> HttpAnswer:
        """One request. Raises HttpFailed when there is no answer, or too long a one."""


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
