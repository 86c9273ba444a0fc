"""Where a party's samples stand on the frame clock.

Two answers are kept apart. *Due* is where a clean path would have put a sample: when it was said,
and the path's fixed delay; it is computed from the party's clock and settings alone. *Placed* is
where the jitter buffer says it put it. On a clean path they are equal, to the sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import FRAME_SAMPLES, SAMPLE_NS
from mediasim.parties.party import Line
from mediasim.rtp.stream import MEDIA_BASE, Shift

__all__ = ["Move", "Placement", "Span"]

_FOREVER: Final = 1 << 60


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

    def of_said(self, low: int, high: int) -> Span | None:
        """The part that is samples ``low .. high`` of the party."""
        place = self.start - self.said
        return self.clipped(low + place, high + place)


@dataclass(frozen=True, slots=True)
class Move:
    """From a packet on, a party's audio stood elsewhere than before."""

    said: int
    """The packet's first sample, of the party's own count."""
    start: int
    """Where it stands, on the frame clock."""
    moved: int
    """Samples later, or if negative earlier, than it would have stood."""
    frame: int
    """The frame from which on it was known."""

    @property
    def place(self) -> int:
        """What is added to the party's own count."""
        return self.start - self.said


class Placement:
    """Of one line, once it has sent."""

    def __init__(self, line: Line) -> None:
        self._line = line
        stream = line.leg.stream
        phone = line.phone.format
        ticks = stream.first_timestamp - phone.first_timestamp
        wrapped = (ticks + (1 << 31)) % (1 << 32) - (1 << 31)
        first_received = wrapped // stream.ticks_per_sample
        # Party sample + this = media time of the stream.
        self._to_media = MEDIA_BASE - first_received
        self._step = line.party.ptime_ms * FRAME_SAMPLES // 20
        rebased = itertools.accumulate(shift.rebased for shift in stream.shifts)
        self.moves = [self._move(*each) for each in zip(stream.shifts, rebased, strict=True)]
        """The first is where the audio begins, and moves nothing."""
        self._heard = self._as_heard()

    def _move(self, shift: Shift, rebased: int) -> Move:
        """It took effect with the first packet that begins at its media time or later.

        Media times are ``rebased`` samples ahead of those before any timestamps began anew.
        """
        to_media = self._to_media + rebased
        said = -((to_media - shift.media) // self._step) * self._step
        return Move(said, said + to_media + shift.offset, shift.moved, shift.frame)

    def _as_heard(self) -> list[Span]:
        """What stands where, in order, without overlaps.

        After a move back packets are due where others stand. What was said before it is heard
        there, except where a packet came that was written over it; those are known one by one.
        """
        packets = self._contested()
        heard: list[Span] = []
        for number, move in enumerate(self.moves):
            if number == 0:
                heard = [Span(-_FOREVER, move.place - _FOREVER, 2 * _FOREVER)]
            else:
                kept = (span.of_said(-_FOREVER, move.said) for span in heard)
                heard = [span for span in kept if span is not None]
                start = max(move.start, heard[-1].end)
                heard.append(Span(start - move.place, start, _FOREVER))
            later = self.moves[number + 1].frame if number + 1 < len(self.moves) else _FOREVER
            for frame, packet in packets:
                if move.frame <= frame < later:
                    heard = [*_around(heard, packet), packet]
                    heard.sort(key=lambda span: span.start)
        return heard

    def _contested(self) -> list[tuple[int, Span]]:
        """Packets put where others may stand, and the frame in which each came."""
        return [
            (frame, Span(media - self._to_media, output, self._step))
            for placed in self._line.leg.stream.contested
            for frame, media, output in zip(*(each.tolist() for each in placed), strict=True)
        ]

    def spans(self, start: int, end: int) -> list[Span]:
        """Where samples ``start .. end`` of the party are heard, or would be had they arrived."""
        parts = (span.of_said(start, end) for span in self._heard)
        return [part for part in parts if part is not None]

    def meant(self, start: int, end: int) -> list[Span]:
        """Where samples ``start .. end`` would stand if nothing else stood there."""
        found = []
        for number, move in enumerate(self.moves):
            low = start if number == 0 else max(start, move.said)
            high = min(end, self.moves[number + 1].said) if number + 1 < len(self.moves) else end
            if low < high:
                found.append(Span(low, low + move.place, high - low))
        return found

    def due(self, sample: int) -> int:
        """Where a clean path would have put a sample."""
        said = self._line.clock.time_of_one(sample)
        return round(said / SAMPLE_NS) + self._line.party.path_samples


def _around(spans: list[Span], hole: Span) -> Iterator[Span]:
    """The spans without what stands in the hole."""
    for span in spans:
        for part in (span.clipped(-_FOREVER * 2, hole.start), span.clipped(hole.end, _FOREVER * 4)):
            if part is not None:
                yield part
