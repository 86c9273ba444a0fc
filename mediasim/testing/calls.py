"""The calls that tests see: their resource, and what was said and heard in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import CallRecord, Direction
from mediasim.testing.words import last_heard, last_said

__all__ = ["SimulatedCall", "TestedCall"]


class TestedCall:
    """A call: what Twilio knows of it, and the last words of its party and to it."""

    __test__ = False  # no test class, for all its name
    record: CallRecord
    """All that is known of the call."""

    @property
    def sid(self) -> str:
        """The call's SID."""
        return self.record.sid

    @property
    def status(self) -> str:
        """queued, ringing, in-progress, completed, busy, no-answer, failed or canceled."""
        return self.record.status

    @property
    def to(self) -> str:
        """The number, client or SIP address that is called."""
        return self.record.to

    @property
    def from_(self) -> str:
        """The number, client or SIP address that calls."""
        return self.record.from_

    @property
    def direction(self) -> Direction:
        """inbound, outbound-api or outbound-dial."""
        return self.record.direction

    @property
    def said(self) -> str:
        """The last words that the call's party has said so far; "" for none."""
        return self._words(lambda call, _: last_said(call))

    @property
    def heard(self) -> str:
        """The last words spoken to the call's party so far, by the app or by others; "" for
        none."""
        return self._words(last_heard)

    def __repr__(self) -> str:
        return f"<call {self.sid} from {self.from_} to {self.to}: {self.status}>"

    def _words(self, find: Callable[[LiveCall, Iterable[LiveCall]], str]) -> str:
        """Return the words found in the call among all answered calls; "" if it was not."""
        raise NotImplementedError


class SimulatedCall(TestedCall):
    """A call of a simulated run; it has every attribute of its record besides."""

    def __init__(self, record: CallRecord, calls: Iterable[LiveCall]) -> None:
        """``calls`` are all calls of the run."""
        self.record = record
        self._calls = calls

    def _words(self, find: Callable[[LiveCall, Iterable[LiveCall]], str]) -> str:
        own = next((each for each in self._calls if each.sid == self.sid), None)
        return "" if own is None else find(own, self._calls)

    def __getattr__(self, name: str) -> Any:
        if name == "record":  # not set yet, as in a copy that is being made
            raise AttributeError(name)
        return getattr(self.record, name)
