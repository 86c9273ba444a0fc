"""How loud each live leg is right now, both ways. Runs on the engine's loop.

Only in real time: elsewhere no moment is now for long enough to be shown.
"""

from __future__ import annotations

from typing import Final

from mediasim.audio.levels import rms_dbfs
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["levels"]

_FRAMES: Final = 8
"""Heard for one level: 160 ms."""
_MOST: Final = 64
"""Legs that are measured."""


def levels(sandbox: Sandbox) -> dict[str, tuple[float, float]]:
    """By call SID: dBFS of what the server receives from the leg, and of what it sends to it."""
    if sandbox.clock.kind != "real":
        return {}
    found = {} if sandbox.elsewhere is None else dict(sandbox.elsewhere.levels)
    for sid, session in list(sandbox.service.sessions.items())[:_MOST]:
        call = session.call
        if not call.active:
            continue
        leg, plane = call.leg, call.room.plane
        first = max(leg.first_frame, call.room.frame - _FRAMES)
        count = call.room.frame - first
        if count > 0:
            found[sid] = (
                round(rms_dbfs(plane.read_tap(leg.inbound, first, count)), 1),
                round(rms_dbfs(plane.read_tap(leg.outbound, first, count)), 1),
            )
    return found
