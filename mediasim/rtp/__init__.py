"""RTP as blocks of bytes and numbers (RFC 3550). Knows nothing of sockets, clocks or calls.

By module: ``packets`` (headers of many packets at once), ``sender`` (frames to packets),
``playout`` (packets to frames, by media timestamp), ``stream`` (the state of a received stream),
``telephone_event`` (RFC 4733), ``rtcp``, ``reception`` (loss, jitter, E-model) and ``oddities``
(what was odd about a sender).

Inside playout: ``pending_streams`` and ``probation`` (streams before they are played),
``scheduler`` and ``line_checker`` (the policy for odd senders), ``playout_offsets`` and
``skew_compensation`` (where a stream is played, and clocks), ``depacketizer``, ``ring`` and
``gaps`` (comfort noise and concealment).
"""

__all__ = [
    "foresight",
    "gaps",
    "oddities",
    "packets",
    "playout",
    "playout_offsets",
    "probation",
    "reception",
    "ring",
    "rtcp",
    "sender",
    "skew_compensation",
    "stream",
    "telephone_event",
]
