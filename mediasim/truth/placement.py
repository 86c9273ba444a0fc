"""Where a party's samples stand on the frame clock.

Two answers are kept apart. *Due* is where a clean path would have put a sample: when it was said,
and the path's fixed delay; it is computed from the party's clock and settings alone. *Placed* is
where the jitter buffer says it put it. On a clean path they are equal, to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediasim.audio.frames import SAMPLE_NS
from mediasim.parties.party import Line
from mediasim.rtp.stream import MEDIA_BASE

__all__ = ["Placement", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive samples of a party, and where they stand on the frame clock."""

    said: int
    """First sample, of the party's own count."""
    start: int
    """First sample, on the frame clock."""
    samples: int

    @property
    def end(self) -> int:
        return self.start + self.samples

    def clipped(self, low: int, high: int) -> Span | None:
        """The part that stands in ``low .. high``."""
        start, end = max(self.start, low), min(self.end, high)
        if start >= end:
            return None
        return Span(self.said + start - self.start, start, end - start)


class Placement:
    """Of one line, once it has sent."""

    def __init__(self, line: Line) -> None:
        self._line = line
        stream = line.leg.stream
        phone = line.phone.format
        ticks = stream.first_timestamp - phone.first_timestamp
        wrapped = (ticks + (1 << 31)) % (1 << 32) - (1 << 31)
        first_received = wrapped // stream.format.ticks_per_sample
        # Party sample + this = media time of the stream.
        self._to_media = MEDIA_BASE - first_received

    def spans(self, start: int, end: int) -> list[Span]:
        """Where samples ``start .. end`` of the party stand; more than one span if it moved."""
        shifts = self._line.leg.stream.shifts
        found = []
        for number, shift in enumerate(shifts):
            low = start if number == 0 else max(start, shift.media - self._to_media)
            last = number == len(shifts) - 1
            high = end if last else min(end, shifts[number + 1].media - self._to_media)
            if low < high:
                found.append(Span(low, low + self._to_media + shift.place, high - low))
        return found

    def due(self, sample: int) -> int:
        """Where a clean path would have put a sample."""
        said = self._line.clock.time_of_one(sample)
        return round(said / SAMPLE_NS) + self._line.party.path_samples
