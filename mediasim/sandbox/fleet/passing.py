"""A request that is passed on to another process, and its answer on the way back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

__all__ = ["Receive", "Scope", "Send", "pass_on", "whole_body"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a body that has to be read before it is passed on."""
_OF_THE_CONNECTION: Final = (
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
)
"""Headers that say nothing to anybody further on (RFC 9110 section 7.6.1)."""
_OF_THIS_HOST: Final = (b"host", b"origin")


async def whole_body(receive: Receive, most: int = LARGEST) -> bytes | None:
    """A request's body; None if it has more than ``most`` bytes, or never came to its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def pass_on(
    client: httpx2.AsyncClient, url: str, scope: Scope, body: bytes | Receive | None, send: Send
) -> None:
    """Ask another process the same, and answer what it answers.

    ``url`` is where that process is; ``body`` has been read, or is still to come. Raises
    httpx2.HTTPError if it does not answer.
    """
    target = url + scope["raw_path"].decode("ascii")
    if scope["query_string"]:
        target += f"?{scope['query_string'].decode('ascii')}"
    dropped = (*_OF_THE_CONNECTION, *_OF_THIS_HOST)
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in dropped]
    content = _stream(body) if callable(body) else body
    request = client.build_request(scope["method"], target, headers=headers, content=content)
    answer = await client.send(request, stream=True)
    try:
        kept = [pair for pair in answer.headers.raw if pair[0].lower() not in _OF_THE_CONNECTION]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        async for piece in answer.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()


async def _stream(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
