"""A call whose other end is an app: the party's leg, and a stream both ways to the app.

It ends when the app closes its WebSocket, when the party hangs up, or some time after the party's
script has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediasim.exchange.events import StreamEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.flow import LINGER_NS, Behavior, Flow
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.one_leg import record_one_leg
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.recording_plan import RecordingPlan
from mediasim.parties.party import Party
from mediasim.twilio.asks import StreamRequest
from mediasim.twilio.ports import StreamPort
from mediasim.twilio.streams.problems import NAMES
from mediasim.twilio.streams.record import StreamRecord
from mediasim.twilio.streams.stream import Stream
from mediasim.twilio.streams.target import StreamFailed, target_of
from mediasim.twilio.webhooks import HostGuard

__all__ = ["AppCall", "AppPlan"]


@dataclass(frozen=True, slots=True)
class AppPlan:
    """A call that is connected to an app."""

    name: str
    caller: Party
    ask: StreamRequest
    auth_token: str
    time_limit_ns: int
    recordings: tuple[RecordingPlan, ...] = ()


class AppCall(Flow):
    """Carries out a plan. The caller does what its behavior says from when the stream is open."""

    def __init__(
        self,
        exchange: Exchange,
        plan: AppPlan,
        port: StreamPort,
        behavior: Behavior,
        *,
        listens: bool,
    ) -> None:
        super().__init__(exchange, plan.name)
        self._plan = plan
        self._port = port
        self._behavior = behavior
        self._listens = listens
        self.warnings: list[str] = []
        self.call = exchange.new_call(
            plan.caller,
            self.room,
            to="app",
            from_=plan.caller.number,
            direction="inbound",
            status="ringing",
            flow=plan.name,
        )
        self.calls.append(self.call)
        record = StreamRecord(
            sid=exchange.sids.new("MZ"),
            account_sid=exchange.account_sid,
            call_sid=self.call.sid,
            name=None,
            updated_ns=exchange.now_ns,
        )
        self.stream = Stream(self, self.call, plan.ask, record, both_ways=True)

    async def run(self) -> None:
        """From dialling to the end."""
        try:
            self.plan(self._plan.recordings)
            self.call.answer(listens=self._listens)
            for stage in ("leg", "answer"):
                self.reach(stage)
            if await self._opened():
                self.spawn(self._do())
                await self.first_of(
                    self.stream.ended.wait(),
                    self.call.ended.wait(),
                    self.exchange.watch_until(self.exchange.now_ns + self._plan.time_limit_ns),
                )
        finally:
            self.stream.stop()
            await self.finish()

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

    async def _do(self) -> None:
        await self._behavior(self, self.call)
        await self.exchange.sleep(LINGER_NS)
        await self.call.hang_up()

    # -- what the stream tells --------------------------------------------------------------

    def failed(self, stream: Stream, failed: StreamFailed) -> None:
        """It broke, or never began."""
        words = f"{failed.code} {NAMES[failed.code]}: {failed}"
        self.warnings.append(f"call {self.name}: {words}")
        self._tell("error", f": {words}")

    def warn(self, stream: Stream, code: int, words: str) -> None:
        """Something the app did that Twilio passes over."""
        self.warnings.append(f"call {self.name}: {code} {NAMES[code]}: {words}")

    def stream_over(self, stream: Stream) -> None:
        """It has ended."""
        stream.record.status = "stopped"
        stream.record.updated_ns = self.exchange.now_ns
        if stream.started_frame is not None:
            self._tell("stopped")

    def _tell(self, word: str, more: str = "") -> None:
        self.exchange.events.emit(
            StreamEvent(
                at_ns=self.exchange.now_ns,
                kind=f"stream.{word}",
                text=f"stream of call {self.name} {word}{more}",
                call_sid=self.call.sid,
                stream_sid=self.stream.record.sid,
            )
        )

    # -- what the party may ask -------------------------------------------------------------

    def start_recording(self, plan: RecordingPlan) -> LiveRecording:
        return record_one_leg(self.exchange, self.call, plan)

    def hold(self, call: LiveCall) -> None:
        """An app is not put on hold."""

    def resume(self, call: LiveCall) -> None:
        """Nobody is on hold."""
