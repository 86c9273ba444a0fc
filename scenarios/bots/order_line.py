"""A small voice bot: greets, answers each time the caller has stopped, and can be barged into.

Its voice is a tone, so that it needs no model: what it shows is the conversation. It thinks in
frames that it is sent, not by a clock of its own, so a run of it is the same every time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os

from websockets.asyncio.server import ServerConnection, serve

LOUD, QUIET = 3, 20
"""Frames of 20 ms: so many loud ones are a caller speaking, so many quiet ones a caller done."""
MAGNITUDE = [((((~c & 15) << 1) + 33) << (~c >> 4 & 7)) - 33 for c in range(256)]
"""Of each mu-law octet, 14 bits."""


def words(hz: int, seconds: float) -> str:
    """What it says: a tone, as mu-law in base64; a real bot has a voice here."""
    nearest = {MAGNITUDE[code] * (1 if code & 128 else -1): code for code in range(256)}
    levels = sorted(nearest)
    wave = (1500 * math.sin(math.tau * hz * n / 8000) for n in range(400))  # comes round in 400
    codes = bytes(nearest[min(levels, key=lambda level: abs(level - it))] for it in wave)
    return base64.b64encode((codes * 400)[: round(seconds * 8000)]).decode()


GREETING, ANSWER = words(440, 1.2), words(520, 3.0)


async def converse(call: ServerConnection) -> None:
    loud = quiet = 0
    heard = talking = False
    async for text in call:
        message = json.loads(text)
        sid = message.get("streamSid", "")
        if message["event"] == "start":
            await say(call, sid, GREETING)
            talking = True
        elif message["event"] == "mark":
            talking = False
        elif message["event"] == "media":
            codes = base64.b64decode(message["media"]["payload"])
            speaks = sum(MAGNITUDE[code] for code in codes) > 100 * len(codes)
            loud, quiet = (loud + 1, 0) if speaks else (0, quiet + 1)
            heard = heard or loud == LOUD
            if talking and loud == LOUD:
                await call.send(json.dumps({"event": "clear", "streamSid": sid}))
            if heard and quiet == QUIET:
                await say(call, sid, ANSWER)
                heard, talking = False, True


async def say(call: ServerConnection, sid: str, payload: str) -> None:
    """Audio, and a mark that comes back when it has been played, or cleared."""
    for event, content in (("media", {"payload": payload}), ("mark", {"name": "said"})):
        await call.send(json.dumps({"event": event, "streamSid": sid, event: content}))


async def main() -> None:
    async with serve(converse, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
