"""Messages between a front and its workers: JSON in both directions over one WebSocket.

The worker opens the connection. A request carries a number, and its response carries the same. The
end of the connection is the end of the other process, as far as its peer can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Send
    from websockets.asyncio.client import ClientConnection

__all__ = [
    "Connection",
    "DialledConnection",
    "Message",
    "MessagePipe",
    "PipeClosed",
    "ReportedRecords",
    "ServedConnection",
    "receive_message",
    "send_message",
]

_PIECE: Final = 128 * 1024
"""Most characters of one WebSocket message; a longer one of ours is sent in pieces."""
_MORE, _LAST = "+", "."
"""First characters of a piece: whether more follow."""
Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[Message | None]]
"""Handles a message; its result is the response to a request."""


class PipeClosed(ConnectionError):
    """The other process has ended, or cannot be reached any more."""


class Connection(Protocol):
    """A WebSocket, as either of its ends has it."""

    async def send(self, text: str) -> None:
        """Send a text. Raises PipeClosed."""

    async def receive(self) -> str:
        """Return the next text. Raises PipeClosed."""

    async def close(self) -> None:
        """Close the WebSocket."""


class ServedConnection:
    """The front's end: a WebSocket of an ASGI server that has been accepted."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def send(self, text: str) -> None:
        """Send a text. Raises PipeClosed."""
        await self._put({"type": "websocket.send", "text": text})

    async def receive(self) -> str:
        """Return the next text. Raises PipeClosed."""
        message = await self._receive()
        text = message.get("text") if message["type"] == "websocket.receive" else None
        if text is None:
            raise PipeClosed("the worker has closed the connection")
        return str(text)

    async def close(self) -> None:
        """Close the WebSocket."""
        with contextlib.suppress(PipeClosed):
            await self._put({"type": "websocket.close", "code": 1000})

    async def _put(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            raise PipeClosed(str(error)) from None


class DialledConnection:
    """The worker's end: a WebSocket that it has opened."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        """Send a text. Raises PipeClosed."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise PipeClosed(str(error)) from None

    async def receive(self) -> str:
        """Return the next text. Raises PipeClosed."""
        from websockets.exceptions import ConnectionClosed

        try:
            text = await self._socket.recv()
        except ConnectionClosed as error:
            raise PipeClosed(str(error)) from None
        if not isinstance(text, str):
            raise PipeClosed("the front has sent what is no text")
        return text

    async def close(self) -> None:
        """Close the WebSocket."""
        await self._socket.close()


async def send_message(connection: Connection, message: Message) -> None:
    """Send a message. Raises PipeClosed."""
    text = json.dumps(message)  # in ASCII, so that a piece has as many bytes as characters
    for start in range(0, len(text), _PIECE):
        mark = _LAST if start + _PIECE >= len(text) else _MORE
        await connection.send(mark + text[start : start + _PIECE])


async def receive_message(connection: Connection) -> Message:
    """Return the next message. Raises PipeClosed, also for what is no message."""
    pieces = list[str]()
    while True:
        text = await connection.receive()
        pieces.append(text[1:])
        if not text.startswith(_MORE):
            break
    try:
        message = json.loads("".join(pieces))
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise PipeClosed("the other side speaks another language")
    return message


class MessagePipe:
    """One end of the connection. Used on the loop it was opened on."""

    def __init__(self, handler: Handler) -> None:
        self.gone = asyncio.Event()
        """Set when no more messages will come."""
        self._handler = handler
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[Message]] = {}
        """Responses that are waited for, by number."""
        self._connection: Connection | None = None
        self._outgoing: asyncio.Queue[Message | None] = asyncio.Queue()
        """Messages to be sent; None after the last one."""
        self._sending: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, connection: Connection) -> None:
        """Start to send and receive messages."""
        self._connection = connection
        self._start(self._listen(connection))
        self._sending = asyncio.ensure_future(self._send_all(connection))

    def send(self, message: Message) -> None:
        """Send a message that has no response."""
        if not self.gone.is_set():
            self._outgoing.put_nowait(message)

    async def request(self, message: Message) -> Message:
        """Send a request and return its response. Raises PipeClosed."""
        return await self.ask(message)

    def ask(self, message: Message) -> asyncio.Future[Message]:
        """Send a request; the future has its response, or PipeClosed. Raises PipeClosed."""
        if self.gone.is_set():
            raise PipeClosed("the other process has gone")
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        answer.add_done_callback(lambda _: self._pending.pop(number, None))
        self.send({**message, "request": number})
        return answer

    async def settled(self) -> None:
        """Wait until all messages are handled, after the other process has ended."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def lose(self) -> None:
        """Take the other process as gone."""
        self.gone.set()
        for future in list(self._pending.values()):
            if not future.done():
                future.set_exception(PipeClosed("the other process has gone"))

    async def close(self) -> None:
        """Send what waits, cancel all handlers and close the connection."""
        if self._sending is not None and not self.gone.is_set():
            self._outgoing.put_nowait(None)
            leaving = asyncio.ensure_future(self.gone.wait())
            await asyncio.wait((self._sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
        tasks = [*self._tasks, *([] if self._sending is None else [self._sending])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
        self.lose()

    async def _send_all(self, connection: Connection) -> None:
        """Send the outgoing messages until the connection ends, or the last one is sent."""
        try:
            while (message := await self._outgoing.get()) is not None:
                await send_message(connection, message)
        except PipeClosed:
            self.lose()

    async def _listen(self, connection: Connection) -> None:
        """Receive messages until the connection ends."""
        try:
            while True:
                message = await receive_message(connection)
                if (number := message.pop("response", None)) is not None:
                    if (future := self._pending.get(number)) is not None and not future.done():
                        future.set_result(message)
                else:
                    self._start(self._handle_message(message, message.pop("request", None)))
        except PipeClosed:
            pass
        finally:
            self.lose()

    async def _handle_message(self, message: Message, number: int | None) -> None:
        """Handle a message, and send the response to a request."""
        answer = await self._handler(message)
        if number is not None:
            self.send({**(answer or {}), "response": number})

    def _start(self, work: Any) -> None:
        """Run a coroutine as a task until :meth:`close`."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        """Report the error of a task to the loop's exception handler."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a message between processes", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


