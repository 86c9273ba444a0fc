"""Payments by keys: what cards and bank accounts are, and asking a call's party for them.

The digits are secret: they are in no event and no recording, and the only ones to get them are the
collection and the connector that processes the payment.
"""

from mediasim.exchange.payments.cards import (
    CARD_TYPES,
    FIELDS,
    TEST_ACCOUNTS,
    TEST_CARDS,
    PaymentField,
)
from mediasim.exchange.payments.collection import (
    Asked,
    Asking,
    Collection,
    Entry,
    PaymentResult,
    Starred,
    confirmed,
    enter,
    payment_ended,
)
from mediasim.exchange.payments.details import (
    MATCHER,
    PaymentDetails,
    PaymentMethod,
    PaymentRequest,
)
from mediasim.exchange.payments.prompts import LANGUAGES, prompt_text

__all__ = [
    "CARD_TYPES",
    "FIELDS",
    "LANGUAGES",
    "MATCHER",
    "TEST_ACCOUNTS",
    "TEST_CARDS",
    "Asked",
    "Asking",
    "Collection",
    "Entry",
    "PaymentDetails",
    "PaymentField",
    "PaymentMethod",
    "PaymentRequest",
    "PaymentResult",
    "Starred",
    "confirmed",
    "enter",
    "payment_ended",
    "prompt_text",
]
