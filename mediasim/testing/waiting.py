"""Work on other threads, for plain tests and for those on a loop alike.

In a plain test it is done when the call returns. On a running loop the call returns at once, and
what it returns is to be awaited: the loop may have to serve the app meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

__all__ = ["Done", "awaited", "on_a_loop"]

T = TypeVar("T")


class Done(Generic[T]):
    """What was waited for already."""

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()
        return self._value


def on_a_loop() -> bool:
    """Whether this thread runs an event loop now."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def awaited(work: Future[T]) -> Awaitable[T]:
    """Done, or to be awaited. Python warns where on a loop it is not."""
    if not on_a_loop():
        return Done(work.result())

    async def wait() -> T:
        return await asyncio.wrap_future(work)

    return wait()
