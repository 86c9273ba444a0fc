"""Requests to the user's app: TwiML and media are fetched, callbacks sent in order, all logged.

Connections are opened by a :class:`mediasim.twilio.ports.HttpPort`.
"""

from mediasim.twilio.webhooks.address import HostGuard
from mediasim.twilio.webhooks.delivery import AppFailure, AppRequest, AppResponse, Attempt, Delivery
from mediasim.twilio.webhooks.oddities import ODDITIES
from mediasim.twilio.webhooks.webhooks import Webhooks

__all__ = [
    "ODDITIES",
    "AppFailure",
    "AppRequest",
    "AppResponse",
    "Attempt",
    "Delivery",
    "HostGuard",
    "Webhooks",
    "address",
    "delivery",
    "webhooks",
]
