"""An order line: finds an order by its number, said or typed, and hands over to a person.

It needs dtmfDetection="true" and a welcomeGreeting that asks for the number. What it hands over is
in the request to the Connect's action, as HandoffData.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

ORDERS = {"4711": "It left this morning.", "1234": "It is being packed."}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


async def answer(call: ServerConnection) -> None:
    keys = ""
    async for text in call:
        message = json.loads(text)
        if message["type"] == "prompt":
            said = message["voicePrompt"].lower()
            if re.search("agent|person|human", said):
                await hand_over(call, "asked for a person")
            else:
                await tell(call, digits_in(said))
        elif message["type"] == "dtmf":
            keys += message["digit"]
            if len(keys) == 4:
                await tell(call, keys)
                keys = ""


def digits_in(said: str) -> str:
    """The digits in words that were heard."""
    found = re.findall(r"[0-9]|" + "|".join(WORDS), said)
    return "".join(str(WORDS.index(each)) if each in WORDS else each for each in found)


async def tell(call: ServerConnection, number: str) -> None:
    known = ORDERS.get(number)
    words = known or f"I know no order {' '.join(number)}." if number else "Say it again, please."
    await send(call, type="text", token=f"{words} ", last=False)
    await send(call, type="text", token="Anything else?", last=True)


async def hand_over(call: ServerConnection, why: str) -> None:
    await send(call, type="end", handoffData=json.dumps({"reason": why}))


async def send(call: ServerConnection, **message: Any) -> None:
    await call.send(json.dumps(message))


async def main() -> None:
    async with serve(answer, "127.0.0.1", 5001) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
