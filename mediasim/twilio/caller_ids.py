"""Verified caller IDs: numbers that a person has proved to have, by a code entered in a call.

The call is a real one: whoever answers it presses the six digits, a party of a test by the control
API. It ends when they are right, after three wrong tries, or when nothing is pressed for a minute.
Twilio calls from a number of its own; a code is the seed's. (Docs, OutgoingCallerIds; the number of
tries and the wait are our choice.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from mediasim.exchange.dates import Dates
from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CALL
from mediasim.exchange.waiting import listen_for_keys, notice
from mediasim.twilio.account_parts import AccountParts, ResourceList
from mediasim.twilio.representations import account_path, dates_json
from mediasim.twilio.requests import Callback, CallRequest, TwimlSource
from mediasim.twilio.resources import AccountRecord, Dated
from mediasim.twilio.session import CallDocuments, CallSession

__all__ = ["CallerIdManager", "CallerIdRecord", "Validation"]

_FROM: Final = "+14157234000"
_CODE: Final = 1_000_000
_TRIES: Final = 3
_TWIML: Final = (
    "<Response><Say>Please enter your six digit validation code.</Say>"
    '<Pause length="60"/><Say>Goodbye.</Say></Response>'
)


@dataclass(slots=True)
class CallerIdRecord(Dated):
    """A verified number: Twilio's OutgoingCallerId resource."""

    sid: str
    account_sid: str
    friendly_name: str
    phone_number: str
    created_ns: int
    updated_ns: int = field(init=False)

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        return {
            "sid": self.sid,
            **dates_json(self, dates),
            "friendly_name": self.friendly_name,
            "account_sid": self.account_sid,
            "phone_number": self.phone_number,
            "uri": f"{account_path(self.account_sid)}/OutgoingCallerIds/{self.sid}.json",
        }


@dataclass(slots=True)
class Validation:
    """A validation that is under way: Twilio's ValidationRequest resource."""

    account_sid: str
    call_sid: str
    friendly_name: str
    phone_number: str
    code: str
    callback: Callback | None
    caller_id_sid: str | None = None

    def to_twilio_json(self) -> dict[str, Any]:
        """Return the resource, which Twilio shows once."""
        return {
            "account_sid": self.account_sid,
            "call_sid": self.call_sid,
            "friendly_name": self.friendly_name,
            "phone_number": self.phone_number,
            "validation_code": self.code,
        }


class Calls(Protocol):
    """The account, as far as validations use it."""

    account: AccountRecord

    def create_call(self, request: CallRequest) -> CallRecord:
        """Place a call."""


class CallerIdManager:
    """The verified numbers of all accounts, and validations under way."""

    def __init__(self, account: CallDocuments, of: Callable[[str], AccountParts]) -> None:
        """Listen to the calls of the main account; ``of`` returns the account of a SID."""
        self._main = account
        self._of = of
        self.records: ResourceList[CallerIdRecord] = account.resource_list("OutgoingCallerIds")
        self._validations: dict[str, Validation] = {}
        """Validations by the SIDs of their calls."""
        account.exchange.events.on("event", self._on_event)

    def begin(
        self,
        calls: Calls,
        number: str,
        friendly_name: str,
        extension: str,
        callback: Callback | None,
    ) -> Validation:
        """Call a number to validate it. Raises TwilioError if the call cannot be placed."""
        call = calls.create_call(
            CallRequest(
                number, _FROM, TwimlSource(twiml=_TWIML), send_digits=extension, by_twilio=True
            )
        )
        code = self._main.exchange.seeds.key(f"validation/{call.sid}") % _CODE
        validation = Validation(
            calls.account.sid, call.sid, friendly_name, number, f"{code:06}", callback
        )
        self._validations[call.sid] = validation
        return validation

    def add(self, account_sid: str, number: str, friendly_name: str) -> CallerIdRecord:
        """Add a verified number to an account."""
        main = self._main
        record = CallerIdRecord(main.new_sid("PN"), account_sid, friendly_name, number, main.now_ns)
        self.records.add(record)
        return record

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, CallEvent) or event.call_sid not in self._validations:
            return
        validation = self._validations[event.call_sid]
        if CALL.is_final(self._main.catalogue.call(event.call_sid).status):
            del self._validations[event.call_sid]
            self._report(validation)
        elif event.kind == "call.answered":
            session = self._main.sessions[event.call_sid]
            session.spawn(self._listen(validation, session))

    async def _listen(self, validation: Validation, session: CallSession) -> None:
        """Listen for the code in a call; end it when that was pressed, or wrong too often."""
        pressed = ""
        with listen_for_keys(session.call) as keys:
            for _ in range(_TRIES):
                while len(pressed) < len(validation.code):
                    frame, digit = await keys.get()
                    pressed += digit if digit.isdigit() else ""
                await notice(session.call, frame)
                if pressed == validation.code:
                    number, name = validation.phone_number, validation.friendly_name
                    record = self.add(validation.account_sid, number, name)
                    validation.caller_id_sid = record.sid
                    break
                pressed = ""
        session.end("canceled")

    def _report(self, validation: Validation) -> None:
        """Report the end of a validation to its callback."""
        if validation.callback is None:
            return
        verified = validation.caller_id_sid
        params = [
            ("AccountSid", validation.account_sid),
            ("CallSid", validation.call_sid),
            ("To", validation.phone_number),
            ("From", _FROM),
            ("VerificationStatus", "failed" if verified is None else "success"),
        ]
        if verified is not None:
            params.append(("OutgoingCallerIdSid", verified))
        account = self._of(validation.account_sid)
        account.send_callback(validation.callback, params, "validation", validation.call_sid)
