"""What Twilio's behaviour needs from outside: the user's app over HTTP and over WebSockets."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

__all__ = [
    "Gate",
    "HttpAnswer",
    "HttpFailed",
    "HttpLimits",
    "HttpPort",
    "HttpRequest",
    "on_this_loop",
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


async def on_this_loop(work: Callable[[], Any]) -> Any:
    """The gate of callers that are on the engine's loop already."""
    result = work()
    return await result if inspect.isawaitable(result) else result


class HttpFailed(Exception):
    """No answer came; says why in words."""

    def __init__(self, words: str, *, timed_out: bool = False, refused: bool = False) -> None:
        super().__init__(words)
        self.timed_out = timed_out
        self.refused = refused
        """Nothing listens there, or the host may not be called: no request was sent."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to the user's app, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a request may take, and how long its answer may be."""

    connect_seconds: float
    total_seconds: float
    """Of the connection and the answer together."""
    most_bytes: int
    """Of the answer's body."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An app's answer; redirects are not followed."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class HttpPort(Protocol):
    """The user's app, over HTTP. Awaited on the engine's loop; a virtual clock holds meanwhile."""

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        """Send one request. Raises HttpFailed when there is no answer, or too long a one."""
