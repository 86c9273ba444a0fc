"""RTP as blocks of bytes and numbers (RFC 3550). Knows nothing of sockets, clocks or calls.

The public face: ``packets`` (headers of many packets at once), ``sender`` (frames to packets),
``playout`` (packets to frames, by media timestamp), ``stream`` (what a receiver expects and
remembers), ``telephone_event`` (RFC 4733), ``comfort_noise`` (RFC 3389), ``rtcp``, ``reception``
and ``quality`` (loss, jitter, E-model). Inside playout: ``stream_lock``, ``pacing``, ``ring``,
``gaps``, ``framed``.
"""
