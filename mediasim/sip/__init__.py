"""SIP telephones: registered, calling in, and rung; their media over RTP.

Kept apart from the engine: nothing of it is imported unless SIP was asked for.
"""

__all__ = ["server"]
