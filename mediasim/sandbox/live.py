"""What can be done to calls from outside: placed, keys pressed, words spoken, hung up.

All of it is a script, carried out as a party's own is. Runs on the engine's loop.
"""

from __future__ import annotations

import re
from typing import Final

from mediasim.exchange.records import CallRecord
from mediasim.sandbox.config import Callee
from mediasim.sandbox.phones import PhoneBook
from mediasim.scenario.model.steps import listens
from mediasim.twilio.service import Service

__all__ = ["DEFAULT_CALLER", "NotNow", "act", "place_call"]

DEFAULT_CALLER: Final = "+14155550123"
_E164: Final = r"\+[1-9][0-9]{6,14}"


class NotNow(Exception):
    """It cannot be done to what there is; says what there is."""


def place_call(
    service: Service, phones: PhoneBook, *, to: str, from_: str, callee: Callee, scripted: bool
) -> CallRecord:
    """Somebody calls one of the app's numbers.

    ``from_`` is a number, or the name of a party in the plan, who then is the caller;
    ``scripted``: with the callee's script instead of its own. Raises NotNow and TwilioError.
    """
    phone = phones.caller(from_, callee.script if scripted else None)
    if phone is None and re.fullmatch(_E164, from_) is None:
        raise NotNow(f"{from_!r} is neither a number such as {DEFAULT_CALLER} nor a party's name")
    if phone is not None and phone.reach is not None:
        raise NotNow(f"{from_} is an endpoint elsewhere: it can be called, not made to call")
    if phone is None:
        phone = phones.stranger(callee, from_)
    return service.place_inbound(phone.party.number, to, phone)


def act(service: Service, phones: PhoneBook, call_sid: str, callee: Callee) -> CallRecord:
    """Let the party of a live call carry out the callee's script, from now on.

    Raises NotNow for a call that is not in progress, TwilioError for one there is not.
    """
    record = service.call_record(call_sid)
    session = service.sessions.get(call_sid)
    if session is None or not session.call.active:
        raise NotNow(f"call {call_sid} is {record.status}: only in a call in progress can one act")
    call = session.call
    if call.line is None:
        if [step.hangs_up for step in callee.script] == [True]:
            call.hung_up()  # taken down as if it had gone
            return record
        raise NotNow(f"{call.party.name} in call {call_sid} is not simulated: it acts by itself")
    if listens(callee.script) and call.line.ear is None:
        raise NotNow(
            f"{call.party.name} does not listen in call {call_sid}: its own script has nothing"
            " that waits for what it hears"
        )
    voice = callee.voice or phones.voice_of(call.party.name)
    session.spawn(phones.behavior(callee.script, voice)(session))
    return record
