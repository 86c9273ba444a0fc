"""RTP as blocks of bytes and numbers (RFC 3550). Knows nothing of sockets, clocks or calls.

By module: ``packets`` (headers of many packets at once), ``sender`` (frames to packets),
``playout`` (packets to frames, by media timestamp), ``stream`` (what a receiver expects and
remembers), ``telephone_event`` (RFC 4733), ``rtcp``, ``reception`` and ``quality`` (loss, jitter,
E-model). ``oddities`` names what was odd about a sender. Inside playout: ``pending_streams`` and
``probation`` (what may begin), ``lines`` (the policy for odd senders), ``pacing`` (places and
clocks), ``depacketizer``, ``ring`` and ``gaps`` (comfort noise and concealment).
"""

__all__ = [
    "gaps",
    "oddities",
    "pacing",
    "packets",
    "playout",
    "probation",
    "quality",
    "reception",
    "ring",
    "rtcp",
    "sender",
    "skew_compensation",
    "stream",
    "telephone_event",
]
