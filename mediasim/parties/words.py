"""Which words of a saying lie in a part of it.

A voice tells no times of its words: each is taken to have as much of the saying as it has of the
letters (our choice), and to be where its middle is.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.parties.timeline import Segment, Timeline

__all__ = ["words_between", "words_in"]


def words_in(segment: Segment, start: int, end: int) -> list[str]:
    """The words of a saying that lie between two samples of the party's clock.

    Nothing of what is not said in words: of a clip, a tone, a key.
    """
    if segment.kind != "say":
        return []
    return [word for at, word in _placed(segment) if start <= at < end]


def words_between(timeline: Timeline, start: int, end: int) -> str:
    """All that is said aloud between two samples of the party's clock, in order."""
    return " ".join(
        word
        for segment in timeline.segments
        for low, high in timeline.heard_spans(segment)
        for word in words_in(segment, max(low, start), min(high, end))
    )


def _placed(segment: Segment) -> Iterator[tuple[int, str]]:
    words = segment.text.split()
    letters, before = sum(len(word) for word in words), 0
    for word in words:
        middle = before + len(word) / 2
        before += len(word)
        yield segment.start + int(middle / letters * len(segment.pcm)), word
