"""Calls that the server makes: dialled, rung, and answered or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mediasim.exchange.live_call import LiveCall
from mediasim.twilio.ports import Phone

if TYPE_CHECKING:
    from mediasim.exchange.exchange import Exchange

__all__ = ["ring"]


async def ring(exchange: Exchange, call: LiveCall, phone: Phone, timeout_ns: int) -> bool:
    """Dial a queued call's party; returns whether it answered.

    Cancelling the task cancels the call, unless it has been answered.
    """
    if call.ended.is_set():  # canceled before its turn came
        return False
    outcome = phone.answering.outcome
    call.move("initiated")
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
    call.answer(listens=phone.listens)
    exchange.follow_recordings(call.room)
    return True
