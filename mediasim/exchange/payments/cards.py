"""Cards and bank accounts: types of cards by their numbers, and which digits are valid.

Lengths and first digits are those of Twilio's page of the Pay verb; where it leaves a length open
or prints an odd one (Visa, 15 digits), those that cards have (ISO/IEC 7812).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = [
    "CARD_TYPES",
    "FIELDS",
    "TEST_ACCOUNTS",
    "TEST_CARDS",
    "CardType",
    "Entered",
    "PaymentField",
    "card_types",
    "is_valid",
]


@dataclass(frozen=True, slots=True)
class CardType:
    """A type of cards."""

    name: str
    first_digits: re.Pattern[str]
    lengths: tuple[int, ...]
    usual: int
    """The number of digits after which a number is taken for complete."""
    code_digits: int = 3
    """Digits of its security code."""


def _card(name: str, first_digits: str, lengths: tuple[int, ...], usual: int) -> CardType:
    return CardType(
        name, re.compile(first_digits), lengths, usual, 4 if name in ("amex", "optima") else 3
    )


_LONG: Final = (16, 17, 18, 19)
CARD_TYPES: Final[Mapping[str, CardType]] = {
    card.name: card
    for card in (
        _card("visa", "4", (13, 16, 19), 16),
        _card("mastercard", "5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,), 16),
        _card("amex", "3[47]", (15,), 15),
        _card("discover", "64|65|6011", _LONG, 16),
        _card("jcb", "352[89]|35[3-8]", _LONG, 16),
        _card("diners-club", "30|36|38|39", (14, *_LONG), 16),
        _card("enroute", "2014|2149", (15,), 15),
        _card("maestro", "5[0678]|6", tuple(range(12, 20)), 16),
        _card("optima", "3[47]", (15,), 15),
    )
}
"""The types of cards by name, in the order in which a number is tried."""


def card_types(number: str) -> list[CardType]:
    """Return the types that a number, or its first digits, may be of."""
    return [card for card in CARD_TYPES.values() if card.first_digits.match(number)]


TEST_CARDS: Final = frozenset(
    (
        *("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"),
        *("3065930009020004", "3566002020360505", "6200000000000005", "6771798021000008"),
    )
)
TEST_ACCOUNTS: Final = frozenset(("12345678", "123456789"))
"""Numbers of cards and of accounts that a connector in test mode takes: Twilio's page of the
Generic Pay Connector."""


def is_valid(number: str) -> bool:
    """Tell whether the last digit checks the others (the Luhn formula).

    One of Twilio's test cards does not, and is valid.
    """
    return number in TEST_CARDS or _is_luhn(number)


def _is_luhn(number: str) -> bool:
    """Tell whether the last digit checks the others (the Luhn formula)."""
    doubled = [int(digit) * 2 for digit in number[-2::-2]]
    total = sum(map(int, number[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)
    return total % 10 == 0


# -- what is asked for -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """What digits are judged by: those entered before, and what the payment accepts."""

    card_number: str
    """The card's number; "" before it is known."""
    accepted: Collection[str]
    """Names of the types of cards that are accepted."""
    least_postal: int
    """Least digits of a postal code."""
    fixed_postal: bool
    """Whether a postal code has no more digits than the least."""
    now: datetime


@dataclass(frozen=True, slots=True)
class PaymentField:
    """A piece of payment information that a party is asked for."""

    name: str
    """Its name in requests: ``payment-card-number``."""
    parameter: str
    """Its name in callbacks: ``PaymentCardNumber``."""
    error: str
    """The error of invalid digits."""
    longest: Callable[[str, Entered], int]
    """Returns the number of digits after which those entered so far are complete."""
    fault: Callable[[str, Entered], str | None]
    """Returns the error of the digits; None for valid ones."""
    shown: int | None
    """Last digits that may be shown; None: all."""
    mask: str = "x"

    def masked(self, digits: str, *, whole: bool = True) -> str:
        """Return the digits as they may be shown; those still being entered show none."""
        if self.shown is None:
            return digits
        clear = min(self.shown, len(digits)) if whole else 0
        return self.mask * (len(digits) - clear) + digits[len(digits) - clear :]


