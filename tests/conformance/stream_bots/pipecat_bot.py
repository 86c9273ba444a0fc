"""An echo bot on pipecat's own Twilio transport; a key makes it hang up, by Twilio's REST API."""

# mypy: disable-error-code="import-not-found,import-untyped,misc,attr-defined,assignment"

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI, WebSocket
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from serving_bot import serve

app = FastAPI()


class Echo(FrameProcessor):
    task: Any = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            said = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
            await self.push_frame(said, direction)
        elif isinstance(frame, InputDTMFFrame):
            await self.task.queue_frame(EndFrame())
        else:
            await self.push_frame(frame, direction)


async def bot(websocket: WebSocket) -> None:
    await websocket.accept()
    kind, call = await parse_telephony_websocket(websocket)
    assert kind == "twilio", kind
    serializer = TwilioFrameSerializer(
        stream_sid=call["stream_id"],
        call_sid=call["call_id"],
        account_sid=os.environ["TWILIO_ACCOUNT_SID"],
        auth_token=os.environ["TWILIO_AUTH_TOKEN"],
        base_url=os.environ["MEDIASIM_BASE_URL"],
    )
    params = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=True, serializer=serializer
    )
    transport = FastAPIWebsocketTransport(websocket, params)
    echo = Echo()
    pipeline = Pipeline([transport.input(), echo, transport.output()])
    rates = PipelineParams(audio_in_sample_rate=8000, audio_out_sample_rate=8000)
    echo.task = PipelineTask(pipeline, params=rates)
    await PipelineRunner(handle_sigint=False).run(echo.task)


app.add_api_websocket_route("/bot", bot)
serve(app)
