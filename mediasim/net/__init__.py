"""The network and time: simulated links, virtual and real time, sockets.

By module: ``network`` and ``link`` (a network described, and its effect on packets),
``virtual_loop`` (the asyncio loop whose time jumps), ``realtime`` and ``udp`` (the wall clock, and
sockets drained on the tick), ``web_streams`` (WebSockets to an app, under either clock).
"""

__all__ = [
    "link",
    "loopback",
    "network",
    "realtime",
    "rtp_endpoint",
    "rtp_mux",
    "sdp",
    "stream_port",
    "trust",
    "udp",
    "virtual_loop",
    "web_streams",
    "webrtc",
]
