"""Figures of a conversation from its speakers' speech, measured or true.

Unknown figures are None: those of speakers and turn-taking if several speak in one channel, and
those of turn-taking if only one side is recorded.
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

__all__ = ["ConversationMeasures", "Latency", "SpeakerFigures", "latency_of", "words_per_minute"]

_MINUTE: Final = 60 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of a speaker's response time, in samples; None without responses."""

    count: int
    """Number of responses."""
    p50: int | None
    p90: int | None
    max: int | None


@dataclass(frozen=True, slots=True)
class SpeakerFigures:
    """The figures of one speaker; None for unknown ones."""

    voice: SpeakerChannel
    talk: int
    """Samples of speech."""
    share: float | None
    """Share (0 to 1) of all speech; None if there is none."""
    turns: int | None
    longest_monologue: Turn | None
    latency: Latency | None
    words: int | None
    interruptions_made: int | None = None
    interruptions_successful: int | None = None
    interruptions_suffered: int | None = None
    backchannels: int | None = None


class ConversationMeasures:
    """A conversation: who spoke when, and the figures that follow from it."""

    def __init__(
        self,
        voices: Sequence[SpeakerChannel] | None,
        speech: Sequence[Sequence[Span]],
        samples: int,
        words: Sequence[int | None],
        *,
        complete: bool = True,
    ) -> None:
        """``speech`` and ``words`` have one entry for each speaker in ``voices``.

        ``voices`` is None if the speech is that of several speakers in one channel; the
        conversation is not ``complete`` if a party of the call is not in the recording.
        """
        self.voices = voices
        self.speech = speech
        self.samples = samples
        self.words = words
        self.interactive = voices is not None and complete
        """Whether turn-taking is known."""
        self.knows_silence = complete
        """Whether the call is silent when these speakers are."""
        self.active = at_least(speech, 1)
        """Spans in which at least one speaker speaks."""
        self.silences = complement(self.active, samples)
        self.overlaps: list[Span] | None = at_least(speech, 2) if self.interactive else None
        self.turns: list[Turn] | None = turns_of(speech) if voices is not None else None
        self.interruptions: list[Interruption] | None = None
        self.gaps: list[ResponseGap] | None = None
        """Gaps before responses."""
        if self.turns is not None and self.interactive:
            self.interruptions = interruptions(self.turns)
            self.gaps = gaps(speech)

    def speakers(self) -> list[SpeakerFigures] | None:
        """Return the figures of each speaker in order; None if speakers share a channel."""
        if self.voices is None:
            return None
        return [self._speaker(number, voice) for number, voice in enumerate(self.voices)]

    def _speaker(self, number: int, voice: SpeakerChannel) -> SpeakerFigures:
        talk = total(self.speech[number])
        everybody = sum(total(spans) for spans in self.speech)
        own = [turn for turn in self.turns or () if turn.speaker == number]
        counts: dict[str, int] = {}
        if self.interruptions is not None:
            outcomes = [each.outcome for each in self.interruptions if each.by == number]
            backchannels = outcomes.count("backchannel")
            counts = {
                "interruptions_made": len(outcomes) - backchannels,
                "interruptions_successful": outcomes.count("successful"),
                "interruptions_suffered": sum(
                    each.on == number and each.outcome != "backchannel"
                    for each in self.interruptions
                ),
                "backchannels": backchannels,
            }
        return SpeakerFigures(
            voice=voice,
            talk=talk,
            share=talk / everybody if everybody and self.interactive else None,
            turns=len(own),
            longest_monologue=max(own, key=lambda turn: (turn.samples, -turn.start), default=None),
            latency=None
            if self.gaps is None
            else latency_of([each.latency for each in self.gaps if each.by == number]),
            words=self.words[number],
            **counts,
        )


def latency_of(latencies: Sequence[int]) -> Latency:
    """Return percentiles by nearest rank, so that each is a latency that occurred."""
    ordered = sorted(latencies)
    if not ordered:
        return Latency(0, None, None, None)
    return Latency(len(ordered), _rank(ordered, 50), _rank(ordered, 90), ordered[-1])


def _rank(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest value that ``percent`` of all values do not exceed."""
    return ordered[-(-percent * len(ordered) // 100) - 1]


def words_per_minute(words: int | None, talk: int) -> float | None:
    """Return words a minute of the time spent talking; None if unknown."""
    return None if words is None or not talk else words * _MINUTE / talk
