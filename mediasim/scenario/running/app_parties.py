"""Parties of a scenario that are apps: each at a number of the account's own.

When such a party's leg is answered, a call of the app's own begins, with its stream or its relay,
and a line between the two, as between two calls of one account: what one's party is sent, the
other's says. Whichever of the two ends hangs up the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from mediasim.exchange.events import SECRET_KEY, DtmfEvent, Event
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.own_line import NETWORK, LineEnd, OwnLine
from mediasim.exchange.phone import Answering, PartyControl, Phone
from mediasim.exchange.waiting import never
from mediasim.media.far_end import FarEnd
from mediasim.parties.party import Party
from mediasim.scenario.model.app import App
from mediasim.scenario.model.app_ends import AppEnd
from mediasim.scenario.running.apps import AppCall, Apps, app_key
from mediasim.scenario.running.call_plans import AppPlan
from mediasim.scenario.running.calls import PartyPhones
from mediasim.scenario.running.compile import connection_plan

__all__ = ["AppParties"]

_COMES: Final = ("call.bridged", "conference.joined")
"""Events with which a party may get others to hear."""

Connect = Callable[[App, AppPlan, PartyPhones], AppCall]
"""Makes the call of an app, which is not open yet."""


async def _stay(control: PartyControl) -> None:
    await never()


class AppParties:
    """The parties of a run that are apps, connected as their legs are answered."""

    def __init__(
        self, exchange: Exchange, parties: Mapping[str, App], apps: Apps, connect: Connect
    ) -> None:
        """``connect`` makes the call of an app, which is not open yet."""
        self.calls: list[AppCall] = []
        """The apps' own calls, in the order in which they began."""
        self._exchange = exchange
        self._parties = parties
        self._apps = apps
        self._connect = connect
        self._line_of: dict[LiveCall, OwnLine] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Event] = set()
        exchange.events.on("event", self._on_event)

    async def stay(self, control: PartyControl) -> None:
        """Behave as a party does that is an app: it has no script, and hangs up when it likes.

        It returns once a simulated party is there, whose script then decides when all is said.
        """
        comes = asyncio.Event()
        self._waiting.add(comes)
        try:
            while all(peer.line is None for peer in control.peers()):
                comes.clear()
                await comes.wait()
        finally:
            self._waiting.remove(comes)

    def far_end(self, call: LiveCall) -> FarEnd | None:
        """Return the far end of a call that is answered; None if its party is no app."""
        app = self._parties.get(call.party.name)
        if app is None:
            return None
        line = self._line_of.get(call)
        if line is None:  # it may be asked for before the answer too, to hear early media
            line = self._line_of[call] = OwnLine()
            line.near.on_connect = partial(self._begin, app, call, line)
        return line.near

    def _begin(self, app: App, call: LiveCall, line: OwnLine) -> None:
        """Begin the app's own call: the party's leg is up."""
        # The one at the other end is a party of the account's own, not of the scenario's.
        party = Party(f"{call.party.name}-app", call.party.number, up=NETWORK)
        end = AppEnd(call.flow, call.party.name)
        plan = connection_plan(app, app_key(*end), str(end), party, self._apps)
        made = self._connect(app, plan, _LinePhones(party, line.far))
        self.calls.append(made)
        task = asyncio.ensure_future(made.run())
        self._tasks.add(task)
        task.add_done_callback(partial(self._over, made.call))

    def _over(self, call: LiveCall, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._exchange.on_fault(call, error)

    async def close(self) -> None:
        """Wait until the apps' own calls have ended; their parties' legs are down."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        """Pass on a key that comes as a telephone event, and makes no sound on the line."""
        if event.kind in _COMES:
            for waiting in self._waiting:
                waiting.set()
        if isinstance(event, DtmfEvent) and event.digit != SECRET_KEY:
            for call in self._exchange.calls:
                if call.sid == event.call_sid and call.has_leg:
                    for line in self._line_of.values():
                        line.carry_key(call.leg, event.digit)


class _LinePhones(PartyPhones):
    """The telephone at the end of a line."""

    def __init__(self, party: Party, far_end: LineEnd) -> None:
        super().__init__({party.name: _stay}, frozenset())
        self._far_end = far_end

    def phone(
        self, party: Party, answering: Answering | None = None, *, acts: bool = True
    ) -> Phone:
        return Phone(party, far_end=self._far_end)
