"""Waiting for the first of several things, with nothing left running behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

__all__ = ["CallEnded", "first_of", "never"]


class CallEnded(Exception):
    """The party has hung up, or the call was ended by the server."""


async def first_of(*happenings: Awaitable[Any]) -> int:
    """Wait for the first of several happenings and return its number; the others are cancelled.

    Where several have happened, the one named first counts. Raises what that one raises.
    """
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(_outcome(each)) for each in happenings]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        number = next(number for number, wait in enumerate(waits) if wait.done())
        for wait in waits:
            wait.cancel()
    error = waits[number].result()
    if error is not None:
        raise error
    return number


async def _outcome(happening: Awaitable[Any]) -> Exception | None:
    """What it raised: an error that left the task would end the others in a group of errors."""
    try:
        await happening
    except Exception as error:
        return error
    return None


async def never() -> None:
    """Wait without end, for where nothing will come."""
    await asyncio.Event().wait()
