"""Calls from the account to itself: its own numbers, and its TwiML applications, can be called.

Two calls then run: the one that was dialled, and one that comes in for the app of the number or of
the application. Sources: https://www.twilio.com/docs/voice/twiml/dial/application; that page does
not say how the name of the customer's parameter is written, so it is sent both ways.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol
from urllib.parse import parse_qsl

from mediasim.exchange.events import SECRET_KEY, DtmfEvent, Event
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.own_line import NETWORK, LineEnd, OwnLine
from mediasim.exchange.phone import NotReached, Phone
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CallStatus
from mediasim.exchange.waiting import first_of
from mediasim.parties.party import Party
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.requests import Callback, Params
from mediasim.twilio.resources import ApplicationRecord
from mediasim.twilio.session import FollowUp

__all__ = ["APPLICATION", "ApplicationGateway", "OwnNumbers"]

APPLICATION: Final = "app:"
"""Scheme of the address of an application: ``app:AP…?name=value``."""
_MOST_IN_A_ROW: Final = 10
"""Most calls of which each was dialled by the one before."""
_CANNOT_CALL: Final = 13224
_Failure = Literal["busy", "no-answer", "failed"]


class _PlaceNumber(Protocol):
    """Places a call that comes in at a number. Raises TwilioError."""

    def __call__(self, from_: str, to: str, phone: Phone) -> CallRecord: ...


class _PlaceApplication(Protocol):
    """Places a call that comes in for a document. Raises TwilioError."""

    def __call__(
        self,
        from_: str,
        to: str,
        phone: Phone,
        instructions: FollowUp,
        callback: Callback | None,
        application_sid: str | None,
    ) -> CallRecord: ...


class OwnNumbers:
    """The account's own numbers and applications, as telephones."""

    def __init__(
        self,
        account: AccountParts,
        live_call: Callable[[str], LiveCall | None],
        place_inbound: _PlaceNumber,
        place_application: _PlaceApplication,
    ) -> None:
        """``live_call`` finds an active call by its SID."""
        self.account = account
        self.place_inbound = place_inbound
        self.place_application = place_application
        self.applications: ResourceList[ApplicationRecord] = account.resource_list("Applications")
        self._live_call = live_call
        self._lines: list[OwnLine] = []
        self._depths: dict[str, int] = {}
        """How many calls led to each call that has come in, by its SID."""
        account.exchange.events.on("event", self._on_event)

    def phone(self, address: str) -> Phone | None:
        """Return the telephone of an own number or an application; None for other addresses."""
        if address.startswith(APPLICATION):
            sid, _, query = address.removeprefix(APPLICATION).partition("?")
            party = _party(sid)
            params = tuple(parse_qsl(query, keep_blank_values=True))
            return Phone(party, gateway=ApplicationGateway(self, sid, params))
        if self.account.own_number(address) is not None:
            return Phone(_party(address), gateway=_NumberGateway(self, address))
        return None

    async def connect(
        self, call: LiveCall, ringing: Callable[[], None], place: Callable[[Phone], CallRecord]
    ) -> LineEnd:
        """Place the call that comes in and return the dialled call's far end once it is answered.

        Raises NotReached if it is not.
        """
        depth = self._depth(call) + 1
        if depth > _MOST_IN_A_ROW:
            words = f"{call.record.to}: the account's own numbers call each other in a circle"
            self.account.notify(call.sid, _CANNOT_CALL, words)
            raise NotReached(words, "failed")
        line = OwnLine()
        try:
            record = place(Phone(_party(call.record.from_), far_end=line.far))
        except TwilioError as error:
            raise NotReached(error.message, "failed") from None
        incoming = self._live_call(record.sid)
        assert incoming is not None
        self._depths[incoming.sid] = depth
        self._lines.append(line)
        self.account.spawn(self._until_over(line, incoming))
        ringing()
        try:
            await first_of(line.answered.wait(), incoming.ended.wait())
        except asyncio.CancelledError:  # the caller gave up
            line.near.close()
            if not line.answered.is_set() and not incoming.ended.is_set():
                incoming.fail("no-answer")
            raise
        if not line.answered.is_set():
            words = f"{call.record.to} was not answered: {incoming.record.status}"
            raise NotReached(words, _failure(incoming.record.status))
        return line.near

    async def _until_over(self, line: OwnLine, incoming: LiveCall) -> None:
        await incoming.ended.wait()
        self._lines.remove(line)
        self._depths.pop(incoming.sid, None)

    def _depth(self, call: LiveCall) -> int:
        found = self._depths.get(call.record.parent_call_sid or "", 0)
        return self._depths.get(call.sid, found)

    def _on_event(self, event: Event) -> None:
        """Pass on a key to the calls that lie behind the lines to which it is bridged."""
        if not isinstance(event, DtmfEvent) or not self._lines or event.digit == SECRET_KEY:
            return
        call = self._live_call(event.call_sid)
        if call is not None and call.has_leg:
            for line in tuple(self._lines):
                line.carry_key(call.leg, event.digit)


def _party(address: str) -> Party:
    """Return the party at the other end of a line, with a name that documents may have."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", address.replace("+", "number-")).strip("-")
    return Party(name=name or "unknown", number=address, up=NETWORK)


def _failure(status: CallStatus) -> _Failure:
    """Return the outcome of a dialled call whose other end was not answered."""
    match status:
        case "busy" | "failed":
            return status
        case _:
            return "no-answer"


@dataclass(frozen=True, slots=True)
class _NumberGateway:
    """The way to a number of the account's own."""

    numbers: OwnNumbers
    number: str

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> LineEnd:
        def place(phone: Phone) -> CallRecord:
            return self.numbers.place_inbound(call.record.from_, self.number, phone)

        return await self.numbers.connect(call, ringing, place)


@dataclass(frozen=True, slots=True)
class ApplicationGateway:
    """The way to a TwiML application: the call that comes in has parameters from who dialled it."""

    numbers: OwnNumbers
    application_sid: str
    params: tuple[tuple[str, str], ...] = ()
    customer_id: str = ""
    """Who calls, sent to the application; "": the account's SID."""
    to: str = ""
    """The number that the application is told was called; "": the application's SID."""

    def dialled(self, params: Params, customer_id: str, to: str) -> ApplicationGateway:
        """Return the same way with what a Dial says of the call."""
        return replace(self, params=(*self.params, *params), customer_id=customer_id, to=to)

    async def ring(self, call: LiveCall, ringing: Callable[[], None]) -> LineEnd:
        numbers, sid = self.numbers, self.application_sid
        if not numbers.applications.has(sid):
            words = f"there is no TwiML application {sid or '(none named)'} in this account"
            numbers.account.notify(call.sid, _CANNOT_CALL, words)
            raise NotReached(words, "failed")
        application = numbers.applications.find(sid)
        customer = self.customer_id or call.record.account_sid
        params = [*self.params, ("CustomerId", customer), ("customerId", customer)]

        def place(phone: Phone) -> CallRecord:
            return numbers.place_application(
                call.record.from_,
                self.to or sid,
                phone,
                FollowUp(application.source(), params),
                application.callback(),
                sid,
            )

        return await numbers.connect(call, ringing, place)
