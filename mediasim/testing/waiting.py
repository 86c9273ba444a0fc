"""Waiting for work on other threads, in plain tests and in tests on a loop alike.

In a plain test a call returns when its work is done. On a running loop it returns at once, and its
result is awaited: the loop may have to serve the app meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

__all__ = ["Done", "awaited", "on_a_loop"]

T = TypeVar("T")


class Done(Generic[T]):
    """An awaitable of a result that is there already."""

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()
        return self._value


def on_a_loop() -> bool:
    """Return whether this thread runs an event loop now."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def awaited(work: Future[T]) -> Awaitable[T]:
    """Wait for work, or on a loop return what is to be awaited.

    Python warns about a result that is never awaited.
    """
    if not on_a_loop():
        return Done(work.result())

    async def wait() -> T:
        return await asyncio.wrap_future(work)

    return wait()
