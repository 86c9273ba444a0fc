"""Twilio's requests to the user's app, and the log of them.

A fetch is made at once and its answer is waited for; a notification takes its turn in its lane
and nobody waits. Everything runs on the engine's loop and counts its time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from typing import Final

from mediasim.seeds import Seeds
from mediasim.twilio.ports import HttpPort
from mediasim.twilio.webhooks.delivery import Delivery
from mediasim.twilio.webhooks.hosts import HostGuard
from mediasim.twilio.webhooks.lanes import Lanes
from mediasim.twilio.webhooks.request import AppFailure, AppRequest, AppResponse
from mediasim.twilio.webhooks.sender import Sender

__all__ = ["Webhooks"]

_ONE_LANE: Final = "all"
_MOST_KEPT: Final = 10_000
"""Deliveries in the log; the oldest leave it."""


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
        guard = HostGuard(allow_hosts)
        self._sender = Sender(http, auth_token=auth_token, clock=clock, guard=guard, seeds=seeds)
        self._clock = clock
        self._seeds = seeds
        self._one_lane = one_lane
        self._on_delivery = on_delivery
        self._lanes = Lanes()
        self._entered = 0
        self.deliveries: list[Delivery] = []
        """Newest last."""

    async def fetch(self, request: AppRequest) -> AppResponse:
        """The app's answer, now. Raises AppFailure."""
        return await self._deliver(self._entry(request))

    def notify(self, request: AppRequest, lane: str) -> None:
        """Tell the app, after everything else in the lane; what it answers changes nothing."""
        lane = _ONE_LANE if self._one_lane else lane
        delivery = self._entry(request, lane=lane)

        async def deliver() -> None:
            with contextlib.suppress(AppFailure):  # The log has it.
                await self._deliver(delivery)

        self._lanes.add(lane, deliver)

    async def settled(self) -> None:
        """Wait until every notification so far is delivered or given up."""
        await self._lanes.settled()

    async def replay(self, delivery_id: str) -> Delivery:
        """Send one of the log again, freshly signed; returns the new delivery, done.

        Raises LookupError when the log has no such delivery.
        """
        for old in self.deliveries:
            if old.id == delivery_id:
                break
        else:
            raise LookupError(f"there is no delivery {delivery_id!r} in the log")
        request = AppRequest(old.url, old.method, old.params, old.kind, old.sid)
        delivery = self._entry(request, replay_of=old.id)
        with contextlib.suppress(AppFailure):  # The delivery says so.
            await self._deliver(delivery)
        return delivery

    def _entry(
        self, request: AppRequest, *, lane: str | None = None, replay_of: str | None = None
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
        )
        self._entered += 1
        self.deliveries.append(delivery)
        del self.deliveries[:-_MOST_KEPT]
        return delivery

    async def _deliver(self, delivery: Delivery) -> AppResponse:
        try:
            return await self._sender.send(delivery)
        except AppFailure as failure:
            delivery.error_code, delivery.error = failure.code, failure.message
            raise
        except BaseException:
            # Above all a cancelled wait: the call it was for has ended.
            delivery.error = "given up before its answer came"
            raise
        finally:
            delivery.done = True
            if self._on_delivery is not None:
                self._on_delivery(delivery)
