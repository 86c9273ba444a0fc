"""Who is at each call's far end, and how its packets fared; kept when the call itself is let go.

Hears of every event. Runs on the engine's loop, but for the losses of what has ended: those are
worked out in a thread.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from mediasim.exchange.events import CallEvent, Event
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.live_call import LiveCall
from mediasim.sandbox.inspector.losses import losses
from mediasim.sandbox.sandbox import Sandbox

__all__ = ["Legs"]

_MOST: Final = 2000
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
                if len(known) > _MOST:
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
    return losses(call) if call.has_leg and call.leg.missing else []
