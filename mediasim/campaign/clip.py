"""The clips that the calls of a campaign are made of: recorded or synthesised speech, by digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.word_time import WordTime

__all__ = ["Clip", "Clips"]


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance that is ready to be said, and what is known of it."""

    digest: str
    """Fingerprint of its samples."""
    text: str
    speaker: str
    """Name of who speaks: a voice, or a person of a corpus."""
    language: str | None
    """Language tag (BCP 47); None where it is unknown."""
    samples: int
    """Its length in samples at 8 kHz."""
    words: tuple[WordTime, ...] = ()
    """When each word is said, in samples of the clip; empty where it is unknown."""
    voice: str | None = None
    """The voice of the catalogue that speaks; None for recorded speech."""


class Clips(Protocol):
    """The store of a campaign's clips."""

    def said(self, text: str, voice: str) -> Clip:
        """Return the clip of a text in a voice. Raises LookupError if there is none."""

    def of(self, speaker: str) -> list[Clip]:
        """Return all clips of a speaker, in the store's order; empty for one it does not know."""

    def clip(self, digest: str) -> Clip:
        """Return a clip by its digest. Raises LookupError if there is none."""

    def pcm(self, digest: str) -> NDArray[np.int16]:
        """Return a clip's samples, int16 (samples,) at 8 kHz, not to be written to."""

    def __iter__(self) -> Iterator[Clip]: ...
