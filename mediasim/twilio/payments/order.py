"""What an app orders with a payment: what is asked for, and what becomes of it.

Codes are those of Twilio's error dictionary (640xx).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from mediasim.exchange.payments import PaymentRequest

__all__ = [
    "BANK_ACCOUNT_TYPES",
    "DEFAULT_CONNECTOR",
    "INVALID_OPERATION",
    "INVALID_PARAMETER",
    "TOKEN_TYPES",
    "ConnectorAnswer",
    "PayConnector",
    "PaymentOrder",
    "PaymentRefused",
]

DEFAULT_CONNECTOR: Final = "Default"
TOKEN_TYPES: Final = ("one-time", "reusable", "payment-method")
BANK_ACCOUNT_TYPES: Final = ("consumer-checking", "consumer-savings", "commercial-checking")
INVALID_PARAMETER: Final = 64020
INVALID_OPERATION: Final = 64021
_INVALID_AMOUNT: Final = 64003
_INVALID_CONNECTOR: Final = 64004
_NO_TOKENS: Final = 64005
_NO_CHARGES: Final = 64007
_CURRENCY: Final = 64011
_METHOD: Final = 64013
_ACCOUNT_TYPE: Final = 64017
_AMOUNT: Final = r"[0-9]{1,12}(\.[0-9]{1,6})?"
_MOST: Final = Decimal(1_000_000)


ConnectorAnswer = Literal["yes", "no", "expired"]
"""What a connector that answers by itself says of every card."""


class PaymentRefused(Exception):
    """A payment cannot be ordered so; ``code`` is that of Twilio's error dictionary."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class PayConnector:
    """A Pay Connector of the account's."""

    answer: ConnectorAnswer = "yes"
    takes_ns: int = 0
    """Nanoseconds that the processing takes."""
    url: str | None = None
    """Endpoint of a generic connector; None for one that answers by itself."""
    username: str = ""
    password: str = field(default="", repr=False)
    test_mode: bool = False
    """Whether only Twilio's test cards and accounts are passed on."""
    methods: tuple[str, ...] = ("credit-card", "ach-debit")
    transactions: tuple[str, ...] = ("charge", "tokenize")
    currencies: tuple[str, ...] = ()
    """The currencies that it takes, in upper case; () for all."""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """A payment that an app orders; the defaults are those of the Pay verb."""

    request: PaymentRequest = field(default_factory=PaymentRequest)
    connector: str = DEFAULT_CONNECTOR
    amount: str = ""
    """The amount to charge; nothing, or 0, asks for a token."""
    currency: str = "usd"
    token_type: str = "reusable"
    description: str = ""
    bank_account_type: str = ""
    """The type of the bank account, if the app gave one."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Custom parameters for the payment processor."""

    @property
    def kind(self) -> Literal["charge", "tokenize"]:
        """Whether the payment is charged or a token is made."""
        amount = self.amount.strip()
        charged = re.fullmatch(_AMOUNT, amount) and Decimal(amount) > 0
        return "charge" if charged else "tokenize"

    @property
    def account_type(self) -> str:
        """The type of the bank account; "" for a card."""
        if self.request.method != "ach-debit":
            return ""
        return self.bank_account_type or BANK_ACCOUNT_TYPES[0]

    def check(self, connector: PayConnector | None, amount_name: str = "chargeAmount") -> None:
        """Check the order for a connector. Raises PaymentRefused.

        ``connector`` is None if the account has none of the name.
        """
        amount = self.amount.strip()
        if amount and (re.fullmatch(_AMOUNT, amount) is None or Decimal(amount) > _MOST):
            words = f"{amount_name}='{amount[:20]}' (not a number between 0.00 - 1,000,000.00)"
            raise PaymentRefused(_INVALID_AMOUNT, words)
        if connector is None:
            words = f"paymentConnector='{self.connector[:60]}' (there is no such Pay Connector)"
            raise PaymentRefused(_INVALID_CONNECTOR, words)
        if self.bank_account_type and self.request.method == "credit-card":
            words = "bankAccountType is not supported with paymentMethod='credit-card'"
            raise PaymentRefused(_ACCOUNT_TYPE, words)
        if self.request.method not in connector.methods:
            words = f"Connector does not support paymentMethod='{self.request.method}'"
            raise PaymentRefused(_METHOD, words)
        if self.kind not in connector.transactions:
            charges = self.kind == "charge"
            words = f"Connector does not support {'creating charge' if charges else 'tokenization'}"
            raise PaymentRefused(_NO_CHARGES if charges else _NO_TOKENS, words)
        known = not connector.currencies or self.currency.upper() in connector.currencies
        if re.fullmatch("[A-Za-z]{3}", self.currency) is None or not known:
            words = f"Connector does not support currency='{self.currency[:20]}'"
            raise PaymentRefused(_CURRENCY, words)
