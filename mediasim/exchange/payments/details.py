"""A payment: what it asks for, and what was entered so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from mediasim.exchange.payments.cards import FIELDS, Entered, PaymentField, card_types

__all__ = ["MATCHER", "PaymentDetails", "PaymentMethod", "PaymentRequest"]

PaymentMethod = Literal["credit-card", "ach-debit"]
MATCHER: Final = "-matcher"
"""Follows the name of a field that is entered a second time."""
_USUAL_POSTAL: Final = 5


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a payment asks for; the defaults are those of the Pay verb."""

    method: PaymentMethod = "credit-card"
    security_code: bool = True
    postal_code: bool | str = True
    """Whether the postal code is asked for; a text is the code itself."""
    least_postal: int | None = None
    """Least digits of a postal code; None: five, and no more."""
    card_types: tuple[str, ...] = ("visa", "mastercard", "amex")
    matching: tuple[str, ...] = ()
    """Names of fields that have to be entered twice."""
    confirmation: bool = False
    """Whether the party confirms the last digits before the payment is processed."""
    timeout_ns: int = 5_000_000_000
    """Nanoseconds after which no further key is waited for."""
    patient: bool = False
    """Whether the first key of each field is waited for without end."""
    retries: int = 1
    """Times that invalid digits, or none, are asked for again."""

    @property
    def fields(self) -> tuple[PaymentField, ...]:
        """What is asked for, in order."""
        names = ["bank-routing-number", "bank-account-number"]
        if self.method == "credit-card":
            names = ["payment-card-number", "expiration-date"]
            names += ["security-code"] if self.security_code else []
            names += ["postal-code"] if self.postal_code is True else []
        return tuple(FIELDS[name] for name in names)


@dataclass(slots=True)
class PaymentDetails:
    """What was entered of a payment."""

    request: PaymentRequest
    entered: dict[str, str] = field(default_factory=dict, repr=False)
    """The digits in clear, by the names of their fields; those of a second time end in a word."""

    def __post_init__(self) -> None:
        if isinstance(self.request.postal_code, str) and self.request.method == "credit-card":
            self.entered["postal-code"] = self.request.postal_code

    @property
    def card_type(self) -> str:
        """Name of the card's type; "" before it is known."""
        number = self.entered.get("payment-card-number", "")
        found = [card.name for card in card_types(number)] if number else []
        accepted = [name for name in found if name in self.request.card_types]
        return next(iter(accepted or found), "")

    @property
    def required(self) -> list[str]:
        """Names of what is still to be entered, the second times included."""
        names: list[str] = []
        for each in self.request.fields:
            names.append(each.name)
            if each.name in self.request.matching:
                names.append(each.name + MATCHER)
        return [name for name in names if name not in self.entered]

    def judged_by(self, now: datetime) -> Entered:
        """Return what digits are judged by at a date."""
        least = self.request.least_postal
        return Entered(
            card_number=self.entered.get("payment-card-number", ""),
            accepted=self.request.card_types,
            least_postal=_USUAL_POSTAL if least is None else least,
            fixed_postal=least is None,
            now=now,
        )

    def take(self, name: str, digits: str, now: datetime) -> str | None:
        """Enter the digits of a field, or of its second time; return the error that they make.

        Invalid digits are not kept, and what they replace is dropped.
        """
        plain = name.removesuffix(MATCHER)
        self.entered.pop(name, None)
        if name != plain:
            if self.entered.get(plain) != digits:
                self.entered.pop(plain, None)
                return "input-matching-failed"
        elif (error := FIELDS[plain].fault(digits, self.judged_by(now))) is not None:
            return error
        else:
            self.entered.pop(plain + MATCHER, None)
        self.entered[name] = digits
        return None

    def shown(self, mask: str | None = None) -> list[tuple[str, str]]:
        """Return what was entered as callbacks show it, as names and values.

        ``mask`` replaces digits of the security code.
        """
        found: list[tuple[str, str]] = []
        for each in FIELDS.values():
            if each.name in self.entered:
                value = each.masked(self.entered[each.name])
                if mask is not None and each.shown == 0:
                    value = mask * len(value)
                found.append((each.parameter, value))
            if each.name == "payment-card-number" and self.card_type:
                found.append(("PaymentCardType", self.card_type))
        return found

    def last_digits(self) -> str:
        """Return the last digits of the card or the account, which a party confirms."""
        names: Iterable[str] = ("payment-card-number", "bank-account-number")
        number = next((self.entered[name] for name in names if name in self.entered), "")
        return number[-4:]

    def forget(self) -> None:
        """Drop everything that was entered."""
        self.entered.clear()
