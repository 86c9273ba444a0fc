"""Uvicorn that ends when it is told to, not when it next looks whether it was.

It looks every tenth of a second and sleeps as long once more, which is most of the time that a
sandbox in a test takes to close. What it does at its end is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

import uvicorn

__all__ = ["PromptServer"]

_TICK: Final = 0.1
"""Seconds; every tenth tick the date in answers is brought up to date."""
_TICKS: Final = 864_000
_POLL: Final = 0.005
"""Seconds between two looks for requests that are still to be answered."""


class PromptServer(uvicorn.Server):
    """Ended by :meth:`end`, on its own loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        """Answer what is asked already, then no more."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % _TICKS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        until = loop.time() + (self.config.timeout_graceful_shutdown or 0)
        while not self.force_exit and loop.time() < until and self._busy:  # noqa: ASYNC110
            await asyncio.sleep(_POLL)
        for task in self.server_state.tasks:
            task.cancel()
        if not self.force_exit:
            await self.lifespan.shutdown()

    @property
    def _busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)
