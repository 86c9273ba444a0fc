"""Turns: who has the floor, made of who speaks when.

A speaker's *turn* is speech in which no pause reaches a second and a half, and in no pause of
which anybody else speaks. So a turn ends when its speaker falls silent for long, or lets another
in; talking over a turn does not end it. Turns of different speakers may overlap. (Units of speech
and the pauses between them as in Heldner and Edlund, "Pauses, gaps and overlaps in
conversations", Journal of Phonetics 38, 2010.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.analysis.spans import Span, total, union

__all__ = ["TURN_PAUSE", "Turn", "turns_of"]

TURN_PAUSE: Final = 3 * SAMPLE_RATE // 2
"""Samples of silence that end a turn."""


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One speaker's turn."""

    start: int
    """First sample."""
    end: int
    speaker: int
    """Which of the voices, from 0."""
    speech: int
    """Samples of it that are speech, not pause."""

    @property
    def samples(self) -> int:
        """From its start to its end, pauses and all."""
        return self.end - self.start


def turns_of(voices: Sequence[Sequence[Span]]) -> list[Turn]:
    """The turns of all speakers, by their start; ``voices`` is the speech of each."""
    turns: list[Turn] = []
    for speaker, speech in enumerate(voices):
        others = union(
            span for other, spans in enumerate(voices) if other != speaker for span in spans
        )
        ends = [end for _, end in others]
        turn: list[Span] = []
        for span in speech:
            if turn and not _goes_on(turn[-1][1], span[0], others, ends):
                turns.append(_turn(speaker, turn))
                turn = []
            turn.append(span)
        if turn:
            turns.append(_turn(speaker, turn))
    return sorted(turns)


def _goes_on(end: int, start: int, others: Sequence[Span], ends: Sequence[int]) -> bool:
    """Whether speech that ended and starts again is one turn."""
    if start - end >= TURN_PAUSE:
        return False
    after = bisect_left(ends, end + 1)
    return after == len(others) or others[after][0] >= start


def _turn(speaker: int, speech: Sequence[Span]) -> Turn:
    return Turn(speech[0][0], speech[-1][1], speaker, total(speech))
