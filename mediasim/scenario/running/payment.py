"""A payment that a party takes of the other one, as an agent does with Twilio's Payments."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.payments import Asking, Collection, PaymentRequest, payment_ended
from mediasim.exchange.phone import PartyControl
from mediasim.exchange.waiting import CallEnded, first_of
from mediasim.scenario.model import steps

__all__ = ["take_payment"]


class _Payer:
    """The other party's call, seen from the one that takes the payment."""

    def __init__(self, call: LiveCall, agent: PartyControl) -> None:
        self.call = call
        self._agent = agent

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._agent.spawn(work)

    async def until(self, *awaitables: Awaitable[Any]) -> int:
        number = await first_of(*awaitables, self.call.ended.wait())
        if number == len(awaitables):
            raise CallEnded
        return number


async def take_payment(agent: PartyControl, step: steps.TakePayment) -> None:
    """Take a payment of the party that an agent hears; its event tells how it has ended."""
    payer = next(iter(agent.peers()), None)
    if payer is None or payer.secret_keys is not None:
        payment_ended(agent.call, "validation-error")
        return
    request = PaymentRequest(
        security_code=step.security_code,
        postal_code=step.postal_code,
        timeout_ns=int(step.timeout),
        patient=True,
        retries=step.attempts - 1,
    )
    try:
        result: str = await Collection(_Payer(payer, agent), request, _nothing).run()
    except asyncio.CancelledError:  # the agent's call has ended with the payer's
        if payer.ended.is_set():
            payment_ended(payer, "caller-hung-up")
        raise
    if result == "success" and step.connector != "yes":
        result = "payment-connector-error"
    payment_ended(payer, result)


async def _nothing(asking: Asking, stop: object) -> None:
    """Say nothing: the party that takes the payment says what is to be entered."""
