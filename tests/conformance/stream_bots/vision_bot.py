"""An echo bot on the Twilio media stream of Vision Agents."""

# mypy: disable-error-code="import-not-found,import-untyped,misc,attr-defined,assignment"

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, WebSocket
from serving_bot import serve
from vision_agents.plugins.twilio import TwilioMediaStream

app = FastAPI()


class Back:
    """A track whose sound goes back where it came from."""

    def __init__(self, stream: TwilioMediaStream) -> None:
        self._stream = stream

    async def write(self, pcm: Any) -> None:
        await self._stream.send_audio(pcm)


async def bot(websocket: WebSocket) -> None:
    stream = TwilioMediaStream(websocket)
    await stream.accept()
    stream.audio_track = Back(stream)
    await stream.run()


app.add_api_websocket_route("/bot", bot)
serve(app)
