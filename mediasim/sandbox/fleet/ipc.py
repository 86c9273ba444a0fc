"""Messages between a front and its workers: JSON in both directions over a pair of sockets.

A request carries a number, and its response carries the same. The end of the connection is the end
of the other process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from itertools import count
from typing import Any, Final

__all__ = ["MessagePipe", "PipeClosed", "ReportedRecords"]

_LENGTH: Final = struct.Struct(">I")
Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[Message | None]]
"""Handles a message; its result is the response to a request."""


class PipeClosed(ConnectionError):
    """The other process has ended."""


class MessagePipe:
    """One end of the connection. Used on the loop it was opened on."""

    def __init__(self, handler: Handler) -> None:
        self.gone = asyncio.Event()
        """Set when no more messages will come."""
        self._handler = handler
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[Message]] = {}
        """Responses that are waited for, by number."""
        self._writer: asyncio.StreamWriter
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, end: socket.socket) -> None:
        """Start to receive messages from a connected socket."""
        end.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=end)
        self._start(self._listen(reader))

    def send(self, message: Message) -> None:
        """Send a message that has no response."""
        if self.gone.is_set():
            return
        data = json.dumps(message, ensure_ascii=False).encode()
        self._writer.write(_LENGTH.pack(len(data)) + data)

    async def request(self, message: Message) -> Message:
        """Send a request and return its response. Raises PipeClosed."""
        if self.gone.is_set():
            raise PipeClosed("the other process has gone")
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        self.send({**message, "request": number})
        try:
            return await answer
        finally:
            self._pending.pop(number, None)

    async def settled(self) -> None:
        """Wait until all messages are handled, after the other process has ended."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Cancel all handlers and close the connection."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Receive messages until the connection ends."""
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                message: Message = json.loads(await reader.readexactly(length))
                if (number := message.pop("response", None)) is not None:
                    if (future := self._pending.get(number)) is not None and not future.done():
                        future.set_result(message)
                else:
                    self._start(self._handle_message(message, message.pop("request", None)))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.gone.set()
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(PipeClosed("the other process has gone"))

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

    It never holds anything itself. Its methods are for any thread.
    """

    error: str | None = None

    def __init__(self, pipe: MessagePipe, loop: asyncio.AbstractEventLoop, boot: int) -> None:
        """``loop`` is the loop of ``pipe``; ``boot`` is the number of the front's start."""
        self._pipe = pipe
        self._loop = loop
        self._boot = boot
        self._active: set[asyncio.Future[Any]] = set()

    def load(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def setting(self, name: str) -> str | None:
        return str(self._boot - 1) if name == "boot" else None

    def set(self, name: str, value: str) -> None:
        pass

    def put(self, changes: Mapping[tuple[str, str], dict[str, Any] | None]) -> Future[None]:
        """Report changes; the future ends when the front has written them."""
        listed = [[kind, key, document] for (kind, key), document in changes.items()]
        return asyncio.run_coroutine_threadsafe(self._report(listed), self._loop)

    async def _report(self, changes: list[Any]) -> None:
        if not changes:
            return
        request_task = asyncio.ensure_future(self._pipe.request({"changes": changes}))
        self._active.add(request_task)
        request_task.add_done_callback(self._active.discard)
        await request_task

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
