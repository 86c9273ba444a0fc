"""What clips are made of: an utterance of a corpus, or a text and the voice that says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mediasim.audio.word_files import SpokenWord

__all__ = ["LeftOut", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """An utterance before it is a clip: what is known of it, and where its sound is."""

    name: str
    """What it is called in the index, such as ``librispeech:dev-clean/84-121123-0000``."""
    text: str
    speaker: str
    """Who speaks: the corpus's name of a person, or a voice."""
    audio: Path | None = None
    """The file that has its sound; None for one that a voice says."""
    voice: str | None = None
    """The voice of the catalogue that says the text; None for recorded speech."""
    language: str | None = None
    """Language tag (BCP 47); None where it is unknown."""
    gender: str | None = None
    """female, male or other; None where it is unknown."""
    split: str | None = None
    """The part of its corpus, such as ``dev-clean``; None where there are none."""
    licence: str | None = None
    offset: float = 0.0
    """Seconds of the file before it."""
    duration: float | None = None
    """Its length in seconds; None: to the file's end."""
    channel: int | None = None
    """Channel of the file, from 0; None: all of them, averaged."""
    words: tuple[SpokenWord, ...] = ()
    """Its words with their times in seconds from its begin; () where these are unknown."""
    word_file: Path | None = None
    """A file that has these times, if ``words`` has none."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An utterance of which no clip is made."""

    source: str
    """Its name, or the file and line that should have one."""
    why: str
    """The reason, in words."""

    def __str__(self) -> str:
        return f"{self.source}: {self.why}"
