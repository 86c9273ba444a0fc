"""A worker's records go to the front, as a lone sandbox's go to its database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mediasim.sandbox.fleet.wire import Wire

__all__ = ["ReportedRecords"]


class ReportedRecords:
    """What a Database is to a Storage; nothing is ever found here. For any thread."""

    error: str | None = None

    def __init__(self, wire: Wire, loop: asyncio.AbstractEventLoop, boot: int) -> None:
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
