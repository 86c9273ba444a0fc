"""What never arrived in time, and why: the fates of packets laid over what was not played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mediasim.audio.frames import FRAME_SAMPLES
from mediasim.parties.party import Line
from mediasim.truth.placement import Placement

__all__ = ["Gap", "gaps_of"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples for which there was no audio."""

    start: int
    end: int
    why: str
    """lost, late, stalled, or put in (by the jitter buffer, to follow the sender's clock)."""

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "why": self.why}


def gaps_of(line: Line) -> list[Gap]:
    """All gaps of what the server received of a line, in samples of the frame clock.

    A sender that keeps quiet on purpose (DTX) leaves no gap: nothing is missing.
    """
    reasons = _reasons(line)
    gaps: list[Gap] = []
    for start, end in line.leg.missing:
        cursor = start
        for low, high, why in reasons:
            if high <= cursor or low >= end:
                continue
            if low > cursor:
                gaps += _unexplained(line, cursor, low)
            gaps.append(Gap(max(low, cursor), min(high, end), why))
            cursor = min(high, end)
        if cursor < end:
            gaps += _unexplained(line, cursor, end)
    return gaps


def _reasons(line: Line) -> list[tuple[int, int, str]]:
    """Where packets that came to nothing would have stood, in order."""
    placement = Placement(line)
    step = line.party.ptime_ms * FRAME_SAMPLES // 20
    found = []
    for fate in line.phone.fates:
        if fate.kind in ("lost", "stalled"):
            for said in fate.media.tolist():
                for span in placement.spans(said, said + step):
                    found.append((span.start, span.end, fate.kind))
    for shift in line.leg.stream.shifts:
        if shift.moved > 0:
            at = shift.media + shift.place
            found.append((at - shift.moved, at, "put in"))
    return sorted(found)


def _unexplained(line: Line, start: int, end: int) -> list[Gap]:
    """What was sent and did arrive, but too late; or was never meant to be sent."""
    if line.party.dtx != "off":
        said = line.clock
        first = said.sample_at(start * 125_000) - line.party.path_samples
        if not line.timeline.spoken_between(first, first + end - start):
            return []
    if not np.concatenate(line.leg.stream.late_at or [np.empty(0, np.int64)]).size:
        return []
    return [Gap(start, end, "late")]
