"""Twilio's behaviour over the exchange: TwiML, webhooks, REST resources.

Knows nothing of scenario files, and of no sockets: the outside world is behind
:mod:`mediasim.twilio.ports`.
"""

__all__ = [
    "access_token",
    "addresses",
    "asks",
    "download",
    "errors",
    "ports",
    "representations",
    "resources",
    "rest",
    "service",
    "session",
    "streams",
    "studio",
    "weather",
    "weather_front",
    "webhooks",
]
