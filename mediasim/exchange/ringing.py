"""Ringing a telephone: the one ladder from ``queued`` to an answer or to why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.phone import NotReached, Outcome, Phone, Reach
from mediasim.exchange.states import CallStatus

__all__ = ["LADDER", "Rung", "pick_up", "ring"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One way of a simulated telephone to react to a call."""

    rings: bool
    """Whether it rings at all."""
    reacts: bool
    """Whether its party does something about the ringing, in its own time."""
    ends: CallStatus
    """The status that follows."""


LADDER: Final[dict[Outcome, Rung]] = {
    "answer": Rung(rings=True, reacts=True, ends="in-progress"),
    "reject": Rung(rings=True, reacts=True, ends="busy"),
    "no-answer": Rung(rings=True, reacts=False, ends="no-answer"),
    "busy": Rung(rings=False, reacts=True, ends="busy"),
    "failed": Rung(rings=False, reacts=True, ends="failed"),
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


async def _reach(call: LiveCall, reach: Reach, timeout_ns: int, rings: Callable[[], None]) -> bool:
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
