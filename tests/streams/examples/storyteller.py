"""A storyteller that can be interrupted: it goes on where its listener has stopped it.

It is told which of its words were heard; what it keeps of its story is what came after them.
"""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.server import ServerConnection, serve

STORY = (
    "Once upon a time there was a small exchange in the mountains. It connected three villages, "
    "and every evening the operator told a story to whoever picked up the telephone."
)


async def tell(call: ServerConnection) -> None:
    left = STORY
    async for text in call:
        message = json.loads(text)
        if message["type"] == "setup":
            await say(call, left)
        elif message["type"] == "interrupt":
            heard = message["utteranceUntilInterrupt"]
            left = left.removeprefix(heard).strip() if left.startswith(heard) else left
        elif message["type"] == "prompt":
            if "stop" in message["voicePrompt"].lower():
                await call.send(json.dumps({"type": "end"}))
            else:
                await say(call, left)


async def say(call: ServerConnection, words: str) -> None:
    """In tokens, as a model would: a word at a time."""
    *first, last = words.split(" ")
    for word in first:
        await call.send(json.dumps({"type": "text", "token": f"{word} ", "last": False}))
    await call.send(json.dumps({"type": "text", "token": last, "last": True}))


async def main() -> None:
    async with serve(tell, "127.0.0.1", 5001) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
