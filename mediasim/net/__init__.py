"""Where bytes meet the world: simulated links, virtual and real time, sockets.

The public face: ``link`` (what a network does to packets), ``virtual_loop`` (the asyncio loop
whose time jumps), ``realtime`` and ``udp`` (the wall clock, and sockets drained on the tick),
``web_streams`` (WebSockets to an app, at either clock's pace).
"""
