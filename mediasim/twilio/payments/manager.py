"""Payment sessions that an agent leads: the Payments of a call, by REST.

The agent stays on the line and asks for each piece; while the party enters it, keys are taken out
of what the agent hears. Callbacks show what was entered, masked. Source:
https://www.twilio.com/docs/voice/api/payment-resource.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from mediasim.exchange.call_control import CallControl
from mediasim.exchange.dates import Dates
from mediasim.exchange.payments import (
    FIELDS,
    MATCHER,
    Asking,
    Entry,
    PaymentDetails,
    PaymentResult,
    Starred,
    confirmed,
    enter,
    payment_ended,
    prompt_text,
)
from mediasim.exchange.waiting import CallEnded, listen_for_keys, over
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.errors import bad_parameter, not_found, not_in_progress
from mediasim.twilio.payments.connectors import process
from mediasim.twilio.payments.order import (
    INVALID_OPERATION,
    PayConnector,
    PaymentOrder,
    PaymentRefused,
)
from mediasim.twilio.representations import account_path, dates_json, timestamp
from mediasim.twilio.requests import Callback, Params
from mediasim.twilio.studio import Studio

__all__ = ["PAY_STATUS", "PaymentManager", "PaymentRecord", "SessionStatus"]

PAY_STATUS: Final = "pay-status"
"""Kind of the callbacks about payments."""
_INCOMPLETE: Final = 64019
SessionStatus = Literal["complete", "cancel"]
"""How an app ends a session."""


@dataclass(slots=True)
class PaymentRecord:
    """A payment session: Twilio's Payments resource."""

    sid: str
    account_sid: str
    call_sid: str
    created_ns: int
    updated_ns: int

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        """Return the session as the API shows it."""
        path = f"{account_path(self.account_sid)}/Calls/{self.call_sid}/Payments/{self.sid}.json"
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "sid": self.sid,
            **dates_json(self, dates),
            "uri": path,
        }


class PaymentManager:
    """The Pay Connectors of an account, and the payment sessions of its calls."""

    def __init__(
        self, account: AccountParts, calls: Mapping[str, CallControl], studio: Studio
    ) -> None:
        """Manage the payments of an account; ``calls`` are its active calls by their SIDs."""
        self.account = account
        self.studio = studio
        self.connectors: Mapping[str, PayConnector] | None = None
        """The account's connectors by their unique names; None: each name is one that says yes."""
        self._calls = calls
        self._sessions: dict[str, _Session] = {}
        self._created: dict[tuple[str, str], str] = {}
        """SIDs of sessions by their calls and idempotency keys."""

    def connector(self, name: str) -> PayConnector | None:
        """Return the connector of a name; None if the account has none of it."""
        return PayConnector() if self.connectors is None else self.connectors.get(name)

    def busy(self, call_sid: str) -> bool:
        """Tell whether a payment is being taken on a call."""
        if any(not each.over for each in self._of_call(call_sid)):
            return True
        control = self._calls.get(call_sid)
        listening = control is not None and control.call.secret_keys is not None
        return listening and self._ending(call_sid) is None

    async def settled(self, call_sid: str) -> None:
        """Wait until the capture of a session that has ended has ended too: some moments."""
        if (ending := self._ending(call_sid)) is not None:
            await over(ending)

    def _ending(self, call_sid: str) -> asyncio.Task[None] | None:
        """Return the capture that an ended session of a call has stopped; None once it is over."""
        captures = (each.capturing for each in self._of_call(call_sid) if each.over)
        return next((each for each in captures if each is not None and not each.done()), None)

    def _of_call(self, call_sid: str) -> list[_Session]:
        return [each for each in self._sessions.values() if each.record.call_sid == call_sid]

    def start(
        self, call_sid: str, order: PaymentOrder, callback: Callback, key: str
    ) -> PaymentRecord:
        """Start a session: POST /Calls/{sid}/Payments. A key that was used returns its session.

        Raises TwilioError if the call is not in progress, or the order is wrong.
        """
        if (known := self._created.get((call_sid, key))) is not None:
            return self._sessions[known].record
        control = self._calls.get(call_sid)
        if control is None or not control.call.active:
            raise not_in_progress("The call is not in progress: no payment can be taken on it")
        if self.busy(call_sid):
            raise bad_parameter("Invalid operation: session-in-progress", INVALID_OPERATION)
        connector = self.connector(order.connector)
        try:
            order.check(connector, "ChargeAmount")
        except PaymentRefused as refused:
            raise bad_parameter(refused.message, refused.code) from None
        assert connector is not None
        account, now_ns = self.account, self.account.now_ns
        record = PaymentRecord(
            account.new_sid("PK"), control.call.record.account_sid, call_sid, now_ns, now_ns
        )
        before = self._ending(call_sid)
        session = _Session(self, record, control, order, connector, callback, before)
        self._sessions[record.sid] = session
        self._created[call_sid, key] = record.sid
        return record

    def check(self, call_sid: str, sid: str) -> None:
        """Check that a call has a session. Raises TwilioError (404, 20404) if it has not."""
        session = self._sessions.get(sid)
        if session is None or session.record.call_sid != call_sid:
            path = f"{self.account.account_path}/Calls/{call_sid}/Payments/{sid}.json"
            raise not_found(path)

    def update(
        self,
        call_sid: str,
        sid: str,
        *,
        capture: str | None,
        status: SessionStatus | None,
        callback: Callback,
        key: str,
    ) -> PaymentRecord:
        """Capture a piece, or end the session: POST /Calls/{sid}/Payments/{sid}.

        A key that was used changes nothing. Raises TwilioError if the session has ended, or not
        everything was captured that is to be processed.
        """
        self.check(call_sid, sid)
        session = self._sessions[sid]
        if key not in session.keys:
            session.update(capture, status, callback)
            session.keys.add(key)
        return session.record


