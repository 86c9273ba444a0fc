"""The figures of a conversation, of its speakers' speech alone, measured or true.

What cannot be told is None. Where several speak in one channel that is everything of a speaker and
of how they take turns; where one speaks and the rest are not in the recording, it is the latter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span, at_least, complement, total
from mediasim.conversation.turns import (
    Interruption,
    ResponseGap,
    Turn,
    gaps,
    interruptions,
    turns_of,
)
from mediasim.truth.analysis.recording import SpeakerChannel

__all__ = ["Conversation", "Latency", "SpeakerFigures", "latency_of", "words_per_minute"]

_MINUTE: Final = 60 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a speaker takes to answer, in samples."""

    count: int
    p50: int | None
    p90: int | None
    max: int | None


@dataclass(frozen=True, slots=True)
class SpeakerFigures:
    """What is told of one speaker."""

    voice: SpeakerChannel
    talk: int
    """Samples of speech."""
    share: float | None
    """Of all talk; None if there is none."""
    turns: int | None
    longest_monologue: Turn | None
    latency: Latency | None
    interruptions_made: int | None
    interruptions_successful: int | None
    interruptions_suffered: int | None
    backchannels: int | None
    words: int | None


class Conversation:
    """Who spoke when, and all that follows from it."""

    def __init__(
        self,
        voices: Sequence[SpeakerChannel] | None,
        speech: Sequence[Sequence[Span]],
        samples: int,
        words: Sequence[int | None],
        *,
        complete: bool = True,
    ) -> None:
        """``speech`` and ``words`` are one for each voice.

        ``voices`` is None where the speech is that of several who cannot be told apart; they are
        not ``complete`` where somebody of the call is not in the recording.
        """
        self.voices = voices
        self.speech = speech
        self.samples = samples
        self.words = words
        self.interactive = voices is not None and complete
        """Whether it can be told how they take turns."""
        self.knows_silence = complete
        """Whether nobody else may speak when these are silent."""
        self.active = at_least(speech, 1)
        """When anybody speaks."""
        self.silences = complement(self.active, samples)
        self.overlaps: list[Span] | None = at_least(speech, 2) if self.interactive else None
        self.turns: list[Turn] | None = turns_of(speech) if voices is not None else None
        self.interruptions: list[Interruption] | None = None
        self.gaps: list[ResponseGap] | None = None
        """Those before responses."""
        if self.turns is not None and self.interactive:
            self.interruptions = interruptions(self.turns)
            self.gaps = gaps(speech)

    def speakers(self) -> list[SpeakerFigures] | None:
        """Each speaker's figures, in the order of the voices."""
        if self.voices is None:
            return None
        return [self._speaker(number, voice) for number, voice in enumerate(self.voices)]

    def _speaker(self, number: int, voice: SpeakerChannel) -> SpeakerFigures:
        talk = total(self.speech[number])
        everybody = sum(total(spans) for spans in self.speech)
        own = [turn for turn in self.turns or () if turn.speaker == number]
        made: int | None = None
        successful: int | None = None
        suffered: int | None = None
        backchannels: int | None = None
        if self.interruptions is not None:
            mine = [each.outcome for each in self.interruptions if each.by == number]
            backchannels = mine.count("backchannel")
            successful = mine.count("successful")
            made = len(mine) - backchannels
            suffered = sum(
                each.on == number and each.outcome != "backchannel" for each in self.interruptions
            )
        return SpeakerFigures(
            voice=voice,
            talk=talk,
            share=talk / everybody if everybody and self.interactive else None,
            turns=len(own),
            longest_monologue=max(own, key=lambda turn: (turn.samples, -turn.start), default=None),
            latency=None
            if self.gaps is None
            else latency_of([each.latency for each in self.gaps if each.by == number]),
            interruptions_made=made,
            interruptions_successful=successful,
            interruptions_suffered=suffered,
            backchannels=backchannels,
            words=self.words[number],
        )


def latency_of(latencies: Sequence[int]) -> Latency:
    """Percentiles by nearest rank: each is a latency that occurred."""
    ordered = sorted(latencies)
    if not ordered:
        return Latency(0, None, None, None)
    return Latency(len(ordered), _rank(ordered, 50), _rank(ordered, 90), ordered[-1])


def _rank(ordered: Sequence[int], percent: int) -> int:
    """The least value that so many percent of all do not exceed."""
    return ordered[-(-percent * len(ordered) // 100) - 1]


def words_per_minute(words: int | None, talk: int) -> float | None:
    """Words by the time spent talking, not by that of the call."""
    return None if words is None or not talk else words * _MINUTE / talk
