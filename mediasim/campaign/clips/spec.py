"""What a campaign's file says of clips: where they come from, and which speakers are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from mediasim.campaign.clips.corpora import AnyCorpus, CorpusError
from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.documents.durations import Duration, positive
from mediasim.documents.model import Many, Misfit, Model, OneOrMany
from mediasim.documents.values import Flag, Level, Text, count

__all__ = ["ClipsSpec", "SpeakerFilter"]


class ClipsSpec(Model):
    """Recorded speech that calls are made of, and how clips are made of it. A bare list is its
    ``corpora``."""

    stands_for: ClassVar[str] = "corpora"

    corpora: Many[AnyCorpus] = ()
    """The corpora, each written as a mapping of its kind: librispeech, common_voice, nemo or
    lhotse."""
    level: Level | None = None
    """The active-speech level of all clips in dBFS; where absent recorded ones keep their own, and
    voices speak at -20."""
    trim: Flag = True
    """Whether silence at both ends of a recording is cut off, so that gaps are as they are
    drawn."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"corpora": value if isinstance(value, list | tuple) else [value]}

    def sources(self, base: Path) -> Iterator[Source | LeftOut]:
        """Yield the utterances of all corpora, in order. Raises CorpusError."""
        for corpus in self.corpora:
            try:
                yield from corpus.sources(base)
            except OSError as error:
                words = f"{error.filename} cannot be read: {error.strerror or error}"
                raise CorpusError(words) from None


class SpeakerFilter(Model):
    """Which people of the corpora may be a party, and which of their clips are said."""

    splits: OneOrMany[Text] = None
    """The splits their clips are of; all where absent."""
    gender: Literal["female", "male", "other"] | None = None
    """Their gender; any where absent, unknown ones too."""
    languages: OneOrMany[Text] = None
    """The languages of their clips (BCP 47); en is every English. All where absent."""
    speakers: OneOrMany[Text] = None
    """Their names; all where absent."""
    shortest: Duration = Duration.of("0s")
    """The least length of a clip."""
    longest: Annotated[Duration, positive()] | None = None
    """The greatest length of a clip."""
    clips: Annotated[int, count(1, 1_000_000)] = 1
    """How many such clips a speaker has at least."""

    def troubles(self) -> Iterator[Misfit]:
        if self.longest is not None and self.longest < self.shortest:
            yield ("longest",), f"is below the shortest, {self.shortest}"

    def __str__(self) -> str:
        written: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True)
        return ", ".join(f"{key} {value}" for key, value in written.items()) or "any kind"
