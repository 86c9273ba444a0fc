"""The one call control: calls and their states, conferences, queues, recordings.

Knows nothing of HTTP, TwiML, Twilio's JSON or scenario files, which compile to its operations.

By module: ``exchange.Exchange``; ``call_control`` (one call), ``phone`` (who answers, and
how), ``ringing`` (the ladder), ``dial`` and ``bridge`` (two calls put through, with hold),
``message`` (the Record verb), ``conference``, ``attending`` and ``participant``, ``queue``;
``recording`` (what is recorded, by role) and ``recording_control`` (recordings in progress),
``layout`` (the one rule of stored and downloaded channels); ``records``, ``states`` and
``lifecycle``, ``events``, ``catalogue``, ``media_store``, ``recovery``.
"""

__all__ = [
    "attending",
    "call_control",
    "catalogue",
    "conference",
    "conference_listener",
    "dates",
    "dial",
    "events",
    "exchange",
    "keypad",
    "layout",
    "lifecycle",
    "live_call",
    "media_store",
    "message",
    "participant",
    "phone",
    "queue",
    "recording",
    "recording_control",
    "records",
    "recovery",
    "rendition",
    "states",
    "trim",
    "waiting",
]
