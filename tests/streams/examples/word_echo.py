"""An echo in words: says what it has heard, over Twilio's ConversationRelay.

The document that connects a call to it:

    <Response><Connect><ConversationRelay url="ws://127.0.0.1:5001/"/></Connect></Response>
"""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.server import ServerConnection, serve


async def echo(call: ServerConnection) -> None:
    async for text in call:
        message = json.loads(text)
        if message["type"] == "prompt" and message["last"]:
            words = f"You said: {message['voicePrompt']}"
            await call.send(json.dumps({"type": "text", "token": words, "last": True}))


async def main() -> None:
    async with serve(echo, "127.0.0.1", 5001) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
