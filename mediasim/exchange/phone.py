"""Telephones as the exchange sees them: who answers at an address, how, and what they do then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from mediasim.exchange.live_call import LiveCall
from mediasim.media.far_end import FarEnd
from mediasim.parties.party import Party

__all__ = [
    "Answering",
    "Behavior",
    "Directory",
    "NotReached",
    "Outcome",
    "PartyControl",
    "Phone",
    "Reach",
    "ReachByPassword",
]

Outcome = Literal["answer", "no-answer", "busy", "reject", "failed"]


@dataclass(frozen=True, slots=True)
class Answering:
    """What a party does when its telephone rings."""

    outcome: Outcome = "answer"
    after_ns: int = 1_000_000_000


class PartyControl(Protocol):
    """What a party's script may know of the call it is in, and do to it."""

    @property
    def call(self) -> LiveCall:
        """The party's own leg."""

    @property
    def dialled_ns(self) -> int:
        """The loop time at which the whole call was dialled: a child's is its parent's."""

    @property
    def connecting(self) -> bool:
        """Whether the call is being put through: its party hears nothing but ringing."""

    async def connected(self) -> None:
        """Wait until the call has been put through, or the attempt was given up."""

    def peers(self) -> list[LiveCall]:
        """The calls whose parties it hears, those on hold included."""

    def hold(self) -> None:
        """Put the others on hold with the party's own telephone."""

    def resume(self) -> None:
        """Take them off hold."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the call until it ends."""


Behavior = Callable[[PartyControl], Coroutine[Any, Any, None]]
"""What a party does from when its telephone is answered; ends when it has nothing more to do."""


class NotReached(Exception):
    """A telephone that is not simulated was rung and not answered; says why in words."""

    def __init__(self, words: str, status: Literal["busy", "no-answer", "failed"]) -> None:
        super().__init__(words)
        self.status: Literal["busy", "no-answer", "failed"] = status


class Reach(Protocol):
    """The way to a telephone that is not simulated. Awaited on the engine's loop, in real time."""

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        """Ring it; returns it when it is answered, ready to be connected. Raises NotReached.

        ``ringing`` is called as soon as it rings. Whoever cancels this has the ringing stop.
        """


@runtime_checkable
class ReachByPassword(Reach, Protocol):
    """A way on which the far side may ask who calls."""

    def as_user(self, user: str, password: str) -> Reach:
        """The same way, with an answer to that."""


@dataclass(frozen=True, slots=True)
class Phone:
    """Who answers at an address, and what it does then."""

    party: Party
    answering: Answering = field(default_factory=Answering)
    behavior: Behavior | None = None
    """What its party does; None: it is silent and stays on the line."""
    listens: bool = False
    """Whether its behavior waits for something it hears."""
    far_end: FarEnd | None = None
    """The far end of a caller that is not simulated."""
    reach: Reach | None = None
    """The way to a callee that is not simulated."""


class Directory(Protocol):
    """Every telephone that can be called."""

    def phone(self, address: str) -> Phone:
        """The telephone at a number, ``client:`` name or ``sip:`` address; there always is one."""
