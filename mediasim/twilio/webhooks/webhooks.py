"""Twilio's requests to the user's app, and their log.

A fetch is sent at once and its response awaited; a callback is sent in its lane, and its sender
does not wait. Everything runs on the engine's loop and in its time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Container
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
"""Kinds of log entries about the app's own requests, in which faults were injected."""
RECORDER: Final = "recorder"
"""Kind of log entries about recordings, in which faults were injected."""

_ONE_LANE: Final = "all"
_MOST_KEPT: Final = 10_000
"""Most deliveries in the log, the newest."""
_TURNS: Final = 50
"""Turns of the loop in which a request may cause callbacks before its response is sent."""


class Webhooks:
    """Sends and logs the webhooks of one account."""

    def __init__(
        self,
        http: HttpPort,
        *,
        auth_token: str,
        clock: Callable[[], int],
        seeds: Seeds,
        allow_hosts: Collection[str] = (),
        names: Container[str] = (),
        one_lane: bool = False,
        on_delivery: Callable[[Delivery], None] | None = None,
    ) -> None:
        """Open an account's webhooks with an empty log.

        ``clock`` is the loop's time in nanoseconds; ``seeds`` give ids and tokens.
        ``allow_hosts``: hosts that may be called besides this machine, ``*`` for any; ``names``
        has those that the port leads elsewhere itself.
        ``one_lane``: all callbacks are sent in one order, whatever their lanes. ``on_delivery``
        is called with each delivery once it is done.
        """
        self.guard = HostGuard(allow_hosts, names)
        self._sender = Sender(
            http, auth_token=self.auth_token, clock=clock, guard=self.guard, seeds=seeds
        )
        self._auth_token = auth_token
        self.token_of: Callable[[str], str | None] = lambda account_sid: None
        """Returns the auth token of a subaccount; None for any other account."""
        self._clock = clock
        self._seeds = seeds
        self._one_lane = one_lane
        self._on_delivery = on_delivery
        self._turns = Turns(clock)
        self._posts = 0
        """Number of active requests whose callbacks may be sent before their responses."""
        self._entered = 0
        self.faults = FaultInjection(seeds.fork("weather"))
        """Faults injected into requests, callbacks and media."""
        self.deliveries: list[Delivery] = []
        """The delivery log, newest last."""

    def auth_token(self, delivery: Delivery) -> str:
        """Return the token that signs a delivery: that of the account that the delivery names."""
        return self.token_of(delivery.account_sid) or self._auth_token

    async def fetch(self, request: AppRequest) -> AppResponse:
        """Send a request and return the app's response. Raises AppFailure if there is none.

        With ``one_lane`` it is sent after the callbacks before it, otherwise at once.
        """
        delivery = self._entry(request)
        if not self._one_lane:
            return await self._deliver(delivery, secret_body=request.secret_body)
        answer: asyncio.Future[AppResponse] = asyncio.get_running_loop().create_future()

        async def deliver() -> None:
            try:
                response = await self._deliver(delivery, secret_body=request.secret_body)
            except AppFailure as failure:
                # The call may have ended meanwhile, which cancels the future.
                if not answer.done():
                    answer.set_exception(failure)
            else:
                if not answer.done():
                    answer.set_result(response)

        self._turns.add(_ONE_LANE, deliver, subject=delivery.id)
        return await answer

    def notify(
        self,
        request: AppRequest,
        lane: str,
        done: Callable[[], None] | None = None,
        failed: Callable[[AppFailure], None] | None = None,
    ) -> None:
        """Send a callback after all others of its lane; its response changes nothing.

        ``done`` is called once the callback was sent or has failed, not if the sandbox ends
        before; ``failed`` is called before it with the failure of the callback.
        """
        fault = self.faults.callback(request.kind, request.sid, request.url, request.track)
        shared = _ONE_LANE if self._one_lane else lane
        first = self._entry(request, lane=shared, injected=fault.injected)
        if fault.dropped:
            first.error = "dropped by the weather"
            self._done(first)
            if done is not None:
                done()
            return
        copies = [first]
        for number in range(2, fault.copies + 1):
            words = f"duplicate {number} of {fault.copies}"
            copy = self._entry(request, lane=shared, injected=[*fault.injected, words])
            copy.duplicate_of = first.id
            copies.append(copy)

        async def deliver() -> None:
            for delivery in copies:
                try:
                    await self._deliver(delivery, lost_answer=fault.status)
                except AppFailure as failure:
                    if failed is not None:
                        failed(failure)
            if done is not None:
                done()

        subject = (request.kind, request.sid, request.url)
        if fault.delay_ns:
            self._turns.later(shared, deliver, fault.delay_ns)
        elif self._posts and self.faults.comes_early(*subject):
            first.injected.append("sent before the request that caused it was answered")
            self._turns.early(shared, deliver)
        elif self._turns.add(
            shared,
            deliver,
            subject=lane,
            overtaken=fault.overtaken or fault.overtaken_by_track,
            track="" if fault.overtaken else request.track,
        ):
            first.injected.append("held back for the next one to overtake it")

    def request_begins(self) -> None:
        """Begin a request to the API whose callbacks may be sent before its response."""
        self._posts += 1

    async def request_ends(self) -> None:
        """End such a request: wait until the callbacks that it has caused so far are sent."""
        try:
            # Turns in which the tasks that the request has started reach their callbacks.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        finally:
            self._posts -= 1
        await self._turns.early_settled()

    def note(
        self, request: AppRequest, injected: Collection[str], error: str | None = None
    ) -> None:
        """Log the faults injected in a request of the app or in a recording; nothing is sent."""
        entry = self._entry(request, injected=injected)
        entry.error = error
        self._done(entry)

    async def settled(self) -> None:
        """Wait until all callbacks so far are sent or have failed."""
        await self._turns.settled()

    def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery of the log. Raises LookupError."""
        for each in self.deliveries:
            if each.id == delivery_id:
                return each
        raise LookupError(f"there is no delivery {delivery_id!r} in the log")

    async def replay(self, delivery_id: str) -> Delivery:
        """Send a delivery of the log again, signed anew; return the new delivery, done.

        Raises LookupError if the log has no such delivery, or it was no request to the app.
        """
        old = self.delivery(delivery_id)
        if old.kind in (API_REQUEST, DOWNLOAD):
            raise LookupError(f"{delivery_id!r} was the app's own request: nothing was delivered")
        if old.kind == RECORDER:
            raise LookupError(f"{delivery_id!r} is a recording that broke: nothing was delivered")
        if old.secret:
            raise LookupError(f"{delivery_id!r} had secret digits, which were not kept")
        request = AppRequest(
            old.url,
            old.method,
            old.params,
            old.kind,
            old.sid,
            old.account_sid,
            old.as_json,
            old.document,
        )
        delivery = self._entry(request, replay_of=old.id)
        with contextlib.suppress(AppFailure):  # it is in the delivery
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
            account_sid=request.account_sid or dict(request.params).get("AccountSid", ""),
            as_json=request.as_json,
            document=request.document,
            secret=request.secret_body is not None,
        )
        self._entered += 1
        self.deliveries.append(delivery)
        del self.deliveries[:-_MOST_KEPT]
        return delivery

    async def _deliver(
        self,
        delivery: Delivery,
        *,
        lost_answer: int | None = None,
        secret_body: str | None = None,
    ) -> AppResponse:
        oddities = self.faults.signature(delivery.kind, delivery.sid, delivery.url)
        try:
            return await self._sender.send(
                delivery, lost_answer=lost_answer, secret_body=secret_body, oddities=oddities
            )
        except AppFailure as failure:
            delivery.error_code, delivery.error = failure.code, failure.message
            raise
        except BaseException:
            # Most often a cancelled wait, because the call has ended.
            delivery.error = "given up before its answer came"
            raise
        finally:
            self._done(delivery)

    def _done(self, delivery: Delivery) -> None:
        delivery.done = True
        if self._on_delivery is not None:
            self._on_delivery(delivery)
