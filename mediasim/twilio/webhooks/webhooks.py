"""Twilio's requests to the user's app, and the log of them.

A fetch is made at once and its answer is waited for; a notification takes its turn in its lane
and nobody waits. Everything runs on the engine's loop and counts its time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Final

from mediasim.seeds import Seeds
from mediasim.twilio.fault_injection import FaultInjection
from mediasim.twilio.ports import HttpPort
from mediasim.twilio.webhooks.address import HostGuard
from mediasim.twilio.webhooks.delivery import AppFailure, AppRequest, AppResponse, Delivery
from mediasim.twilio.webhooks.lanes import Turns
from mediasim.twilio.webhooks.sender import Sender

__all__ = ["API_REQUEST", "DOWNLOAD", "RECORDER", "Webhooks"]

API_REQUEST: Final = "api-request"
DOWNLOAD: Final = "download"
"""Kinds of log entries about the app's own requests, which the weather has struck."""
RECORDER: Final = "recorder"
"""The same of recordings that it has broken."""

_ONE_LANE: Final = "all"
_MOST_KEPT: Final = 10_000
"""Deliveries in the log; the oldest leave it."""
_TURNS: Final = 50
"""Of the loop, that what a request has begun is given before the request is answered."""


class Webhooks:
    """One account's webhooks."""

    def __init__(
        self,
        http: HttpPort,
        *,
        auth_token: str,
        clock: Callable[[], int],
        seeds: Seeds,
        allow_hosts: Collection[str] = (),
        one_lane: bool = False,
        on_delivery: Callable[[Delivery], None] | None = None,
    ) -> None:
        """``clock`` is the loop's time in nanoseconds; ``seeds`` decide ids and tokens.

        ``allow_hosts``: hosts that may be called besides this machine, ``*`` for any.
        ``one_lane``: all notifications in one order, whatever their lanes. ``on_delivery``
        hears of each delivery once it is done.
        """
        self.guard = HostGuard(allow_hosts)
        self._sender = Sender(
            http, auth_token=auth_token, clock=clock, guard=self.guard, seeds=seeds
        )
        self._clock = clock
        self._seeds = seeds
        self._one_lane = one_lane
        self._on_delivery = on_delivery
        self._turns = Turns(clock)
        self._posts = 0
        """Requests under way whose callbacks may come before their answers."""
        self._entered = 0
        self.weather = FaultInjection(seeds.fork("weather"))
        """What goes wrong with all this."""
        self.deliveries: list[Delivery] = []
        """Newest last."""

    async def fetch(self, request: AppRequest) -> AppResponse:
        """The app's answer, now, or in the one lane when its turn comes. Raises AppFailure."""
        delivery = self._entry(request)
        if not self._one_lane:
            return await self._deliver(delivery)
        answer: asyncio.Future[AppResponse] = asyncio.get_running_loop().create_future()

        async def deliver() -> None:
            try:
                response = await self._deliver(delivery)
            except AppFailure as failure:
                if not answer.done():
                    answer.set_exception(failure)
            else:
                if not answer.done():
                    answer.set_result(response)

        self._turns.add(_ONE_LANE, deliver, of=delivery.id)
        return await answer

    def notify(
        self, request: AppRequest, lane: str, done: Callable[[], None] | None = None
    ) -> None:
        """Tell the app, after everything else in the lane; what it answers changes nothing.

        ``done`` is called once it was answered or given up, not if the sandbox ends before.
        """
        fate = self.weather.callback(request.kind, request.sid, request.url)
        shared = _ONE_LANE if self._one_lane else lane
        first = self._entry(request, lane=shared, injected=fate.injected)
        if fate.dropped:
            first.error = "dropped by the weather"
            self._done(first)
            if done is not None:
                done()
            return
        copies = [first]
        for number in range(2, fate.copies + 1):
            words = f"duplicate {number} of {fate.copies}"
            copy = self._entry(request, lane=shared, injected=[*fate.injected, words])
            copy.duplicate_of = first.id
            copies.append(copy)

        async def deliver() -> None:
            for delivery in copies:
                with contextlib.suppress(AppFailure):  # The log has it.
                    await self._deliver(delivery, lost_answer=fate.status)
            if done is not None:
                done()

        of = (request.kind, request.sid, request.url)
        if fate.delay_ns:
            self._turns.later(shared, deliver, fate.delay_ns)
        elif self._posts and self.weather.comes_early(*of):
            first.injected.append("sent before the request that caused it was answered")
            self._turns.early(shared, deliver)
        elif self._turns.add(shared, deliver, of=lane, overtaken=fate.overtaken):
            first.injected.append("held back for the next one to overtake it")

    def request_begins(self) -> None:
        """A request to the API is under way that is to be answered after its callbacks."""
        self._posts += 1

    async def request_ends(self) -> None:
        """Wait until the app has been told what that request has caused so far."""
        try:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        finally:
            self._posts -= 1
        await self._turns.early_settled()

    def note(
        self, request: AppRequest, injected: Collection[str], error: str | None = None
    ) -> None:
        """Enter what befell one of the app's own requests, or a recording; nothing is sent."""
        entry = self._entry(request, injected=injected)
        entry.error = error
        self._done(entry)

    async def settled(self) -> None:
        """Wait until every notification so far is delivered or given up."""
        await self._turns.settled()

    def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery of the log. Raises LookupError."""
        for each in self.deliveries:
            if each.id == delivery_id:
                return each
        raise LookupError(f"there is no delivery {delivery_id!r} in the log")

    async def replay(self, delivery_id: str) -> Delivery:
        """Send one of the log again, freshly signed; returns the new delivery, done.

        Raises LookupError when the log has no such delivery.
        """
        old = self.delivery(delivery_id)
        if old.kind in (API_REQUEST, DOWNLOAD):
            raise LookupError(f"{delivery_id!r} was the app's own request: nothing was delivered")
        if old.kind == RECORDER:
            raise LookupError(f"{delivery_id!r} is a recording that broke: nothing was delivered")
        request = AppRequest(old.url, old.method, old.params, old.kind, old.sid)
        delivery = self._entry(request, replay_of=old.id)
        with contextlib.suppress(AppFailure):  # The delivery says so.
            await self._deliver(delivery)
        return delivery

    def _entry(
        self,
        request: AppRequest,
        *,
        lane: str | None = None,
        replay_of: str | None = None,
        injected: Collection[str] = (),
    ) -> Delivery:
        delivery = Delivery(
            "WH" + self._seeds.digest(f"delivery/{self._entered}").hex(),
            request.kind,
            request.sid,
            request.url,
            request.method,
            request.params,
            self._clock(),
            lane,
            replay_of,
            injected=list(injected),
        )
        self._entered += 1
        self.deliveries.append(delivery)
        del self.deliveries[:-_MOST_KEPT]
        return delivery

    async def _deliver(self, delivery: Delivery, *, lost_answer: int | None = None) -> AppResponse:
        try:
            return await self._sender.send(delivery, lost_answer=lost_answer)
        except AppFailure as failure:
            delivery.error_code, delivery.error = failure.code, failure.message
            raise
        except BaseException:
            # Above all a cancelled wait: the call it was for has ended.
            delivery.error = "given up before its answer came"
            raise
        finally:
            self._done(delivery)

    def _done(self, delivery: Delivery) -> None:
        delivery.done = True
        if self._on_delivery is not None:
            self._on_delivery(delivery)
