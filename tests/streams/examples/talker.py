"""A bot that can be barged into: it talks, and stops as soon as the caller does.

It sends all it has to say at once, with a mark behind it. When it hears the caller it sends
``clear``; the mark comes back either way, and the log says which it was.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection, serve

LOUD = 5
"""Loud frames of 20 ms in a row that are a caller speaking."""
MAGNITUDE = [((((~c & 15) << 1) + 33) << (~c >> 4 & 7)) - 33 for c in range(256)]
"""Of each mu-law octet, 14 bits."""


def speech(seconds: float) -> bytes:
    """What it says: a tone, as mu-law; a real bot has a voice here."""
    nearest = {MAGNITUDE[code] * (1 if code & 128 else -1): code for code in range(256)}
    levels = sorted(nearest)
    wave = (1500 * math.sin(math.tau * 440 * n / 8000) for n in range(200))  # comes round in 200
    codes = bytes(nearest[min(levels, key=lambda level: abs(level - it))] for it in wave)
    return (codes * round(seconds * 40 + 1))[: round(seconds * 8000)]


async def talk(call: ServerConnection, codes: bytes, tell: Callable[[str], None] = print) -> None:
    loud, cleared = 0, False
    async for text in call:
        message = json.loads(text)
        if message["event"] == "start":
            sid = message["streamSid"]
            payload = base64.b64encode(codes).decode()
            await send(call, "media", sid, media={"payload": payload})
            await send(call, "mark", sid, mark={"name": "said"})
        elif message["event"] == "media":
            heard = base64.b64decode(message["media"]["payload"])
            is_loud = sum(MAGNITUDE[code] for code in heard) > 100 * len(heard)
            loud = loud + 1 if is_loud else 0
            if loud == LOUD and not cleared:
                cleared = True
                await send(call, "clear", message["streamSid"])
        elif message["event"] == "mark":
            tell("interrupted" if cleared else "said everything")
            return  # closes the stream: the call goes on


async def send(call: ServerConnection, event: str, sid: str, **content: object) -> None:
    await call.send(json.dumps({"event": event, "streamSid": sid, **content}))


async def main() -> None:
    codes = speech(10)
    async with serve(lambda call: talk(call, codes), "127.0.0.1", 5001) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
