"""What an engine is: it takes numbers of shards, and gives the shards that are done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from mediasim.campaign.shards import ShardDone

__all__ = ["TRIES", "Engine", "Problem", "Result", "ShardFailed"]

TRIES: Final = 3
"""How often a shard is tried before it is given up."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a shard was not made."""

    error: str
    """What went wrong, in one sentence."""
    traceback: str | None = None
    """Where, if it was a fault of mediasim itself."""
    fatal: bool = False
    """Whether no other shard can be made either."""


@dataclass(frozen=True, slots=True)
class ShardFailed:
    """A shard that was given up."""

    shard: int
    error: str
    """What went wrong at the last try."""
    traceback: str | None = None
    tries: int = TRIES


Result = tuple[int, ShardDone | Problem]
"""A shard's number, and what became of it."""


class Engine(Protocol):
    """Makes shards, several at a time, each once; closed as a context."""

    @property
    def room(self) -> int:
        """How many shards it takes at once, so that none of its workers waits for work."""

    def submit(self, shard: int) -> None:
        """Have a shard made."""

    def next(self, seconds: float) -> Result | None:
        """Return the next result; None if there is none within so many seconds."""

    def interrupt(self) -> Iterator[Result]:
        """Interrupt the shards in progress, begin no other, and yield what has been done."""

    def close(self) -> None:
        """End the workers, with what they are at."""
