"""Requests to the user's app: TwiML and media fetched, callbacks told in order, all of it logged.

Nothing here opens a connection: that is :class:`mediasim.twilio.ports.HttpPort`.
"""

from mediasim.twilio.webhooks.address import HostGuard
from mediasim.twilio.webhooks.delivery import AppFailure, AppRequest, AppResponse, Attempt, Delivery
from mediasim.twilio.webhooks.webhooks import Webhooks

__all__ = [
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
