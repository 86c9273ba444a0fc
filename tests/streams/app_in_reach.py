"""An app under a stream without a socket: it is handed each message and answers at once."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from account_stage import AccountStage
from meeting import on_account

from mediasim.net.stream_port import StreamEnd, StreamListener, StreamRefused

URL = "ws://127.0.0.1:5001/media"
Message = dict[str, Any]
Handler = Callable[["Line", Message], None]


class Line:
    """One stream, from the app's side: a StreamSocket that leads nowhere."""

    def __init__(self, url: str, headers: Mapping[str, str], listener: StreamListener) -> None:
        self.url = url
        self.headers = headers
        self.messages: list[Message] = []
        self.closed = False
        self.close_code = 0
        self.on: Handler | None = None
        self._listener = listener
        self._loop = asyncio.get_running_loop()

    # -- as the stream uses it --------------------------------------------------------------

    def send(self, text: str, *, audio: bool = False) -> None:
        message = json.loads(text)
        self.messages.append(message)
        self._loop.call_soon(self._handle, message)

    def settle(self) -> None:
        """It has answered already."""

    def close(self, code: int = 1000) -> None:
        self.closed, self.close_code = True, code

    def _handle(self, message: Message) -> None:
        if self.on is not None:
            self.on(self, message)

    # -- as the app uses it -----------------------------------------------------------------

    @property
    def sid(self) -> str:
        return str(self.messages[1]["streamSid"])

    def of(self, event: str) -> list[Message]:
        return [each for each in self.messages if each["event"] == event]

    def media(self, track: str = "inbound") -> bytes:
        """All audio of a track."""
        found = [each["media"] for each in self.of("media")]
        return b"".join(base64.b64decode(it["payload"]) for it in found if it["track"] == track)

    def say(self, codes: bytes) -> None:
        payload = base64.b64encode(codes).decode()
        self.tell({"event": "media", "streamSid": self.sid, "media": {"payload": payload}})

    def mark(self, name: str) -> None:
        self.tell({"event": "mark", "streamSid": self.sid, "mark": {"name": name}})

    def clear(self) -> None:
        self.tell({"event": "clear", "streamSid": self.sid})

    def tell(self, message: Any) -> None:
        self._listener.message(json.dumps(message))

    def raw(self, data: str | bytes) -> None:
        self._listener.message(data)

    def hang_up(self, end: StreamEnd = "closed", code: int = 1000) -> None:
        self._listener.closed(end, code, "the app has closed it")

    def congest(self) -> None:
        self._listener.congested()


class Apps:
    """A StreamPort: every connection becomes a line, handled as the URL's path says."""

    def __init__(self, **handlers: Handler) -> None:
        self.handlers = handlers
        self.lines: list[Line] = []
        self.refusal: StreamRefused | None = None

    async def connect(self, url: str, headers: Mapping[str, str], listener: StreamListener) -> Line:
        if self.refusal is not None:
            raise self.refusal
        line = Line(url, headers, listener)
        line.on = self.handlers.get(url.rpartition("/")[2])
        self.lines.append(line)
        return line


def streaming(
    directory: Path, apps: Apps, main: Callable[[AccountStage], Coroutine[Any, Any, Any]]
) -> AccountStage:
    """Run something on an account whose streams lead to these apps."""
    return on_account(directory, main, streams=apps)
