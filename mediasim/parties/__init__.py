"""Simulated parties: what they say, hear and answer. Knows nothing of Twilio.

By module: ``party`` (a party, and its line on a leg), ``timeline`` (what it says, at which sample),
``telephone_line``, ``gain_control`` and ``echo`` (the colour of what it sends), ``phone`` (that as
packets), ``rtp_receiver`` and ``hearing`` (what it hears), ``clock`` (skewed and stalling senders),
``in_flight`` (packets on a link), ``voices`` (speech).
"""

__all__ = ["hearing", "in_flight", "party", "timeline", "voices"]
