"""What of a leg never arrived, as stretches fit to be drawn. Loop seconds."""

from __future__ import annotations

from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.exchange.live_call import LiveCall
from mediasim.truth.documents import Gap
from mediasim.truth.missing import gaps_of_call

__all__ = ["losses"]

_MOST: Final = 1000
"""Stretches of a leg, about; those of more stand together."""
_WHY: Final = ("lost", "late", "stalled")
"""Worth showing: what a jitter buffer puts in to follow a clock is no loss."""


def losses(call: LiveCall) -> list[dict[str, Any]]:
    """In order: ``start``, ``end``, ``why`` and how many ``packets`` it stands for."""
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
    if len(gaps) <= _MOST:
        return 0
    return (gaps[-1].end - gaps[0].start) // _MOST
