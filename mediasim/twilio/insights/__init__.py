"""Voice Insights: what was measured of each call, and the conditions that it is tagged with.

``measures`` takes the figures of a call when it ends, ``manager`` keeps them for all calls,
``tags`` has Twilio's thresholds; ``edges``, ``summaries`` and ``conferences`` show the figures as
Twilio does.
"""

from mediasim.twilio.insights.manager import InsightsManager

__all__ = ["InsightsManager", "conferences", "edges", "measures", "summaries"]
