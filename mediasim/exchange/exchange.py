"""The exchange, which creates calls and holds their records and the media plane they run on."""

from __future__ import annotations

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording
from mediasim.exchange.records import CallRecord, Direction
from mediasim.exchange.states import CallStatus
from mediasim.exchange.switch import VIRTUAL_BLOCK, Switch
from mediasim.media.room import Room
from mediasim.parties.party import Party

__all__ = ["VIRTUAL_BLOCK", "Exchange"]


class Exchange(Switch[LiveCall, LiveRecording]):
    """One telephone exchange on the running loop."""

    def new_call(
        self,
        party: Party,
        room: Room,
        *,
        to: str,
        from_: str,
        direction: Direction,
        status: CallStatus,
        flow: str,
        parent: LiveCall | None = None,
        account_sid: str | None = None,
    ) -> LiveCall:
        """Create and register a call in a room; its leg comes up when it is answered.

        ``flow`` is the run's name of the whole call or conference that the new call is a leg of;
        ``account_sid`` is the account that it belongs to, by default the exchange's.
        """
        name = f"{flow}/{party.name}"
        self._names[name] += 1
        name += f"#{self._names[name]}" if self._names[name] > 1 else ""
        record = CallRecord(
            sid=self.sids.new("CA"),
            account_sid=account_sid or self.account_sid,
            to=to,
            from_=from_,
            direction=direction,
            status=status,
            created_ns=self.now_ns,
            parent_call_sid=parent.sid if parent else None,
        )
        call = LiveCall(self, record, party, room, flow, name)
        if parent is not None:
            call.dialled_ns = parent.dialled_ns
        call.register()
        return call
