"""A small bot in words: over Twilio's ConversationRelay, which hears and speaks for it.

It answers each thing it is told, a word at a time as a model would, and says good bye.
"""

from __future__ import annotations

import asyncio
import json
import os

from websockets.asyncio.server import ServerConnection, serve

ANSWERS = {
    "order": "It left this morning and will be with you on Friday.",
    "neighbour": "Of course. I have made a note of it.",
    "bye": "Good bye.",
}


async def converse(call: ServerConnection) -> None:
    async for text in call:
        message = json.loads(text)
        if message["type"] == "prompt" and message["last"]:
            said = message["voicePrompt"].lower()
            known = (words for key, words in ANSWERS.items() if key in said)
            await say(call, next(known, "Could you say that again, please?"))


async def say(call: ServerConnection, words: str) -> None:
    tokens = words.split(" ")
    for number, word in enumerate(tokens, 1):
        last = number == len(tokens)
        token = word if last else f"{word} "
        await call.send(json.dumps({"type": "text", "token": token, "last": last}))


async def main() -> None:
    async with serve(converse, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
