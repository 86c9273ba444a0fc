"""The news of a sandbox: what its listeners are told, on the engine's loop, as it happens."""

from __future__ import annotations

from collections.abc import Callable

from mediasim.exchange.events import Event
from mediasim.twilio.notifications import NotificationRecord
from mediasim.twilio.webhooks import Delivery

__all__ = ["Listener", "News"]

News = Event | Delivery | NotificationRecord
"""An event, a request to the app that is done, or a warning or error for the developer."""
Listener = Callable[[News], None]
