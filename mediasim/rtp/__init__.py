"""RTP as blocks of bytes and numbers (RFC 3550). Knows nothing of sockets, clocks or calls.

By module: ``packets`` (headers of many packets at once), ``sender`` (frames to packets),
``playout`` (packets to frames, by media timestamp), ``stream`` (what a receiver expects and
remembers), ``telephone_event`` (RFC 4733), ``comfort_noise`` (RFC 3389), ``rtcp``, ``reception``
and ``quality`` (loss, jitter, E-model). ``oddities`` names what was odd about a
sender. Inside playout: ``stream_lock``, ``newcomers``, ``lines`` (with the policy for odd senders),
``pacing``, ``columns``, ``ring``, ``gaps``, ``framed``.
"""

__all__ = [
    "columns",
    "comfort_noise",
    "oddities",
    "pace_table",
    "pacing",
    "packets",
    "playout",
    "quality",
    "reception",
    "ring",
    "rtcp",
    "sender",
    "stream",
    "telephone_event",
]
