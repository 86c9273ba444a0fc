"""What goes between a front and its workers: messages, JSON both ways over a pair of sockets.

A message that asks carries a number; the answer to it carries the same. The other side's end of
the connection is the end of the other side.
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

__all__ = ["MessagePipe", "PipeBroken", "ReportedRecords"]

_LENGTH: Final = struct.Struct(">I")
Message = dict[str, Any]
Heard = Callable[[Message], Awaitable[Message | None]]
"""Deals with a message; what it returns is the answer to one that asks."""


class PipeBroken(ConnectionError):
    """The other side has gone."""


class MessagePipe:
    """One side's end. Used on the loop it was opened on."""

    def __init__(self, hear: Heard) -> None:
        self.gone = asyncio.Event()
        """Set when nothing more will come."""
        self._hear = hear
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._writer: asyncio.StreamWriter
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, end: socket.socket) -> None:
        """Begin to listen."""
        end.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=end)
        self._start(self._listen(reader))

    def tell(self, message: Message) -> None:
        """Send; nothing is answered."""
        if self.gone.is_set():
            return
        data = json.dumps(message, ensure_ascii=False).encode()
        self._writer.write(_LENGTH.pack(len(data)) + data)

    async def ask(self, message: Message) -> Message:
        """Send, and wait for the answer. Raises WireBroken."""
        if self.gone.is_set():
            raise PipeBroken("the other process has gone")
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self.tell({**message, "asks": number})
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    async def settled(self) -> None:
        """Wait until everything that came has been dealt with; the other side has gone."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Hang up; the other side finds that this one has gone."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                message: Message = json.loads(await reader.readexactly(length))
                if (number := message.pop("answers", None)) is not None:
                    if (waiting := self._asked.get(number)) is not None and not waiting.done():
                        waiting.set_result(message)
                else:
                    self._start(self._deal(message, message.pop("asks", None)))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.gone.set()
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(PipeBroken("the other process has gone"))

    async def _deal(self, message: Message, asks: int | None) -> None:
        answer = await self._hear(message)
        if asks is not None:
            self.tell({**(answer or {}), "answers": asks})

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a message between processes", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


# -- a worker and its front -----------------------------------------------------------------------


class ReportedRecords:
    """What a Database is to a Storage; nothing is ever found here. For any thread."""

    error: str | None = None

    def __init__(self, wire: MessagePipe, loop: asyncio.AbstractEventLoop, boot: int) -> None:
        """``loop`` is the wire's; ``boot`` counts the front's starts."""
        self._wire = wire
        self._loop = loop
        self._boot = boot
        self._under_way: set[asyncio.Future[Any]] = set()

    def load(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def setting(self, name: str) -> str | None:
        return str(self._boot - 1) if name == "boot" else None

    def set(self, name: str, value: str) -> None:
        pass

    def put(self, changes: Mapping[tuple[str, str], dict[str, Any] | None]) -> Future[None]:
        """Report; the future ends when the front has written it down."""
        listed = [[kind, key, document] for (kind, key), document in changes.items()]
        return asyncio.run_coroutine_threadsafe(self._report(listed), self._loop)

    async def _report(self, changes: list[Any]) -> None:
        if not changes:
            return
        asking = asyncio.ensure_future(self._wire.ask({"changes": changes}))
        self._under_way.add(asking)
        asking.add_done_callback(self._under_way.discard)
        await asking

    async def reported(self) -> None:
        """Wait until the front has written down all that was reported; on the wire's loop."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def clear(self) -> Future[None]:
        """The front forgets by itself."""
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def close(self) -> None:
        pass
