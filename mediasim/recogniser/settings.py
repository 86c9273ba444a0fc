"""What a recogniser makes of what is said: its delays and its errors.

``perfect`` hears every word that arrived, at once. ``realistic`` is a good recogniser of telephone
speech: delays and errors of the size that vendors publish for 8 kHz audio (our choice).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["PERFECT", "PRESETS", "REALISTIC", "RealAudio", "RecogniserSettings", "error_shares"]

RealAudio = Literal["ignore", "transcribe"]
"""What becomes of the speech of a party that is not simulated, whose words are not known."""
_MS: Final = 1_000_000
_SHARES: Final = (0.60, 0.25, 0.15)
"""Shares of substitutions, deletions and insertions in a word error rate (our choice)."""


def error_shares(rate: float) -> tuple[float, float, float]:
    """Divide a word error rate into rates of substitutions, deletions and insertions."""
    substitutions, deletions, insertions = (rate * share for share in _SHARES)
    return substitutions, deletions, insertions


@dataclass(frozen=True, slots=True)
class RecogniserSettings:
    """The settings of a recogniser; the defaults are those of a perfect one."""

    partial_delay_ns: int = 0
    """Nanoseconds from a word's being heard to the partial result that has it."""
    partial_every_ns: int | None = None
    """Nanoseconds between partial results; None: as the feature that asks has it."""
    final_delay_ns: int = 0
    """Nanoseconds from the end of an utterance's silence to its final result."""
    end_of_utterance_ns: int | None = None
    """Silence in nanoseconds that ends an utterance; None: as the feature that asks has it."""
    substitutions: float = 0.0
    """Share of words that are heard as others."""
    deletions: float = 0.0
    """Share of words that are not heard."""
    insertions: float = 0.0
    """Words that were never said, for each word said."""
    confidence: float = 1.0
    """Confidence in a word that is heard right, on the average; in a wrong one it is lower."""
    punctuation: bool = True
    """Whether words keep their capitals and punctuation."""
    language: str | None = None
    """The language that it reports (BCP 47); None: the one that it is asked for."""
    speaker_confusion: float = 0.0
    """Share of utterances that are attributed to the other speaker."""
    swapped_channels: bool = False
    """Whether the two channels are taken for each other."""
    mono: bool = False
    """Whether it hears all channels as one, so that speakers cannot be told apart."""
    real_audio: RealAudio = "ignore"
    """Whether what real parties say is transcribed from its sound, by the extra ``transcribe``."""

    @property
    def word_error_rate(self) -> float:
        """The expected errors for each word that is said."""
        return self.substitutions + self.deletions + self.insertions


PERFECT: Final = RecogniserSettings()
_REALISTIC_ERRORS: Final = error_shares(0.08)
REALISTIC: Final = RecogniserSettings(
    partial_delay_ns=200 * _MS,
    final_delay_ns=300 * _MS,
    substitutions=_REALISTIC_ERRORS[0],
    deletions=_REALISTIC_ERRORS[1],
    insertions=_REALISTIC_ERRORS[2],
    confidence=0.92,
    speaker_confusion=0.02,
)
PRESETS: Final = {"perfect": PERFECT, "realistic": REALISTIC}
"""Settings by the word that stands for them."""
