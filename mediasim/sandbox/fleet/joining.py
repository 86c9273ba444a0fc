"""The front's door for workers: who may join, and what a worker is told that may not."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from mediasim import __version__
from mediasim.sandbox.fleet.ipc import (
    PipeClosed,
    ServedConnection,
    receive_message,
    send_message,
)
from mediasim.sandbox.fleet.member import Hello

if TYPE_CHECKING:
    from mediasim.sandbox.fleet.fleet import Fleet

__all__ = ["serve_worker"]

_HELLO_SECONDS: Final = 30.0
"""Seconds in which a worker has to say who it is."""
_POLICY_VIOLATION: Final = 1008
_NO_FLEET: Final = (
    "this sandbox carries its calls itself: expected one that was started with --workers 0, or with"
    " 2 and more"
)


async def serve_worker(
    fleet: Fleet | None, token: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve the WebSocket of a worker, for as long as it is there.

    ``token`` is the sandbox's, which a worker has to present on whatever machine it is; ``fleet``
    is None where calls are not shared.
    """
    await receive()
    scheme, _, presented = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        presented.strip().encode(), token.encode()
    ):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})  # answered with 403
        return
    await send({"type": "websocket.accept"})
    connection = ServedConnection(receive, send)
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            hello = Hello.read(await receive_message(connection))
        refusal = _refusal(fleet, hello)
        if fleet is not None and refusal is None:
            await fleet.serve(connection, hello)
        else:
            await send_message(connection, {"refused": refusal})
    except (PipeClosed, ValueError, TimeoutError):
        pass
    await connection.close()


def _refusal(fleet: Fleet | None, hello: Hello) -> str | None:
    """Return why a worker may not join; None if it may."""
    if hello.version != __version__:
        return f"the front is mediasim {__version__}, the worker {hello.version}: expected the same"
    return _NO_FLEET if fleet is None else fleet.refusal(hello)
