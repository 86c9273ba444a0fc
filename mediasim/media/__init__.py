"""The media plane: legs, routes, players, recorders, and the frames they live through.

By module: ``plane.MediaPlane`` (the frame clock), ``room.Room`` (legs that hear each other;
every change goes through it), ``leg.Leg`` and its protocols, ``recorder`` (channels of taps),
``spool`` (recordings under way, and their recovery), ``player``, ``reports`` (RTCP). Knows nothing
of asyncio or Twilio.
"""

__all__ = ["far_end", "leg", "plane", "player", "recorder", "reports", "room", "spool", "tracks"]
