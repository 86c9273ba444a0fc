"""Legs of calls for the inspector: party, packets received and lost, and levels.

What is known of a leg is kept when its call is dropped. All functions run on the engine's loop,
except that the losses of ended legs are computed in a thread.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.levels import rms_dbfs
from mediasim.exchange.events import CallEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.sandbox.news import News
from mediasim.sandbox.sandbox import Sandbox
from mediasim.truth.documents import Gap
from mediasim.truth.placement import gaps_of_call

__all__ = ["Legs", "levels"]

_MOST_LEGS: Final = 2000
"""Number of newest calls whose legs are kept."""
_GROWTH: Final = 1.01
"""Factor by which an active leg grows before its losses are computed again.

The work grows with the leg, and the engine waits for it.
"""


@dataclass(slots=True)
class _Leg:
    """What is known of one leg."""

    party: str
    call: LiveCall | None
    """The call, until it has ended."""
    at_end: dict[str, Any] = field(default_factory=dict)
    """What :meth:`Legs.packets` returns once the call has ended."""
    losses: list[dict[str, Any]] = field(default_factory=list)
    """Losses of an active leg, up to ``worked_out``."""
    worked_out: int = 0
    """Number of frames of an active leg whose losses are computed."""


class Legs:
    """Legs of the calls since the sandbox's start or last reset."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._exchange: Exchange | None = None
        self._legs: dict[str, _Leg] = {}
        self._working: set[asyncio.Future[Any]] = set()
        sandbox.listeners.append(self._on_event)

    def party(self, sid: str) -> str | None:
        """Return the name of the party at a call's far end; None for a call from before the
        start."""
        leg, workers = self._known().get(sid), self._sandbox.workers
        if leg is None and workers is not None:
            return workers.party(sid)
        return None if leg is None else leg.party

    def packets(self, sid: str) -> dict[str, Any]:
        """Return ``codec``, ``received`` and ``losses`` of a leg; empty for a call without one."""
        leg = self._known().get(sid)
        if leg is None:
            return {}
        if leg.call is None:
            return leg.at_end
        frames = leg.call.room.frame - leg.call.leg.first_frame if leg.call.has_leg else 0
        if frames > leg.worked_out * _GROWTH:
            leg.losses, leg.worked_out = _losses_of(leg.call), frames
        return {**_received(leg.call), "losses": leg.losses}

    def _known(self) -> dict[str, _Leg]:
        """Return the legs by call SID, those of the present exchange only."""
        exchange = self._sandbox.service.exchange
        if exchange is not self._exchange:
            self._exchange, self._legs = exchange, {}
        return self._legs

    def _on_event(self, event: News) -> None:
        """Handle an event of a call: add a new call's leg, or drop an ended call."""
        if not isinstance(event, CallEvent):
            return
        known = self._known()
        if event.call_sid not in known:
            calls = self._sandbox.service.exchange.calls
            # It was added just before its first event; a worker's calls are not here.
            call = calls[-1] if calls else None
            if call is not None and call.sid == event.call_sid:
                known[call.sid] = _Leg(call.party.name, call)
                if len(known) > _MOST_LEGS:
                    del known[next(iter(known))]
            return
        leg = known[event.call_sid]
        if leg.call is not None and leg.call.record.ended_ns is not None:
            self._end(leg, leg.call)

    def _end(self, leg: _Leg, call: LiveCall) -> None:
        """Drop an ended call, and compute its losses in a thread."""
        leg.at_end, leg.call = {**_received(call), "losses": []}, None
        if not call.has_leg or not call.leg.missing:
            return

        async def work_out() -> None:
            leg.at_end["losses"] = await asyncio.to_thread(_losses_of, call)

        working = asyncio.ensure_future(work_out())
        self._working.add(working)
        working.add_done_callback(self._working.discard)


def _received(call: LiveCall) -> dict[str, Any]:
    """Return the codec and the statistics of received packets."""
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


def _losses_of(call: LiveCall) -> list[dict[str, Any]]:
    """Return the losses of a call's leg; empty where it lacks nothing."""
    return _losses(call) if call.has_leg and call.leg.missing else []


# -- losses --------------------------------------------------------------------------------------

_MOST_STRETCHES: Final = 1000
"""Approximate number of stretches of a leg; neighbours are merged beyond it."""
_SHOWN_REASONS: Final = ("lost", "late", "stalled")
"""Reasons of gaps that are shown; what a jitter buffer inserts to follow a clock is no loss."""


def _losses(call: LiveCall) -> list[dict[str, Any]]:
    """Return the stretches of a leg that never arrived, in order.

    Each has ``start`` and ``end`` in loop seconds, ``why``, and the number of ``packets`` it stands
    for.
    """
    step = call.party.ptime_ms * SAMPLE_RATE // 1000
    gaps = [gap for gap in gaps_of_call(call) if gap.why in _SHOWN_REASONS]
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
    """Return the number of samples over which neighbouring gaps are merged."""
    if len(gaps) <= _MOST_STRETCHES:
        return 0
    return (gaps[-1].end - gaps[0].start) // _MOST_STRETCHES


# -- levels --------------------------------------------------------------------------------------

_FRAMES: Final = 8
"""Frames over which a level is measured: 160 ms."""
_MOST_MEASURED: Final = 64
"""Most legs whose levels are measured."""


def levels(sandbox: Sandbox) -> dict[str, tuple[float, float]]:
    """Return the present levels of active legs by call SID, in dBFS: received and sent.

    Empty for virtual clocks, which have no present moment.
    """
    if sandbox.clock.kind != "real":
        return {}
    found = {} if sandbox.workers is None else dict(sandbox.workers.levels)
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