def _card_longest(digits: str, entered: Entered) -> int:
    found = [card for card in card_types(digits) if card.name in entered.accepted]
    usual = [card.usual for card in found or card_types(digits)]
    # Diners cards that begin with 36 have 14 digits.
    return 14 if digits.startswith("36") else max(usual, default=16)


def _card_fault(digits: str, entered: Entered) -> str | None:
    if not is_valid(digits):
        return "invalid-card-number"
    found = [card for card in card_types(digits) if len(digits) in card.lengths]
    if not found and not card_types(digits):
        return "invalid-card-type"
    if not found:
        return "invalid-card-number"
    return None if any(card.name in entered.accepted for card in found) else "invalid-card-type"


def _date_fault(digits: str, entered: Entered) -> str | None:
    if len(digits) != 4 or not 1 <= int(digits[:2]) <= 12:
        return "invalid-date"
    month, year = int(digits[:2]), 2000 + int(digits[2:])
    valid = (year, month) >= (entered.now.year, entered.now.month)
    return None if valid else "invalid-date"


def _code_longest(_: str, entered: Entered) -> int:
    return max((card.code_digits for card in card_types(entered.card_number)), default=3)


def _code_fault(digits: str, entered: Entered) -> str | None:
    if not entered.card_number:
        return "invalid-card-number-security-code-capture-sequence"
    right = len(digits) == _code_longest(digits, entered)
    return None if right else "invalid-security-code"


def _postal_longest(_: str, entered: Entered) -> int:
    return entered.least_postal if entered.fixed_postal else _LONGEST_POSTAL


def _postal_fault(digits: str, entered: Entered) -> str | None:
    return None if len(digits) >= entered.least_postal else "invalid-postal-code"


def _routing_fault(digits: str, _: Entered) -> str | None:
    checked = sum(int(digit) * (3, 7, 1)[at % 3] for at, digit in enumerate(digits))
    right = len(digits) == _ROUTING and checked % 10 == 0
    return None if right else "invalid-bank-routing-number"


def _account_fault(digits: str, _: Entered) -> str | None:
    return None if len(digits) >= _LEAST_ACCOUNT else "invalid-bank-account-number"


_ROUTING: Final = 9
_LEAST_ACCOUNT: Final = 4
"""Least digits of a bank account's number (our choice: Twilio names none)."""
_LONGEST_ACCOUNT: Final = 17
_LONGEST_POSTAL: Final = 10
FIELDS: Final[Mapping[str, PaymentField]] = {
    field.name: field
    for field in (
        PaymentField(
            "payment-card-number",
            "PaymentCardNumber",
            "invalid-card-number",
            _card_longest,
            _card_fault,
            4,
        ),
        PaymentField(
            "expiration-date", "ExpirationDate", "invalid-date", lambda *_: 4, _date_fault, None
        ),
        PaymentField(
            "security-code", "SecurityCode", "invalid-security-code", _code_longest, _code_fault, 0
        ),
        PaymentField(
            "postal-code",
            "PaymentCardPostalCode",
            "invalid-postal-code",
            _postal_longest,
            _postal_fault,
            None,
        ),
        PaymentField(
            "bank-routing-number",
            "BankRoutingNumber",
            "invalid-bank-routing-number",
            lambda *_: _ROUTING,
            _routing_fault,
            None,
        ),
        PaymentField(
            "bank-account-number",
            "BankAccountNumber",
            "invalid-bank-account-number",
            lambda *_: _LONGEST_ACCOUNT,
            _account_fault,
            2,
            "*",
        ),
    )
}
"""What a party may be asked for, in the order in which it is asked."""
