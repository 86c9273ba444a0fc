"""How documents say what a recogniser makes of speech: ``recogniser: realistic``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from mediasim.documents.document import Origin, from_python, validated
from mediasim.documents.durations import Duration, positive
from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Flag, Ratio, Text, among
from mediasim.recogniser.settings import PRESETS, RealAudio, RecogniserSettings, error_shares

__all__ = ["RecogniserSpec", "parse_recogniser"]

_TIMES: Final = {
    "partial_delay": "partial_delay_ns",
    "partial_every": "partial_every_ns",
    "final_delay": "final_delay_ns",
    "end_of_utterance": "end_of_utterance_ns",
}
_ERRORS: Final = ("substitutions", "deletions", "insertions")
_AS_THEY_ARE: Final = (
    *_ERRORS,
    *("confidence", "punctuation", "language", "speaker_confusion", "swapped_channels", "mono"),
    "real_audio",
)


class RecogniserSpec(Model):
    """What a recogniser makes of what is said. A bare text is what it is like: perfect or
    realistic; what else is given differs from that."""

    stands_for: ClassVar[str] = "like"

    like: Annotated[str, among(PRESETS)] = "perfect"
    """perfect: every word, at once; realistic: 8% errors, with the delays of a good one."""
    partial_delay: Duration | None = None
    """How long after a word is heard a partial result has it."""
    partial_every: Annotated[Duration, positive()] | None = None
    """How often a partial result comes; absent: as each feature has it."""
    final_delay: Duration | None = None
    """How long after the silence that ends an utterance its final result comes."""
    end_of_utterance: Annotated[Duration, positive()] | None = None
    """The silence that ends an utterance; absent: as each feature has it."""
    word_error_rate: Ratio | None = None
    """Errors for each word said: 60% of them other words, 25% none, 15% words not said."""
    substitutions: Ratio | None = None
    """Instead of word_error_rate: the share of words that are heard as others."""
    deletions: Ratio | None = None
    """And of words that are not heard."""
    insertions: Ratio | None = None
    """And words that were never said, for each word said."""
    confidence: Ratio | None = None
    """Confidence in words that are heard right, on the average."""
    punctuation: Flag | None = None
    """Whether words keep their capitals and punctuation."""
    language: Text | None = None
    """The language that it reports, whatever it is asked for: en-GB."""
    speaker_confusion: Ratio | None = None
    """Share of utterances that are attributed to the other speaker."""
    swapped_channels: Flag | None = None
    """Whether the two channels are taken for each other."""
    mono: Flag | None = None
    """Whether all channels are heard as one, so that speakers cannot be told apart."""
    real_audio: RealAudio | None = None
    """What becomes of the speech of real telephones, whose words are not known: transcribe takes
    the extra mediasim[transcribe]."""

    def troubles(self) -> Iterator[Misfit]:
        single = [name for name in _ERRORS if getattr(self, name) is not None]
        if self.word_error_rate is not None and single:
            yield (single[0],), f"expected word_error_rate or {single[0]}, found both"
        rates = self.settings
        if rates.substitutions + rates.deletions > 1:
            at = single[0] if single else "word_error_rate"
            yield (at,), "expected substitutions and deletions of at most 100% together"
        if self.real_audio == "transcribe" and (missing := _missing_extra()) is not None:
            yield ("real_audio",), missing

    @property
    def settings(self) -> RecogniserSettings:
        """The settings that it describes."""
        base = PRESETS[self.like]
        given: dict[str, Any] = {
            name: value for name in _AS_THEY_ARE if (value := getattr(self, name)) is not None
        }
        for name, field in _TIMES.items():
            if (time := getattr(self, name)) is not None:
                given[field] = int(time)
        if self.word_error_rate is not None:
            given |= dict(zip(_ERRORS, error_shares(self.word_error_rate), strict=True))
        return replace(base, **given)


def _missing_extra() -> str | None:
    from mediasim.truth.analysis.transcription import missing_extra

    return missing_extra()


def parse_recogniser(given: str | Mapping[str, Any] | RecogniserSettings) -> RecogniserSettings:
    """Read settings given as a word or as data.

    Raises ScenarioError with every mistake in it.
    """
    if isinstance(given, RecogniserSettings):
        return given
    data = {"like": given} if isinstance(given, str) else given
    return validated(RecogniserSpec, Origin(from_python(data), Path())).settings
