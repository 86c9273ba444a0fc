"""Payments by keys: what cards and bank accounts are, and asking a call's party for them.

The digits are secret: they are in no event and no recording, and the only ones to get them are the
collection and the connector that processes the payment.
"""

from mediasim.exchange.payments.cards import CARD_TYPES, FIELDS, PaymentField
from mediasim.exchange.payments.collection import (
    Asking,
    Collection,
    Entry,
    PaymentResult,
    Starred,
    enter,
)
from mediasim.exchange.payments.details import PaymentDetails, PaymentRequest
from mediasim.exchange.payments.prompts import LANGUAGES, prompt_text

__all__ = [
    "CARD_TYPES",
    "FIELDS",
    "LANGUAGES",
    "Asking",
    "Collection",
    "Entry",
    "PaymentDetails",
    "PaymentField",
    "PaymentRequest",
    "PaymentResult",
    "Starred",
    "enter",
    "prompt_text",
]
