"""An echo bot on fastrtc's own telephone handler."""

# mypy: disable-error-code="import-not-found,import-untyped,misc,attr-defined,assignment"

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from fastrtc import AsyncStreamHandler, Stream
from serving_bot import serve


class Echo(AsyncStreamHandler):
    def __init__(self) -> None:
        super().__init__(input_sample_rate=8000, output_sample_rate=8000)
        self.heard: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self, frame: Any) -> None:
        self.heard.put_nowait(frame)

    async def emit(self) -> Any:
        return await self.heard.get()

    def copy(self) -> Echo:
        return Echo()

    async def start_up(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass


app = FastAPI()
Stream(Echo(), modality="audio", mode="send-receive").mount(app)
serve(app)
