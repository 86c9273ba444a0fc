"""The network and time: simulated links, virtual and real time, sockets.

By module: ``network`` and ``link`` (a network described, and its effect on packets),
``telephone_line`` (a telephone's colour, described),
``virtual_loop`` (the asyncio loop whose time jumps), ``realtime`` and ``udp`` (the wall clock, and
sockets drained on the tick), ``web_streams`` (WebSockets to an app, under either clock),
``object_store`` (S3 and compatible stores).
"""

__all__ = [
    "link",
    "loopback",
    "network",
    "object_store",
    "ports",
    "realtime",
    "rtp_endpoint",
    "rtp_mux",
    "sdp",
    "siprec_port",
    "stream_port",
    "telephone_line",
    "trust",
    "udp",
    "virtual_loop",
    "web_streams",
    "webrtc",
]
