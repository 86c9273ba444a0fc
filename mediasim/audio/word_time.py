"""A word of something spoken, with its place in the samples."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WordTime"]


@dataclass(frozen=True, slots=True)
class WordTime:
    """One word of an utterance, said in samples ``start .. end``."""

    text: str
    start: int
    end: int
    estimated: bool
    """Whether the times were estimated, not reported by the speech engine."""