# -- a worker and its front -----------------------------------------------------------------------


class ReportedRecords:
    """What a worker's storage has instead of a database: changes are reported to the front.

    It never holds records itself. Its methods are for any thread.
    """

    error: str | None = None

    def __init__(
        self, pipe: MessagePipe, loop: asyncio.AbstractEventLoop, settings: dict[str, str]
    ) -> None:
        """``loop`` is the loop of ``pipe``; ``settings`` are what a database would have of them."""
        self._pipe = pipe
        self._loop = loop
        self._settings = settings
        self._active: set[asyncio.Future[Any]] = set()
        self._order = asyncio.Lock()
        """Held while changes are handed over: a later state must not come before an earlier."""
        self.before: Callable[[], None] | None = None
        """Called, in a thread, before records are reported: it waits for their files."""

    def load(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def setting(self, name: str) -> str | None:
        return self._settings.get(name)

    def set(self, name: str, value: str) -> None:
        self._settings[name] = value

    def put(self, changes: Mapping[tuple[str, str], dict[str, Any] | None]) -> Future[None]:
        """Report changes; the future ends when the front has written them."""
        listed = [[kind, key, document] for (kind, key), document in changes.items()]
        return asyncio.run_coroutine_threadsafe(self._report(listed), self._loop)

    async def _report(self, changes: list[Any]) -> None:
        if not changes:
            return
        request_task = asyncio.ensure_future(self._send(changes))
        self._active.add(request_task)
        request_task.add_done_callback(self._active.discard)
        await request_task

    async def _send(self, changes: list[Any]) -> None:
        """Report changes once the files that they tell of are where the front finds them."""
        async with self._order:
            if self.before is not None and any(kind == "recording" for kind, _, _ in changes):
                await asyncio.to_thread(self.before)
            answer = self._pipe.ask({"changes": changes})
        await answer

    async def reported(self) -> None:
        """Wait until the front has written the changes reported so far; on the pipe's loop."""
        if self._active:
            await asyncio.wait(tuple(self._active))

    def clear(self) -> Future[None]:
        """Do nothing: the front drops its records by itself."""
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def close(self) -> None:
        pass
