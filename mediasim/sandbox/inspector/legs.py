"""Who is at each call's far end, how its packets fared, and how loud its leg is.

What is known of a leg is kept when the call itself is let go. All of it runs on the engine's loop,
but for the losses of what has ended: those are worked out in a thread.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.sandbox.sandbox import Sandbox
from mediasim.truth.documents import Gap
from mediasim.truth.placement import gaps_of_call

__all__ = ["Legs", "levels"]

_MOST_LEGS: Final = 2000
"""Calls that are remembered; the oldest are forgotten."""
_STRIDE: Final = 1.01
"""By which a live leg grows before its losses are worked out anew: the longer it is, the more
there is to do, and the engine waits for it."""


@dataclass(slots=True)
class _Leg:
    party: str
    call: LiveCall | None
    """Until it has ended."""
    told: dict[str, Any] = field(default_factory=dict)
    """What was known of it at its end."""
    losses: list[dict[str, Any]] = field(default_factory=list)
    worked_out: int = 0
    """Up to which frame, of a live one."""


class Legs:
    """Of the calls since the sandbox's start, or its last reset."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._exchange: Exchange | None = None
        self._legs: dict[str, _Leg] = {}
        self._working: set[asyncio.Future[Any]] = set()
        sandbox.listeners.append(self._heard)

    def party(self, sid: str) -> str | None:
        """Who it is; None for a call of before."""
        leg, elsewhere = self._known().get(sid), self._sandbox.elsewhere
        if leg is None and elsewhere is not None:
            return elsewhere.party(sid)
        return None if leg is None else leg.party

    def packets(self, sid: str) -> dict[str, Any]:
        """``codec``, what was ``received``, ``losses``; nothing for a leg that never was."""
        leg = self._known().get(sid)
        if leg is None:
            return {}
        if leg.call is None:
            return leg.told
        frames = leg.call.room.frame - leg.call.leg.first_frame if leg.call.has_leg else 0
        if frames > leg.worked_out * _STRIDE:
            leg.losses, leg.worked_out = _missed(leg.call), frames
        return {**_received(leg.call), "losses": leg.losses}

    def _known(self) -> dict[str, _Leg]:
        exchange = self._sandbox.service.exchange
        if exchange is not self._exchange:
            self._exchange, self._legs = exchange, {}
        return self._legs

    def _heard(self, event: Event) -> None:
        if not isinstance(event, CallEvent):
            return
        known = self._known()
        if event.call_sid not in known:
            call = self._sandbox.service.exchange.calls[-1]  # entered just before it is told of
            if call.sid == event.call_sid:
                known[call.sid] = _Leg(call.party.name, call)
                if len(known) > _MOST_LEGS:
                    del known[next(iter(known))]
            return
        leg = known[event.call_sid]
        if leg.call is not None and leg.call.record.ended_ns is not None:
            self._let_go(leg, leg.call)

    def _let_go(self, leg: _Leg, call: LiveCall) -> None:
        leg.told, leg.call = {**_received(call), "losses": []}, None
        if not call.has_leg or not call.leg.missing:
            return

        async def work_out() -> None:
            leg.told["losses"] = await asyncio.to_thread(_missed, call)

        working = asyncio.ensure_future(work_out())
        self._working.add(working)
        working.add_done_callback(self._working.discard)


def _received(call: LiveCall) -> dict[str, Any]:
    if not call.has_leg:
        return {}
    reception = call.room.plane.reception(call.leg)
    return {
        "codec": call.party.codec,
        "received": {
            "packets": reception.received,
            "lost": reception.lost,
            "jitter_ms": round(reception.jitter_ms, 1),
        },
    }


def _missed(call: LiveCall) -> list[dict[str, Any]]:
    return _losses(call) if call.has_leg and call.leg.missing else []


# -- losses --------------------------------------------------------------------------------------

_MOST_STRETCHES: Final = 1000
"""Stretches of a leg, about; those of more stand together."""
_WHY: Final = ("lost", "late", "stalled")
"""Worth showing: what a jitter buffer puts in to follow a clock is no loss."""


def _losses(call: LiveCall) -> list[dict[str, Any]]:
    """What of a leg never arrived, in stretches of loop seconds fit to be drawn.

    In order: ``start``, ``end``, ``why`` and how many ``packets`` it stands for."""
    step = call.party.ptime_ms * SAMPLE_RATE // 1000
    gaps = [gap for gap in gaps_of_call(call) if gap.why in _WHY]
    widest = _widest(gaps)
    found: list[list[Any]] = []
    for gap in gaps:
        packets = max(1, round((gap.end - gap.start) / step))
        last = found[-1] if found else None
        if last and last[2] == gap.why and (gap.start <= last[1] or gap.end - last[0] <= widest):
            found[-1][1] = gap.end
            found[-1][3] += packets
        else:
            found.append([gap.start, gap.end, gap.why, packets])
    return [
        {"start": start / SAMPLE_RATE, "end": end / SAMPLE_RATE, "why": why, "packets": packets}
        for start, end, why, packets in found
    ]


def _widest(gaps: list[Gap]) -> int:
    """Samples over which gaps are shown as one."""
    if len(gaps) <= _MOST_STRETCHES:
        return 0
    return (gaps[-1].end - gaps[0].start) // _MOST_STRETCHES


# -- levels --------------------------------------------------------------------------------------

_FRAMES: Final = 8
"""Heard for one level: 160 ms."""
_MOST_MEASURED: Final = 64
"""Legs that are measured."""


def levels(sandbox: Sandbox) -> dict[str, tuple[float, float]]:
    """How loud each live leg is right now; nothing where time is not real, and no moment is now.

    By call SID: dBFS of what the server receives from the leg, and of what it sends to it."""
    if sandbox.clock.kind != "real":
        return {}
    found = {} if sandbox.elsewhere is None else dict(sandbox.elsewhere.levels)
    for sid, session in list(sandbox.service.sessions.items())[:_MOST_MEASURED]:
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
