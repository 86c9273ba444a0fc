"""An echo bot: every 20 ms of the call's audio goes straight back.

python echo_bot.py, and <Connect><Stream url="ws://127.0.0.1:5001/"/></Connect>
"""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.server import ServerConnection, serve


async def echo(call: ServerConnection) -> None:
    async for text in call:
        message = json.loads(text)
        if message["event"] == "media":
            back = {
                "event": "media",
                "streamSid": message["streamSid"],
                "media": {"payload": message["media"]["payload"]},
            }
            await call.send(json.dumps(back))


async def main() -> None:
    async with serve(echo, "127.0.0.1", 5001) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
