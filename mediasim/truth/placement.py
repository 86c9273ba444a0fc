"""Where a party's samples stand on the frame clock.

Two answers are kept apart. *Due* is where a clean path would have put a sample: when it was said,
and the path's fixed delay; it is computed from the party's clock and settings alone. *Placed* is
where the jitter buffer says it put it. On a clean path they are equal, to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_NS
from mediasim.parties.party import Line
from mediasim.rtp.stream import MEDIA_BASE, Shift

__all__ = ["Move", "Placement", "Span"]


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


@dataclass(frozen=True, slots=True)
class Move:
    """From a packet on, a party's audio stood elsewhere than before."""

    said: int
    """The packet's first sample, of the party's own count."""
    start: int
    """Where it stands, on the frame clock."""
    moved: int
    """Samples later, or if negative earlier, than it would have stood."""


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
        self._step = line.party.ptime_ms * FRAME_SAMPLES // 20
        self.moves = [self._move(shift) for shift in stream.shifts]
        """The first is where the audio begins, and moves nothing."""

    def _move(self, shift: Shift) -> Move:
        """It took effect with the first packet that begins at its media time or later."""
        said = -((self._to_media - shift.media) // self._step) * self._step
        return Move(said, said + self._to_media + shift.place, shift.moved)

    def spans(self, start: int, end: int) -> list[Span]:
        """Where samples ``start .. end`` of the party stand; more than one span if it moved.

        What was moved forward stands over the end of what was not, which is left out.
        """
        found = []
        for number, move in enumerate(self.moves):
            low = start if number == 0 else max(start, move.said)
            high = end
            if number + 1 < len(self.moves):
                later = self.moves[number + 1]
                high = min(end, later.said + min(0, later.moved))
            if low < high:
                found.append(Span(low, low + move.start - move.said, high - low))
        return found

    def due(self, sample: int) -> int:
        """Where a clean path would have put a sample."""
        said = self._line.clock.time_of_one(sample)
        return round(said / SAMPLE_NS) + self._line.party.path_samples
