"""Telephones: who answers at an address, and how a call is rung, from ``queued`` to its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol, runtime_checkable

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.states import CallStatus
from mediasim.media.far_end import FarEnd
from mediasim.parties.party import Party

__all__ = [
    "RINGING_RULES",
    "Answering",
    "AuthenticatingGateway",
    "Behavior",
    "Directory",
    "Gateway",
    "NotReached",
    "Outcome",
    "ParameterGateway",
    "PartyControl",
    "Phone",
    "RingingRule",
    "pick_up",
    "ring",
]


Outcome = Literal["answer", "no-answer", "busy", "reject", "failed"]


@dataclass(frozen=True, slots=True)
class Answering:
    """How a simulated telephone reacts to a call, and after how many nanoseconds."""

    outcome: Outcome = "answer"
    after_ns: int = 1_000_000_000
    rings_after_ns: int = 0
    """Nanoseconds from dialling until it rings: the post-dial delay."""


class PartyControl(Protocol):
    """The view of a call that a party's script has, and what it may do to the call."""

    @property
    def call(self) -> LiveCall:
        """The party's own call."""

    @property
    def dialled_ns(self) -> int:
        """Loop time in nanoseconds at which the call was dialled; a child has its parent's."""

    @property
    def connecting(self) -> bool:
        """Whether the call is being put through, so that its party hears nothing but ringing."""

    async def connected(self) -> None:
        """Wait until the call is put through, or the attempt has failed."""

    def peers(self) -> list[LiveCall]:
        """Return the calls whose parties this party hears, those on hold included."""

    def hold(self) -> None:
        """Put the other parties on hold with the party's own telephone."""

    def resume(self) -> None:
        """Take the other parties off hold."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task that is cancelled when the call ends."""


Behavior = Callable[[PartyControl], Coroutine[Any, Any, None]]
"""A party's script, run from when its telephone is answered; returns when it has ended."""


class NotReached(Exception):
    """A telephone that is not simulated did not answer; the message says why."""

    def __init__(self, words: str, status: Literal["busy", "no-answer", "failed"]) -> None:
        super().__init__(words)
        self.status: Literal["busy", "no-answer", "failed"] = status


class Gateway(Protocol):
    """The way to a telephone that is not simulated. Awaited on the engine's loop, in real time."""

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> FarEnd:
        """Ring the telephone and return its far end once it answers. Raises NotReached.

        ``ringing`` is called as soon as the telephone rings. Cancelling stops the ringing.
        """


@runtime_checkable
class AuthenticatingGateway(Gateway, Protocol):
    """A gateway whose far side may require authentication."""

    def as_user(self, user: str, password: str) -> Gateway:
        """Return the same gateway, which authenticates with a user name and password."""


@runtime_checkable
class ParameterGateway(Gateway, Protocol):
    """A gateway whose far side is sent parameters with the call."""

    def with_parameters(self, params: Sequence[tuple[str, str]]) -> Gateway:
        """Return the same gateway with parameters, as names and values."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone: its party, how it reacts to a call, and what the party does then."""

    party: Party
    answering: Answering = field(default_factory=Answering)
    behavior: Behavior | None = None
    """The party's script; None: the party is silent and stays on the line."""
    listens: bool = False
    """Whether the script waits for something that the party hears."""
    far_end: FarEnd | None = None
    """The far end of a caller that is not simulated; None for a simulated one."""
    gateway: Gateway | None = None
    """The way to a callee that is not simulated; None for a simulated one."""
    early: Behavior | None = None
    """What is heard of it while it rings (early media); None: nothing, and so a ringing tone."""

    def as_user(self, user: tuple[str, str] | None) -> Phone:
        """Return the telephone, authenticated with a user name and a password where it can be."""
        if user is None or not isinstance(self.gateway, AuthenticatingGateway):
            return self
        return replace(self, gateway=self.gateway.as_user(*user))


class Directory(Protocol):
    """The telephones that can be called."""

    def phone(self, address: str) -> Phone:
        """Return the telephone at a number, ``client:`` name or ``sip:`` address."""


# -- ringing --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingingRule:
    """The course of ringing a simulated telephone, for one outcome."""

    rings: bool
    """Whether the telephone rings."""
    reacts: bool
    """Whether the party reacts, after its own delay."""
    ends: CallStatus
    """The call status that follows."""


RINGING_RULES: Final[dict[Outcome, RingingRule]] = {
    "answer": RingingRule(rings=True, reacts=True, ends="in-progress"),
    "reject": RingingRule(rings=True, reacts=True, ends="busy"),
    "no-answer": RingingRule(rings=True, reacts=False, ends="no-answer"),
    "busy": RingingRule(rings=False, reacts=True, ends="busy"),
    "failed": RingingRule(rings=False, reacts=True, ends="failed"),
}


async def ring(
    call: LiveCall, phone: Phone, timeout_ns: int, ringing: Callable[[], None] = lambda: None
) -> bool:
    """Dial a queued call's party and return whether it answered within ``timeout_ns``.

    ``ringing`` is called when the telephone begins to ring. Cancelling the task cancels the call,
    unless it has been answered.
    """

    def rings() -> None:
        if call.record.status == "initiated":
            call.move("ringing")
            ringing()

    if call.ended.is_set():  # canceled before its turn came
        return False
    call.move("initiated")
    try:
        if phone.gateway is not None:
            return await _ring_gateway(call, phone.gateway, timeout_ns, rings)
        return await _ring_simulated(call, phone, timeout_ns, rings)
    except asyncio.CancelledError:
        if not call.ended.is_set() and not call.active:
            call.fail("canceled")
        raise


async def _ring_simulated(
    call: LiveCall, phone: Phone, timeout_ns: int, rings: Callable[[], None]
) -> bool:
    rule, after_ns = RINGING_RULES[phone.answering.outcome], phone.answering.after_ns
    ends = rule.ends
    if rule.rings:
        if dials_ns := phone.answering.rings_after_ns:
            # The limit counts from dialling, and may be over before anything rings.
            await call.exchange.sleep(min(dials_ns, timeout_ns))
            if call.ended.is_set():
                return False
            if dials_ns > timeout_ns:
                call.fail("no-answer")
                return False
            timeout_ns -= dials_ns
        rings()
        in_time = rule.reacts and after_ns <= timeout_ns  # at the limit the party is in time
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
    """Bring up the leg of a call that is answered."""
    if phone.far_end is not None:
        call.answer_from(phone.far_end)
    else:
        call.answer(listens=phone.listens)
    call.exchange.follow_recordings(call.room)


async def _ring_gateway(
    call: LiveCall, gateway: Gateway, timeout_ns: int, rings: Callable[[], None]
) -> bool:
    """Ring a telephone that is not simulated, which decides how the call ends."""
    ringing = asyncio.ensure_future(gateway.ring(call, rings))
    ended = asyncio.ensure_future(call.ended.wait())
    limit = asyncio.ensure_future(call.exchange.sleep(timeout_ns))
    waiting = (ringing, ended, limit)
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
        if (
            call.record.answered_ns is None
            and not ringing.cancelled()
            and ringing.exception() is None
        ):
            # Answered in the same turn of the loop in which the call ended: release the far end.
            ringing.result().close()
    return False
