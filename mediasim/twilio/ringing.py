"""Calls that the server makes: dialled, rung, and answered or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mediasim.exchange.live_call import LiveCall
from mediasim.twilio.ports import NotReached, Phone, Reach

if TYPE_CHECKING:
    from mediasim.exchange.exchange import Exchange

__all__ = ["pick_up", "ring"]


async def ring(exchange: Exchange, call: LiveCall, phone: Phone, timeout_ns: int) -> bool:
    """Dial a queued call's party; returns whether it answered.

    Cancelling the task cancels the call, unless it has been answered.
    """
    if call.ended.is_set():  # canceled before its turn came
        return False
    outcome = phone.answering.outcome
    call.move("initiated")
    if phone.reach is not None:
        return await _reach(exchange, call, phone.reach, timeout_ns)
    if outcome == "failed":
        call.fail("failed")
        return False
    if outcome == "busy":
        call.fail("busy")
        return False
    call.move("ringing")
    try:
        answers = outcome in ("answer", "reject") and phone.answering.after_ns <= timeout_ns
        await exchange.sleep(phone.answering.after_ns if answers else timeout_ns)
    except asyncio.CancelledError:
        if not call.ended.is_set():
            call.fail("canceled")
        raise
    if call.ended.is_set():
        return False
    if not answers:
        call.fail("no-answer")
        return False
    if outcome == "reject":
        call.fail("busy")
        return False
    pick_up(call, phone)
    return True


def pick_up(call: LiveCall, phone: Phone) -> None:
    """The leg of somebody who has answered, or is answered, comes up."""
    if phone.far_end is not None:
        call.answer_from(phone.far_end)
    else:
        call.answer(listens=phone.listens)
    call.exchange.follow_recordings(call.room)


async def _reach(exchange: Exchange, call: LiveCall, reach: Reach, timeout_ns: int) -> bool:
    """The same for a telephone elsewhere: it decides."""
    ringing = asyncio.ensure_future(reach.ring(call, lambda: _rings(call)))
    over = asyncio.ensure_future(call.ended.wait())
    limit = asyncio.ensure_future(exchange.sleep(timeout_ns))
    waiting = (ringing, over, limit)
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if ringing.done():
            far_end = ringing.result()
            if call.ended.is_set():
                return False
            _rings(call)
            call.answer_from(far_end)
            exchange.follow_recordings(call.room)
            return True
        if not call.ended.is_set():
            call.fail("no-answer")
    except NotReached as error:
        if not call.ended.is_set():
            call.fail(error.status)
    except asyncio.CancelledError:
        if not call.ended.is_set():
            call.fail("canceled")
        raise
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        given_up = call.record.answered_ns is None
        if given_up and not ringing.cancelled() and ringing.exception() is None:
            ringing.result().close()  # answered at the very moment at which it was given up
    return False


def _rings(call: LiveCall) -> None:
    if call.record.status == "initiated":
        call.move("ringing")
