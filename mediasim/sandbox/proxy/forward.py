"""Requests and WebSockets that are passed on to another server, as ASGI."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    import httpx2
    from websockets.asyncio.client import ClientConnection

__all__ = ["Forwarder", "forward_http"]

_HOP_BY_HOP: Final = (
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
)
"""Headers of a single connection, which are not passed on (RFC 9110 section 7.6.1)."""
_SECONDS_TO_CONNECT: Final = 10.0
_SECONDS_TO_ANSWER: Final = 300.0
"""Seconds between two pieces of a response, at most."""
_BAD_GATEWAY: Final = 502
_GOING_AWAY: Final = 1001
_CLIENT_ONLY: Final = (1005, 1006, 1015)
"""Codes that no close frame may have (RFC 6455 section 7.4.1)."""


class Forwarder:
    """Passes requests and WebSockets on to servers, by their URLs."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def forward(self, url: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or a WebSocket on to the server at a URL, with its own Host header.

        Answers 502 where the server does not answer.
        """
        import httpx2

        try:
            if scope["type"] == "websocket":
                await _forward_websocket(url, scope, receive, send)
            else:
                await forward_http(self._http_client(), url, scope, receive, send)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            await _answer_unreachable(url, error, scope, receive, send)

    async def close(self) -> None:
        """Close all idle connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _http_client(self) -> httpx2.AsyncClient:
        """Return the HTTP client, made at the first request: importing httpx2 takes long."""
        if self._client is None:
            import httpx2

            self._client = httpx2.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                timeout=httpx2.Timeout(_SECONDS_TO_ANSWER, connect=_SECONDS_TO_CONNECT),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
            )
            # No header but the client's own.
            self._client.headers.clear()
        return self._client


async def _answer_unreachable(
    url: str, error: Exception, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer 502, with why the server at a URL cannot be reached."""
    words = f"mediasim cannot reach {url}: {str(error) or type(error).__name__}"
    await JSONResponse({"error": words}, _BAD_GATEWAY)(scope, receive, send)


def _end_to_end(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers without those of a single connection."""
    named = {
        word.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for word in value.split(b",")
    }
    dropped = named.union(_HOP_BY_HOP)
    return [pair for pair in headers if pair[0].lower() not in dropped]


# -- HTTP ----------------------------------------------------------------------------------------


async def forward_http(
    client: httpx2.AsyncClient, url: str, scope: Scope, body: bytes | Receive | None, send: Send
) -> None:
    """Send a request to the server at a URL, and its response to the client.

    ``body`` was read, or is still to be received. Raises httpx2.HTTPError if the server does not
    respond.
    """
    target = url + scope["raw_path"].decode("ascii")
    if scope["query_string"]:
        target += f"?{scope['query_string'].decode('ascii')}"
    content = _stream(body) if callable(body) else body
    headers = _end_to_end(scope["headers"])
    if callable(body) and not _has_body(scope["headers"]):
        content = None  # or an empty body would be announced where there is none
    request = client.build_request(scope["method"], target, headers=headers, content=content)
    answer = await client.send(request, stream=True)
    try:
        kept = _end_to_end(answer.headers.raw)
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()


def _has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a request announces a body."""
    names = {name.lower() for name, _ in headers}
    return not names.isdisjoint((b"content-length", b"transfer-encoding"))


async def _stream(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the pieces of a request's body."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


# -- WebSocket -----------------------------------------------------------------------------------


async def _forward_websocket(url: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Open a WebSocket to the server at a URL, and pass the messages of both on."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
    from websockets.typing import Subprotocol

    if (await receive())["type"] != "websocket.connect":
        return
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _end_to_end(scope["headers"])
        if not name.lower().startswith(b"sec-websocket-") and name.lower() != b"host"
    ]
    where = urlsplit(url)
    host = dict(scope["headers"]).get(b"host", where.netloc.encode()).decode("latin-1")
    secure = where.scheme in ("https", "wss")
    target = f"{'wss' if secure else 'ws'}://{host}{scope['raw_path'].decode('ascii')}"
    if scope["query_string"]:
        target += f"?{scope['query_string'].decode('ascii')}"
    try:
        connection = await connect(
            target,
            host=where.hostname,
            port=where.port or (443 if secure else 80),
            additional_headers=headers,
            subprotocols=[Subprotocol(each) for each in scope["subprotocols"]] or None,
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=_SECONDS_TO_CONNECT,
            ping_interval=None,
            max_size=None,
        )
    except InvalidStatus as error:
        answer = error.response
        await Response(bytes(answer.body or b""), answer.status_code)(scope, receive, send)
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
        await _answer_unreachable(url, error, scope, receive, send)
    else:
        async with connection:
            await send({"type": "websocket.accept", "subprotocol": connection.subprotocol})
            await _exchange_messages(connection, receive, send)


async def _exchange_messages(connection: ClientConnection, receive: Receive, send: Send) -> None:
    """Pass messages on in both directions until one side closes."""
    outward = asyncio.ensure_future(_to_server(connection, receive))
    inward = asyncio.ensure_future(_to_client(connection, send))
    try:
        await asyncio.wait((outward, inward), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (outward, inward):
            task.cancel()
        await asyncio.gather(outward, inward, return_exceptions=True)


async def _to_server(connection: ClientConnection, receive: Receive) -> None:
    """Pass the client's messages on, and its close."""
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or 1000
                known = _GOING_AWAY if code in _CLIENT_ONLY else code
                await connection.close(known, message.get("reason") or "")
                return
            text = message.get("text")
            await connection.send(message["bytes"] if text is None else text)


async def _to_client(connection: ClientConnection, send: Send) -> None:
    """Pass the server's messages on, and its close."""
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    code = connection.close_code or _GOING_AWAY
    code = _GOING_AWAY if code in _CLIENT_ONLY else code
    reason = connection.close_reason or ""
    await send({"type": "websocket.close", "code": code, "reason": reason})
