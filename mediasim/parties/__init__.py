"""Simulated parties: what they say, hear and answer. Knows nothing of Twilio.

By module: ``party`` (who is at the far end, and its line on a leg), ``timeline`` (what it
says, at which sample), ``phone`` (that as packets), ``ear`` and ``hearing`` (what it hears),
``clock`` (skewed and stalling senders), ``telephone_line`` (band, level and noise of what it
sends), ``voices`` (speech).
"""

__all__ = ["hearing", "in_flight", "party", "telephone_line", "timeline", "voices"]
