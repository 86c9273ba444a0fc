"""Utterances, turns, responses and interruptions of speakers: one definition of each.

- An *utterance* is a speaker's sound, with its silences of up to 450 ms: breaths, and the stops
  between sentences. What is shorter than 60 ms is none.
- A *turn* is utterances of one speaker, between which no *pause* reaches a second and a half and
  no other speaker speaks. Talking over a turn does not end it: turns of two speakers may overlap.
- A *response* to an utterance is the first utterance of another speaker that begins after it began
  and lasts beyond its end, before its own speaker speaks again. Its latency is from that end to the
  response's beginning: below 0 where they overlap. Silence before a response is a *gap*.
- An *interruption* is a turn that begins within another speaker's, at least a reaction time after
  that one began and before it ended. It is *successful* if the speaker who is interrupted falls
  silent first or with the other, a *backchannel* ("mm-hm", "right") if the one who interrupts
  spoke for less than a second, *unsuccessful* otherwise.

Pauses, gaps and overlaps are those of Heldner and Edlund, "Pauses, gaps and overlaps in
conversations", Journal of Phonetics 38 (2010). The 450 ms are measured: speech detected with them
is nearest to what was said (``tests/benchmarks/speech_activity.py``: diarisation error 1.1 %, with
300 ms 3.5 %), and simulated voices pause for 400 ms at most.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span, joined, total, union

__all__ = [
    "DEAD_AIR",
    "PAUSE",
    "REACTION",
    "TURN_PAUSE",
    "Interruption",
    "Outcome",
    "Response",
    "ResponseGap",
    "Turn",
    "gaps",
    "interruptions",
    "responses",
    "turns_of",
    "utterances",
]

PAUSE: Final = 450 * SAMPLE_RATE // 1000
"""Samples of silence up to which sound is one utterance."""
_SHORTEST: Final = 60 * SAMPLE_RATE // 1000
"""Samples below which sound is no utterance but a click."""
TURN_PAUSE: Final = 3 * SAMPLE_RATE // 2
"""Samples of silence that end a turn."""
REACTION: Final = SAMPLE_RATE // 5
"""Samples in which a person cannot react to what is heard."""
_BACKCHANNEL: Final = SAMPLE_RATE
"""Samples below which a turn within another's is no attempt to take the floor."""
DEAD_AIR: Final = 2 * SAMPLE_RATE
"""Samples of silence of all speakers from which on it is dead air."""

Outcome = Literal["successful", "unsuccessful", "backchannel"]
"""Outcome of an interruption."""


def utterances(sound: Iterable[Span]) -> list[Span]:
    """Join a speaker's sound to utterances."""
    return [(start, end) for start, end in joined(sound, PAUSE) if end - start >= _SHORTEST]


# -- turns ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One speaker's turn."""

    start: int
    """First sample."""
    end: int
    """Sample after its last."""
    speaker: int
    """Index of the speaker, from 0."""
    speech: int
    """Samples of it that are speech, not pause."""

    @property
    def samples(self) -> int:
        """Samples from its start to its end, pauses included."""
        return self.end - self.start


def turns_of(voices: Sequence[Sequence[Span]]) -> list[Turn]:
    """Return the turns of all speakers, by their start; ``voices`` has the utterances of each."""
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
    """Return whether speech that ended and starts again is one turn."""
    if start - end >= TURN_PAUSE:
        return False
    # The first sound of others that ends after the pause began: it must not begin before
    # speech goes on.
    after = bisect_left(ends, end + 1)
    return after == len(others) or others[after][0] >= start


def _turn(speaker: int, speech: Sequence[Span]) -> Turn:
    return Turn(speech[0][0], speech[-1][1], speaker, total(speech))


# -- responses ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Response:
    """The response to an utterance."""

    after: Span
    """The utterance."""
    to: int
    """Index of the utterance's speaker."""
    at: int | None
    """Sample at which the response begins; None if there was none."""
    by: int | None
    """Index of the speaker who responds; None if there was none."""

    @property
    def latency(self) -> int | None:
        """Samples from the utterance's end to the response, below 0 where they overlap."""
        return None if self.at is None else self.at - self.after[1]


def responses(voices: Sequence[Sequence[Span]], to: int) -> list[Response]:
    """Find the response to each utterance of the speaker ``to``, in order."""
    others = sorted(
        (start, end, speaker)
        for speaker, spans in enumerate(voices)
        if speaker != to
        for start, end in spans
    )
    starts = [start for start, _, _ in others]
    own = voices[to]
    found = []
    for number, (start, end) in enumerate(own):
        first = bisect_right(starts, start)
        last = bisect_left(starts, own[number + 1][0]) if number + 1 < len(own) else len(others)
        # What began and ended during the utterance was no response to it.
        at, by = next(
            (
                (begin, speaker)
                for begin, stop, speaker in others[first:last]
                if begin >= end or stop > end
            ),
            (None, None),
        )
        found.append(Response((start, end), to, at, by))
    return found


@dataclass(frozen=True, slots=True, order=True)
class ResponseGap:
    """The silence between an utterance and the response to it."""

    at: int
    """Sample at which the response begins."""
    by: int
    """Index of the speaker who responds."""
    to: int
    """Index of the utterance's speaker."""
    latency: int
    """Samples of silence."""


def gaps(voices: Sequence[Sequence[Span]]) -> list[ResponseGap]:
    """Return the gaps before all speakers' responses, in order.

    A silence during a turn of any speaker is none.
    """
    turns = turns_of(voices)
    starts = [turn.start for turn in turns]
    last_end = list(accumulate((turn.end for turn in turns), max))
    return sorted(
        ResponseGap(at, by, to, at - each.after[1])
        for to in range(len(voices))
        for each in responses(voices, to)
        if (at := each.at) is not None
        and (by := each.by) is not None
        # No turn spans the silence: the latest end of all turns before it is the utterance's own.
        and at >= each.after[1] == last_end[bisect_left(starts, at) - 1]
    )


# -- interruptions --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interruption:
    """One speaker begins a turn within another's."""

    at: int
    """Sample at which the interrupting turn begins."""
    by: int
    """Index of the speaker who interrupts."""
    on: int
    """Index of the speaker who is interrupted."""
    overlap: int
    """Samples for which both turns go on."""
    outcome: Outcome


def interruptions(turns: Sequence[Turn], reaction: int = REACTION) -> list[Interruption]:
    """Find the interruptions, in order; ``turns`` are in the order of their starts.

    A turn that begins nearer to the other turn's start or end than ``reaction`` samples is none:
    two started at once, or one came in a little early. That is for people: an app may fall silent
    in the very next frame, and is given a ``reaction`` of one sample.
    """
    found = []
    open_turns: list[Turn] = []
    for turn in turns:
        open_turns = [other for other in open_turns if other.end > turn.start]
        for other in open_turns:
            since, until = turn.start - other.start, other.end - turn.start
            if other.speaker != turn.speaker and since >= reaction and until >= reaction:
                overlap = min(turn.end, other.end) - turn.start
                found.append(
                    Interruption(
                        turn.start, turn.speaker, other.speaker, overlap, _outcome(turn, other)
                    )
                )
        open_turns.append(turn)
    return found


def _outcome(turn: Turn, other: Turn) -> Outcome:
    if other.end <= turn.end:
        return "successful"
    return "backchannel" if turn.samples < _BACKCHANNEL else "unsuccessful"
