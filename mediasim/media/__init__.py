"""The media plane: legs, routes, players and recorders, advanced along the frame clock.

By module: ``plane.MediaPlane`` (the frame clock), ``room.Room`` (legs that hear each other; every
change goes through it), ``leg.Leg`` and its protocols, ``recorder`` (channels of taps), ``spool``
(recordings in progress, and their recovery), ``player``, ``reports`` (RTCP). Knows nothing of
asyncio or Twilio.
"""

__all__ = ["far_end", "leg", "plane", "player", "recorder", "reports", "room", "spool", "tracks"]
