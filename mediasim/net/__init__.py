"""Where bytes meet the world: simulated links, virtual and real time, sockets.

By module: ``network`` and ``link`` (a network described, and what it does to packets),
``virtual_loop`` (the asyncio loop whose time jumps), ``realtime`` and ``udp`` (the wall clock, and
sockets drained on the tick), ``web_streams`` (WebSockets to an app, at either clock's pace).
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
    "udp",
    "virtual_loop",
    "web_streams",
    "webrtc",
]