class _Session:
    """A payment session in progress, or over."""

    def __init__(
        self,
        manager: PaymentManager,
        record: PaymentRecord,
        control: CallControl,
        order: PaymentOrder,
        connector: PayConnector,
        callback: Callback,
        before: asyncio.Task[None] | None,
    ) -> None:
        self.record = record
        self.over = False
        self.keys: set[str] = set()
        """Idempotency keys of the updates so far."""
        self._manager = manager
        self._account = manager.account
        self._control = control
        self._order = order
        self._connector = connector
        self._callback = callback
        self._details = PaymentDetails(order.request)
        self.capturing = before
        """The newest capture, at first that of the session ``before``; it may be over."""
        self._tell([])
        self._account.spawn(self._until_hung_up())

    # -- what the app asks for ------------------------------------------------------------------

    def update(self, capture: str | None, status: SessionStatus | None, callback: Callback) -> None:
        if self.over:
            raise bad_parameter("Invalid operation: the session has ended", INVALID_OPERATION)
        if status == "complete" and (lacking := self._details.required):
            words = f"Required payment information incomplete: {','.join(lacking)}"
            raise bad_parameter(words, _INCOMPLETE)
        self._callback = callback
        self.record.updated_ns = self._account.now_ns
        before = self._stop()
        if status == "cancel":
            self._end([("Result", "transaction-cancelled")])
        elif status == "complete":
            self.over = True
            self._account.spawn(self._complete(before))
        elif capture is not None:
            self.capturing = self._account.spawn(self._capture(capture, callback, before))

    def _stop(self) -> asyncio.Task[None] | None:
        """Stop the capture under way, and return it: it takes some moments to end."""
        if self.capturing is not None:
            self.capturing.cancel()
        return self.capturing

    async def _capture(
        self, name: str, callback: Callback, before: asyncio.Task[None] | None
    ) -> None:
        """Take one piece from the party's keys, and tell the app of each."""
        if before is not None:
            await over(before)
        details, control = self._details, self._control
        wanted = FIELDS[name.removesuffix(MATCHER)]
        dates, exchange = self._account.dates, self._account.exchange

        def tell(digits: str, partial: bool, error: str | None = None) -> None:
            self.record.updated_ns = exchange.now_ns
            shown = [pair for pair in details.shown() if pair[0] != wanted.parameter or not partial]
            if partial and digits:
                shown.append((wanted.parameter, wanted.masked(digits, whole=False)))
            more = [
                ("Capture", name),
                ("PartialResult", "true" if partial else "false"),
                ("Required", ",".join(details.required)),
                *([("ErrorType", error)] if error else []),
            ]
            self._tell([*more, *shown], callback)

        judged = details.judged_by(dates.at(exchange.now_ns))
        entry = Entry(
            lambda digits: wanted.longest(digits, judged), lambda digits: tell(digits, True)
        )
        tell("", True)
        try:
            with listen_for_keys(control.call, secret=True) as keys:
                timeout_ns = self._order.request.timeout_ns
                digits = await enter(control, keys, entry, None, None, timeout_ns)
        except Starred:
            self._end([("Result", "caller-interrupted-with-star")])
        except CallEnded:
            return
        else:
            error = details.take(name, digits, dates.at(exchange.now_ns))
            tell("", False, error)

    async def _complete(self, before: asyncio.Task[None] | None) -> None:
        """Process the payment, once the party has confirmed it if that is asked for."""
        if before is not None:
            await over(before)
        details = self._details
        if details.request.confirmation and (result := await self._confirm()) != "success":
            self._end([("Result", result)])
            return
        sid = self.record.call_sid
        done = await process(self._account, sid, self._connector, self._order, details)
        self._end([*done.params(), *details.shown()])

    async def _confirm(self) -> PaymentResult:
        control = self._control

        async def prompt(asking: Asking, stop: Any) -> None:
            text = prompt_text(asking)
            pcm = await self._manager.studio.say(text)
            await control.play(pcm, "speech", stop, text=text)

        try:
            with listen_for_keys(control.call, secret=True) as keys:
                return await confirmed(control, keys, self._details, prompt)
        except Starred:
            return "caller-interrupted-with-star"
        except CallEnded:
            return "caller-hung-up"

    async def _until_hung_up(self) -> None:
        await self._control.call.ended.wait()
        if not self.over:
            self._end([("Result", "caller-hung-up")])

    # -- what the app is told -------------------------------------------------------------------

    def _end(self, result: Params) -> None:
        self.over = True
        self.record.updated_ns = self._account.now_ns
        self._stop()
        payment_ended(self._control.call, dict(result)["Result"])
        self._tell(result)
        self._details.forget()

    def _tell(self, more: Params, callback: Callback | None = None) -> None:
        """Send a callback: what all have in common, and what this one is about."""
        order, record, account = self._order, self.record, self._account
        call = self._control.call.record
        common: Params = [
            ("AccountSid", record.account_sid),
            ("CallSid", call.parent_call_sid or call.sid),
            ("Sid", record.sid),
            ("DateCreated", timestamp(account.dates, record.created_ns, "milliseconds")),
            ("PaymentConnector", order.connector),
            ("PaymentMethod", order.request.method),
        ]
        if more:
            updated = timestamp(account.dates, record.updated_ns, "milliseconds")
            common.insert(4, ("DateUpdated", updated))
        if order.kind == "charge":
            common.append(("ChargeAmount", order.amount))
        else:
            common.append(("TokenType", order.token_type))
        if order.account_type:
            common.append(("BankAccountType", order.account_type))
        account.send_callback(callback or self._callback, [*common, *more], PAY_STATUS, call.sid)
