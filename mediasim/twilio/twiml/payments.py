"""The attributes of Pay and of its Prompt, which the verb reads by these types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mediasim.exchange.payments import CARD_TYPES, FIELDS, LANGUAGES
from mediasim.twilio.payments import BANK_ACCOUNT_TYPES, TOKEN_TYPES
from mediasim.twilio.twiml.values import FLAG, METHOD, TEXT, Choice, Number, Value, Words

__all__ = ["PAY", "PROMPT"]


class CommaWords(Words):
    """Several of some words, separated by spaces or commas."""

    def read(self, written: str) -> str | None:
        return super().read(written.replace(",", " "))


_CARDS: Final = Words(tuple(CARD_TYPES))
_FIELDS: Final = tuple(FIELDS)
PAY: Final[Mapping[str, Value]] = {
    "input": Words(("dtmf",)),
    "action": TEXT,
    "statusCallback": TEXT,
    "statusCallbackMethod": METHOD,
    "paymentMethod": Choice(("credit-card", "ach-debit")),
    "bankAccountType": Choice(BANK_ACCOUNT_TYPES),
    "timeout": Number(least=1, most=600),
    "maxAttempts": Number(least=1, most=3),
    "securityCode": FLAG,
    "postalCode": TEXT,
    "minPostalCodeLength": Number(least=1, most=10),
    "paymentConnector": TEXT,
    "tokenType": Choice(TOKEN_TYPES),
    "chargeAmount": TEXT,
    "currency": TEXT,
    "description": TEXT,
    "validCardTypes": _CARDS,
    "language": Choice(LANGUAGES),
    "requireMatchingInputs": CommaWords(_FIELDS),
    "confirmation": FLAG,
}
PROMPT: Final[Mapping[str, Value]] = {
    "for": Choice((*_FIELDS, "payment-processing")),
    "errorType": Words(
        (
            *("timeout", "input-timeout", "invalid-card-type", "input-matching-failed"),
            *dict.fromkeys(each.error for each in FIELDS.values()),
        )
    ),
    "cardType": _CARDS,
    "attempt": Words(tuple(map(str, range(1, 11)))),
    "requireMatchingInputs": FLAG,
}
