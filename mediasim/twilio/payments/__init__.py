"""Payments as Twilio takes them: what the Pay verb and the Payments API order, and connectors.

What a party is asked and which digits are valid is :mod:`mediasim.exchange.payments`.
"""

from mediasim.twilio.payments.connectors import CONNECTOR, Processed, process
from mediasim.twilio.payments.manager import (
    PAY_STATUS,
    PaymentManager,
    PaymentRecord,
    SessionStatus,
)
from mediasim.twilio.payments.order import (
    BANK_ACCOUNT_TYPES,
    DEFAULT_CONNECTOR,
    INVALID_OPERATION,
    INVALID_PARAMETER,
    TOKEN_TYPES,
    ConnectorAnswer,
    PayConnector,
    PaymentOrder,
    PaymentRefused,
)

__all__ = [
    "BANK_ACCOUNT_TYPES",
    "CONNECTOR",
    "DEFAULT_CONNECTOR",
    "INVALID_OPERATION",
    "INVALID_PARAMETER",
    "PAY_STATUS",
    "TOKEN_TYPES",
    "ConnectorAnswer",
    "PayConnector",
    "PaymentManager",
    "PaymentOrder",
    "PaymentRecord",
    "PaymentRefused",
    "Processed",
    "SessionStatus",
    "process",
]
