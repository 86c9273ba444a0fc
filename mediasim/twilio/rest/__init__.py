"""Twilio's REST API, version 2010-04-01, over the engine."""

from mediasim.twilio.rest.api import ApiSettings, create_api
from mediasim.twilio.rest.service_port import ServicePort

__all__ = ["ApiSettings", "ServicePort", "create_api"]
