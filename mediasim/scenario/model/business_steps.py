"""Steps of what a party does with the app beside talking: its messages, and payments it takes."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, WithJsonSchema

from mediasim.documents.durations import Duration, positive
from mediasim.documents.values import Flag, count
from mediasim.scenario.model.script_step import ScriptStep

__all__ = ["Message", "TakePayment"]


def _json(value: object) -> object:
    """Return JSON text of keys with values; text as it is. Raises ValueError if it is no JSON."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(f"expected JSON or keys with values, found {value[:60]!r}") from None
    return value


def _yes_or_no(value: object) -> object:
    """Return YAML's yes and no as words."""
    return ("yes" if value else "no") if isinstance(value, bool) else value


JsonText = Annotated[
    str,
    BeforeValidator(_json),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]


class Message(ScriptStep):
    """Send the app a user-defined message, as Twilio's Voice SDKs do."""

    keyword: ClassVar[str] = "message"
    stands_for: ClassVar[str] = "content"

    content: JsonText
    """What it says: JSON text, or keys with values."""


class TakePayment(ScriptStep):
    """Take the other party's card by keys, which are neither heard nor recorded.

    As an agent does with Twilio's Payments: the step ends with the payment, whose event is
    payment.success, or payment. and another result. What is to be entered is for the script to say.
    """

    keyword: ClassVar[str] = "take_payment"
    after_ringing: ClassVar[bool] = True
    stands_for: ClassVar[str] = "connector"

    connector: Annotated[
        Literal["yes", "no", "expired"],
        BeforeValidator(_yes_or_no),
        WithJsonSchema({"enum": [True, False, "yes", "no", "expired"]}),
    ] = "yes"
    """What the Pay Connector says of the card: yes, no or expired."""
    security_code: Flag = True
    """Whether the security code is asked for."""
    postal_code: Flag = True
    """Whether the postal code, of five digits, is asked for."""
    timeout: Annotated[Duration, positive()] = Duration.of("5s")
    """How long after a key the next is waited for."""
    attempts: Annotated[int, count(1, 10)] = 2
    """How often each is asked for."""
