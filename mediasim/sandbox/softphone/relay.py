"""Devices of the browser SDK that came to another sandbox than that of their account.

The SDK's WebSocket names no account: its token comes in the first message. A proxy before several
sandboxes cannot know where it belongs, so the sandbox that got it hands it on.
"""

from __future__ import annotations

import json
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from mediasim.sandbox.proxy.forward import Forwarder
from mediasim.sandbox.sandbox import Sandbox
from mediasim.sandbox.softphone.sdk import serve_voice_sdk
from mediasim.twilio.access_token import claimed_account

__all__ = ["serve_signal"]

_RELAYED: Final = b"x-mediasim-relayed"
"""Header of a WebSocket that another sandbox has handed on; it is not handed on again."""
_TRY_AGAIN: Final = 1013


async def serve_signal(sandbox: Sandbox, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the WebSocket of one Device, or hand it on to the sandbox of its account."""
    shard, peers = sandbox.settings.shard, sandbox.settings.peers
    relayed = any(name == _RELAYED for name, _ in scope["headers"])
    if shard is None or peers is None or relayed:
        await serve_voice_sdk(sandbox, scope, receive, send)
        return
    seen = [await receive()]
    await send({"type": "websocket.accept"})
    home: int | None = None
    while home is None:
        seen.append(await receive())
        if seen[-1]["type"] != "websocket.receive":
            return
        if (token := _token_in(seen[-1])) is not None:
            account = claimed_account(token)
            # Of one that names no account this sandbox says what is wrong with it.
            home = shard.index if account is None else shard.home(account)
    waiting = iter(seen)

    async def replayed() -> Message:
        return next(waiting, None) or await receive()

    async def sent(message: Message) -> None:
        if message["type"] in ("websocket.send", "websocket.close"):
            await send(message)
        elif message["type"] == "websocket.http.response.start":  # it was accepted already
            await send({"type": "websocket.close", "code": _TRY_AGAIN})

    if home == shard.index:
        await serve_voice_sdk(sandbox, scope, replayed, sent)
        return
    headers = [*scope["headers"], (_RELAYED, str(shard).encode())]
    url = peers.replace("{}", str(home))
    await Forwarder().forward(url, {**scope, "headers": headers}, replayed, sent)


def _token_in(message: Message) -> str | None:
    """Return the access token in a message of the SDK's; an empty text in one that lacks it.

    None for a message that comes without one.
    """
    try:
        frame = json.loads(message.get("text") or "null")
        if frame["type"] != "listen":
            return None
        return str(frame["payload"]["token"])
    except (ValueError, TypeError):
        return None
    except KeyError:
        return ""
