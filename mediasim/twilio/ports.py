"""What Twilio's behaviour needs from outside: the engine's loop, and HTTP to the user's app."""

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
    """Runs work of other threads on the engine's loop."""

    @overload
    async def __call__(self, work: Callable[[], Awaitable[T]]) -> T: ...
    @overload
    async def __call__(self, work: Callable[[], T]) -> T: ...
    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Run a function on the engine's loop; return its result, raise what it raises."""


async def on_this_loop(work: Callable[[], Any]) -> Any:
    """Run a function here: the gate of callers that are on the engine's loop already."""
    result = work()
    return await result if inspect.isawaitable(result) else result


class HttpFailed(Exception):
    """A request to the app got no response; the text says why."""

    took_ms: int | None = None
    """Milliseconds of real time until it failed; None where nothing measures them."""

    def __init__(self, words: str, *, timed_out: bool = False, refused: bool = False) -> None:
        super().__init__(words)
        self.timed_out = timed_out
        self.refused = refused
        """Whether no connection was made, and so no request sent."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to the user's app, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a request may take, and how large its response may be."""

    connect_seconds: float
    total_seconds: float
    """Most seconds for the connection and the response together."""
    most_bytes: int
    """Most bytes of the response's body."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An app's response; redirects are not followed."""

    status: int
    headers: Mapping[str, str]
    """Header fields, their names in lower case."""
    body: bytes
    took_ms: int | None = None
    """Milliseconds of real time until it was there; None where nothing measures them."""


class HttpPort(Protocol):
    """Sends requests to the user's app. A virtual clock holds while a request is sent."""

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        """Send one request and return its response.

        Raises HttpFailed if no response comes in time, or it is larger than allowed.
        """
