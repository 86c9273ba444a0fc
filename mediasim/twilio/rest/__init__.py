"""Twilio's REST API, version 2010-04-01, over the engine."""

from mediasim.twilio.rest.api import ApiSettings, create_api

__all__ = ["ApiSettings", "create_api", "described", "media", "resource", "responses", "table"]
