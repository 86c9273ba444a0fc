"""A transcriber: both tracks of a call into one WebVTT, each cue with its speaker.

<Start><Stream url="ws://127.0.0.1:5001/" track="both_tracks"/></Start>. Any recogniser will do: it
is asked for the words of one utterance at a time, found by its loudness.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection, serve

Recognise = Callable[[str, float, float, bytes], str]
"""(speaker, start, end, mu-law octets) -> words. The times are seconds of the stream."""
SPEAKERS = {"inbound": "Caller", "outbound": "App"}
PAUSE = 25
"""Quiet frames of 20 ms that end an utterance."""
MAGNITUDE = [((((~c & 15) << 1) + 33) << (~c >> 4 & 7)) - 33 for c in range(256)]
"""Of each mu-law octet, 14 bits."""


@dataclass
class Cue:
    start: float
    end: float
    speaker: str
    words: str


class Track:
    """One side of the call: cut into utterances."""

    def __init__(self, speaker: str, recognise: Recognise, cues: list[Cue]) -> None:
        self.speaker, self.recognise, self.cues = speaker, recognise, cues
        self.said, self.start, self.end = b"", 0.0, 0.0

    def hear(self, at: float, codes: bytes) -> None:
        if sum(MAGNITUDE[code] for code in codes) > 100 * len(codes):
            if not self.said:
                self.start = at
            self.end = at + 0.02
        if self.said or self.end > at:
            self.said += codes
        if self.said and at - self.end > PAUSE * 0.02:
            self.finish()

    def finish(self) -> None:
        if self.said:
            words = self.recognise(self.speaker, self.start, self.end, self.said)
            self.cues.append(Cue(self.start, self.end, self.speaker, words))
            self.said = b""


async def transcribe(call: ServerConnection, recognise: Recognise) -> str:
    """The WebVTT of a stream that has ended."""
    cues: list[Cue] = []
    tracks = {name: Track(who, recognise, cues) for name, who in SPEAKERS.items()}
    async for text in call:
        message = json.loads(text)
        if message["event"] == "media":
            media = message["media"]
            codes = base64.b64decode(media["payload"])
            tracks[media["track"]].hear(int(media["timestamp"]) / 1000, codes)
    for track in tracks.values():
        track.finish()
    return webvtt(cues)


def webvtt(cues: list[Cue]) -> str:
    blocks = ["WEBVTT\n"]
    for cue in sorted(cues, key=lambda each: each.start):
        blocks.append(f"{clock(cue.start)} --> {clock(cue.end)}\n<v {cue.speaker}>{cue.words}\n")
    return "\n".join(blocks)


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


async def main() -> None:
    async def one(call: ServerConnection) -> None:
        print(await transcribe(call, lambda speaker, start, end, codes: "(speech)"))

    async with serve(one, "127.0.0.1", 5001) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
