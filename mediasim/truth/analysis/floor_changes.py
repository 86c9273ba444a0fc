"""How the floor goes from one speaker to another: by waiting, or by cutting in.

A turn that begins while nobody speaks, after somebody else's, is a *response*; its latency is the
silence before it. A turn that begins at least 200 ms into another's and 200 ms before that one
ends, cuts in on it:

- *successfully*, if the one cut in on falls silent first;
- *unsuccessfully*, if the one who cut in does;
- as a *backchannel* ("mm-hm", "right"), which is no interruption, if the one who cut in falls
  silent first and spoke for less than a second.

What begins nearer to the other's start or end than 200 ms, the time in which nobody can react, is
neither: two started at once, or one came in a little early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.truth.analysis.turns import Turn

__all__ = ["CutIn", "Outcome", "Response", "cut_ins", "responses"]

_REACTION: Final = SAMPLE_RATE // 5
"""Samples in which nobody can react to what he hears."""
_BACKCHANNEL: Final = SAMPLE_RATE
"""A turn within another's that is shorter than this is no try to take the floor."""

Outcome = Literal["successful", "unsuccessful", "backchannel"]


@dataclass(frozen=True, slots=True)
class CutIn:
    """One speaker begins while another is speaking."""

    at: int
    by: int
    on: int
    overlap: int
    """Samples for which both turns go on."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Response:
    """A turn that begins in silence, after another speaker's."""

    at: int
    by: int
    to: int
    latency: int
    """Samples of silence before it."""


def cut_ins(turns: Sequence[Turn]) -> list[CutIn]:
    """Who cut in on whom, in order; ``turns`` in the order of their starts."""
    found = []
    open_turns: list[Turn] = []
    for turn in turns:
        open_turns = [other for other in open_turns if other.end > turn.start]
        for other in open_turns:
            heard, left = turn.start - other.start, other.end - turn.start
            if other.speaker != turn.speaker and heard >= _REACTION and left >= _REACTION:
                found.append(
                    CutIn(
                        turn.start,
                        turn.speaker,
                        other.speaker,
                        min(turn.end, other.end) - turn.start,
                        _outcome(turn, other),
                    )
                )
        open_turns.append(turn)
    return found


def _outcome(turn: Turn, other: Turn) -> Outcome:
    if other.end < turn.end:
        return "successful"
    return "backchannel" if turn.samples < _BACKCHANNEL else "unsuccessful"


def responses(turns: Sequence[Turn]) -> list[Response]:
    """The turns that answer another speaker's, in order; ``turns`` in that of their starts."""
    found = []
    last: Turn | None = None
    """The one that ends last of those that have begun."""
    for turn in turns:
        if last is None or turn.end > last.end:
            before, last = last, turn
        else:
            before = last
        if before is not None and before.end <= turn.start and before.speaker != turn.speaker:
            found.append(
                Response(turn.start, turn.speaker, before.speaker, turn.start - before.end)
            )
    return found
