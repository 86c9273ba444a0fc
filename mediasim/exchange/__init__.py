"""The one call control: calls and their states, conferences, queues, recordings.

Knows nothing of HTTP, TwiML, Twilio's JSON or scenario files, which compile to its operations.

By module: ``exchange.Exchange``; ``call_control`` (one call, and its bridge to another, with
hold), ``call_quality`` (losses and opinion scores), ``phone`` (telephones and how they are rung),
``dial`` (calls put through), ``message`` (the Record verb), ``conference`` and ``participant``,
``queue``; ``recording`` (the tracks that each channel is made of) and ``recording_control``
(recordings in progress), ``profiles`` (Twilio's rules as of a date) and ``layout`` (the one rule of
stored and downloaded channels); ``records``, ``states`` and ``lifecycle``, ``stillness`` (whether
anything can still happen), ``events``, ``media_store``, ``recovery``.
"""

__all__ = [
    "answering_machine",
    "call_control",
    "call_quality",
    "conference",
    "dates",
    "dial",
    "events",
    "exchange",
    "layout",
    "lifecycle",
    "live_call",
    "media_store",
    "message",
    "own_line",
    "participant",
    "payments",
    "phone",
    "profiles",
    "queue",
    "recording",
    "recording_control",
    "records",
    "recovery",
    "rendition",
    "spoken",
    "states",
    "stillness",
    "trim",
    "waiting",
]
