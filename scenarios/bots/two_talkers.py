"""Two voice bots in one file, a customer and an order line, which call each other by Media Streams.

The parameter ``role`` of a stream says which of them it is for. Each says its lines in turn, in a
voice of its own: when the other has fallen silent, or some time after the other has begun, to see
whether it lets itself be interrupted. Like a real one, each falls silent when it is spoken to.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from typing import NamedTuple

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.parties.voices.speech import Speaker

LOUD, QUIET = 3, 25
"""Frames of 20 ms: so many loud ones are speech, so many quiet ones its end."""


class Line(NamedTuple):
    text: str
    after: int | None = None
    """Frames into what the other says at which this is said; None: once the other is silent."""


LINES = {
    "agent": (
        Line("Good morning, this is the order line.", after=0),
        Line("Sorry, what is your order number?", after=100),
        Line("Thank you. It left this morning and will be with you tomorrow before eleven."),
        Line("Of course, I have made a note of it."),
        Line("Good bye."),
    ),
    "customer": (
        Line("Hello. I would like to know where my order is because I have waited for a week."),
        Line("It is four two seven."),
        Line("Can you send it to my neighbour?", after=75),
        Line("Thank you, good bye."),
    ),
}
VOICES = {"agent": "emma", "customer": "ben"}
SPEAKER = Speaker()
SPOKEN = {
    (role, line.text): ulaw_encode(SPEAKER.say(line.text, VOICES[role]).pcm).tobytes()
    for role, lines in LINES.items()
    for line in lines
}


class Talker:
    """One end of one call."""

    def __init__(self, call: ServerConnection, sid: str, role: str) -> None:
        self.call, self.sid, self.role = call, sid, role
        self.lines = list(LINES[role])
        self.loud = self.quiet = self.heard = 0
        """Frames that are loud, or quiet, in a row; frames since the other has begun to speak."""
        self.talking = self.insists = False
        """Whether it speaks, and whether the other has not fallen silent since."""

    async def hears(self, frame: bytes) -> None:
        loudness = np.abs(ulaw_decode(np.frombuffer(frame, np.uint8)).astype(np.int32)).mean()
        self.loud, self.quiet = (self.loud + 1, 0) if loudness > 200 else (0, self.quiet + 1)
        if self.heard or self.loud == LOUD:
            self.heard += 1
        if self.insists and self.quiet >= QUIET:
            self.insists, self.heard = False, 0
        if self.talking and self.loud >= LOUD and not self.insists:
            await self.send("clear")
        if not self.lines:
            return
        after = self.lines[0].after
        turn = self.heard and self.quiet >= QUIET if after is None else self.heard >= after
        if turn and not self.talking:
            await self.say(self.lines.pop(0).text)

    async def say(self, text: str) -> None:
        self.talking, self.insists, self.heard = True, self.quiet < QUIET, 0
        await self.send("media", {"payload": base64.b64encode(SPOKEN[self.role, text]).decode()})
        await self.send("mark", {"name": text})

    async def has_said(self) -> None:
        """All is played, or was cleared. The order line hangs up."""
        self.talking = False
        if self.role == "agent" and not self.lines:
            await self.call.close()

    async def send(self, event: str, content: dict[str, str] | None = None) -> None:
        message = {"event": event, "streamSid": self.sid}
        await self.call.send(json.dumps(message | ({event: content} if content else {})))


async def converse(call: ServerConnection) -> None:
    talker: Talker | None = None
    async for text in call:
        message = json.loads(text)
        if message["event"] == "start":
            role = message["start"]["customParameters"]["role"]
            talker = Talker(call, message["streamSid"], role)
        elif talker is not None and message["event"] == "media":
            await talker.hears(base64.b64decode(message["media"]["payload"]))
        elif talker is not None and message["event"] == "mark":
            await talker.has_said()


async def main() -> None:
    async with serve(converse, "127.0.0.1", int(os.environ["PORT"])) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
