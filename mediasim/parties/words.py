"""Which words of a saying lie in a part of it: those whose middle does."""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.parties.timeline import Segment, Timeline
from mediasim.parties.voices.word_times import WordTime

__all__ = ["words_between", "words_in"]


def words_in(segment: Segment, start: int, end: int) -> Iterator[WordTime]:
    """The words of a saying between two samples of the party's clock, by that clock.

    None of what is not said in words: of a file, a tone, a key. A word that is cut begins or ends
    where it is cut.
    """
    for word in segment.words:
        first, last = segment.start + word.start, segment.start + word.end
        if start <= (first + last) // 2 < end:
            yield WordTime(word.text, max(start, first), min(end, last), word.estimated)


def words_between(timeline: Timeline, start: int, end: int) -> str:
    """All that is said aloud between two samples of the party's clock, in order."""
    return " ".join(
        word.text
        for segment in timeline.segments
        for low, high in timeline.heard_spans(segment)
        for word in words_in(segment, max(low, start), min(high, end))
    )
