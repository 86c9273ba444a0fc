"""Twilio's behaviour over the exchange: TwiML, webhooks, REST resources.

Knows nothing of scenario files, and of no sockets: the outside world is behind
:mod:`mediasim.twilio.ports`.
"""

__all__ = [
    "access_token",
    "account",
    "addresses",
    "coverage",
    "download",
    "error_dictionary",
    "errors",
    "explain_code",
    "fault_injecting_api",
    "fault_injection",
    "insights",
    "message_records",
    "notifications",
    "payments",
    "ports",
    "relay",
    "representations",
    "requests",
    "resources",
    "rest",
    "rules",
    "session",
    "sip",
    "sites",
    "status",
    "streams",
    "studio",
    "subscribers",
    "twiml",
    "vault",
    "webhooks",
]
