"""A call whose other end is an app: the party's leg, and a stream both ways to the app.

It ends when the app closes its WebSocket, when the party hangs up, or some time after the party's
script has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from mediasim.exchange.call_control import LINGER_NS
from mediasim.exchange.events import StreamEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.phone import PartyControl
from mediasim.exchange.waiting import CallEnded
from mediasim.net.stream_port import StreamPort
from mediasim.scenario.running.call_plans import AppPlan
from mediasim.scenario.running.calls import CallerLeg, Cast
from mediasim.twilio.streams.handshake import NAMES, StreamFailed, target_of
from mediasim.twilio.streams.stream import Stream, StreamRecord
from mediasim.twilio.webhooks import HostGuard

__all__ = ["AppCall"]


class AppCall:
    """Carries out a plan. The caller does what its behavior says from when the stream is open."""

    def __init__(self, exchange: Exchange, plan: AppPlan, port: StreamPort, cast: Cast) -> None:
        self.name = plan.name
        self._exchange = exchange
        self._plan = plan
        self._port = port
        self._behavior = cast.behaviors[plan.caller.name]
        self.warnings: list[str] = []
        self._caller = CallerLeg(
            exchange, plan.name, cast.phone(plan.caller, acts=False), "app", plan.recordings, "call"
        )
        record = StreamRecord(
            sid=exchange.sids.new("MZ"),
            account_sid=exchange.account_sid,
            call_sid=self._caller.call.sid,
            name=None,
            updated_ns=exchange.now_ns,
        )
        self.stream = Stream(self, self._caller.call, plan.ask, record, both_ways=True)

    async def run(self) -> None:
        """From dialling to the end."""
        caller, exchange = self._caller, self._exchange
        try:
            caller.planned.watch()
            caller.answer()
            caller.planned.begin("answer")
            if await self._opened():
                caller.behave(self._act)
                longest = exchange.watch_until(exchange.now_ns + self._plan.time_limit_ns)
                await caller.until(self.stream.ended.wait(), longest)
        except CallEnded:
            pass
        finally:
            self.stream.stop()
            await caller.finish()

    async def _opened(self) -> bool:
        try:
            target = target_of(self._plan.ask.url, HostGuard(), self._plan.auth_token)
            await self.stream.open(self._port, target)
        except StreamFailed as failed:
            self.stream.error = (failed.code, str(failed))
            self.failed(self.stream, failed)
            return False
        self._tell("started")
        return not self.stream.ended.is_set()

    async def _act(self, control: PartyControl) -> None:
        await self._behavior(control)
        await self._exchange.sleep(LINGER_NS)
        await control.call.hang_up()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside the call until it ends."""
        return self._caller.spawn(work)

    # -- what the stream tells --------------------------------------------------------------

    def failed(self, stream: Stream, failed: StreamFailed) -> None:
        """It broke, or never began."""
        words = f"{failed.code} {NAMES[failed.code]}: {failed}"
        self.warnings.append(f"call {self.name}: {words}")
        self._tell("error", f": {words}")

    def warn(self, stream: Stream, code: int, words: str) -> None:
        """Something the app did that Twilio passes over."""
        self.warnings.append(f"call {self.name}: {code} {NAMES[code]}: {words}")

    def stopped(self, stream: Stream) -> None:
        """It has ended."""
        self._tell("stopped")

    def _tell(self, word: str, more: str = "") -> None:
        self._exchange.events.emit(
            StreamEvent(
                at_ns=self._exchange.now_ns,
                kind=f"stream.{word}",
                text=f"stream of call {self.name} {word}{more}",
                call_sid=self._caller.call.sid,
                stream_sid=self.stream.record.sid,
            )
        )
