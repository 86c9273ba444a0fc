"""Telephones: who answers at an address, how, what they do then, and how they are rung.

Ringing is the one ladder from ``queued`` to an answer or to why there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, runtime_checkable

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CallStatus
from mediasim.media.far_end import FarEnd
from mediasim.parties.party import Party

__all__ = [
    "LADDER",
    "Answering",
    "AuthenticatingGateway",
    "Behavior",
    "Directory",
    "Gateway",
    "NotReached",
    "Outcome",
    "PartyControl",
    "Phone",
    "RingingRule",
    "pick_up",
    "ring",
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


class Gateway(Protocol):
    """The way to a telephone that is not simulated. Awaited on the engine's loop, in real time."""

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        """Ring it; returns it when it is answered, ready to be connected. Raises NotReached.

        ``ringing`` is called as soon as it rings. Whoever cancels this has the ringing stop.
        """


@runtime_checkable
class AuthenticatingGateway(Gateway, Protocol):
    """A way on which the far side may ask who calls."""

    def as_user(self, user: str, password: str) -> Gateway:
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
    reach: Gateway | None = None
    """The way to a callee that is not simulated."""


class Directory(Protocol):
    """Every telephone that can be called."""

    def phone(self, address: str) -> Phone:
        """The telephone at a number, ``client:`` name or ``sip:`` address; there always is one."""


# -- ringing --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingingRule:
    """One way of a simulated telephone to react to a call."""

    rings: bool
    """Whether it rings at all."""
    reacts: bool
    """Whether its party does something about the ringing, in its own time."""
    ends: CallStatus
    """The status that follows."""


LADDER: Final[dict[Outcome, RingingRule]] = {
    "answer": RingingRule(rings=True, reacts=True, ends="in-progress"),
    "reject": RingingRule(rings=True, reacts=True, ends="busy"),
    "no-answer": RingingRule(rings=True, reacts=False, ends="no-answer"),
    "busy": RingingRule(rings=False, reacts=True, ends="busy"),
    "failed": RingingRule(rings=False, reacts=True, ends="failed"),
}


async def ring(
    call: LiveCall, phone: Phone, timeout_ns: int, ringing: Callable[[], None] = lambda: None
) -> bool:
    """Dial a queued call's party; returns whether it answered within ``timeout_ns``.

    ``ringing`` is called when it begins to ring. Cancelling the task cancels the call, unless it
    has been answered.
    """

    def rings() -> None:
        if call.record.status == "initiated":
            call.move("ringing")
            ringing()

    if call.ended.is_set():  # canceled before its turn came
        return False
    call.move("initiated")
    try:
        if phone.reach is not None:
            return await _reach(call, phone.reach, timeout_ns, rings)
        return await _climb(call, phone, timeout_ns, rings)
    except asyncio.CancelledError:
        if not call.ended.is_set() and not call.active:
            call.fail("canceled")
        raise


async def _climb(call: LiveCall, phone: Phone, timeout_ns: int, rings: Callable[[], None]) -> bool:
    rung, after_ns = LADDER[phone.answering.outcome], phone.answering.after_ns
    ends = rung.ends
    if rung.rings:
        rings()
        in_time = rung.reacts and after_ns <= timeout_ns
        await call.exchange.sleep(after_ns if in_time else timeout_ns)
        if call.ended.is_set():
            return False
        ends = ends if in_time else "no-answer"
    if ends == "in-progress":
        pick_up(call, phone)
        return True
    call.fail(ends)
    return False


def pick_up(call: LiveCall, phone: Phone) -> None:
    """Bring up the leg of a party that has answered, or is answered."""
    if phone.far_end is not None:
        call.answer_from(phone.far_end)
    else:
        call.answer(listens=phone.listens)
    call.exchange.follow_recordings(call.room)


async def _reach(
    call: LiveCall, reach: Gateway, timeout_ns: int, rings: Callable[[], None]
) -> bool:
    """The same for a telephone that is not simulated: it decides."""
    ringing = asyncio.ensure_future(reach.ring(call, rings))
    over = asyncio.ensure_future(call.ended.wait())
    limit = asyncio.ensure_future(call.exchange.sleep(timeout_ns))
    waiting = (ringing, over, limit)
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if ringing.done():
            far_end = ringing.result()
            if call.ended.is_set():
                return False
            rings()
            call.answer_from(far_end)
            call.exchange.follow_recordings(call.room)
            return True
        if not call.ended.is_set():
            call.fail("no-answer")
    except NotReached as error:
        if not call.ended.is_set():
            call.fail(error.status)
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        given_up = call.record.answered_ns is None
        if given_up and not ringing.cancelled() and ringing.exception() is None:
            ringing.result().close()  # answered at the very moment at which it was given up
    return False
