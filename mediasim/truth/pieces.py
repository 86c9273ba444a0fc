"""The pieces of what was said on a track: parts of speech that were heard without a break.

They are where words get their places from: in the truth of a recording, and in the transcript of a
call that is still going on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.word_time import WordTime
from mediasim.parties.party import Line
from mediasim.parties.timeline import Segment, words_in
from mediasim.truth.placement import Placement
from mediasim.truth.sources import Pieces

__all__ = ["Piece", "party_pieces"]

_MARGIN: Final = 5 * SAMPLE_RATE
"""Samples by which a packet may be heard beside the places that the jitter buffer logged."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a timeline's segment that was heard without a break."""

    segment: Segment
    said: int
    """First sample, on the party's clock."""
    at: int
    """First sample, on the frame clock."""
    file: int
    """First sample, in the file."""
    samples: int

    def part(self, low: int, high: int) -> Piece:
        """Return a part of the piece, between two samples of the frame clock."""
        moved = low - self.at
        return Piece(self.segment, self.said + moved, low, self.file + moved, high - low)

    def words(self) -> Iterator[WordTime]:
        """Yield the piece's words, with times in samples of the file."""
        for it in words_in(self.segment, self.said, self.said + self.samples):
            moved = self.file - self.said
            yield WordTime(it.text, it.start + moved, it.end + moved, it.estimated)


def party_pieces(
    line: Line, placement: Placement, low: int, high: int, to_file: Pieces
) -> Iterator[Piece]:
    """Yield the pieces of a party's speech that were heard within ``low .. high``."""
    places = [move.place for move in placement.moves] or [0]
    latest, earliest = max(places) + _MARGIN, min(places) - _MARGIN
    for segment in line.timeline.segments:
        if segment.end + latest <= low or segment.start + earliest >= high:
            continue
        for start, end in line.timeline.heard_spans(segment):
            for span in placement.spans(start, end):
                part = span.clipped(low, high)
                if part is None:
                    continue
                for at, file, samples in to_file.pieces(part.start, part.end):
                    yield Piece(segment, part.said + at - part.start, at, file, samples)
