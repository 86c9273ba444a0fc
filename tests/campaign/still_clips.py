"""Clips of a known length without any sound, for tests of what is drawn and when it is said."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from mediasim.campaign import Clip


class StillClips:
    """A clip for every text and voice: 900 samples for each letter."""

    def __init__(self) -> None:
        self._clips: dict[str, Clip] = {}

    def said(self, text: str, voice: str) -> Clip:
        digest = blake2b(f"{voice}/{text}".encode(), digest_size=16).hexdigest()
        return self._clips.setdefault(
            digest, Clip(digest, text, voice, "en", 900 * len(text), (), voice)
        )

    def of(self, speaker: str) -> list[Clip]:
        return [each for each in self._clips.values() if each.speaker == speaker]

    def clip(self, digest: str) -> Clip:
        return self._clips[digest]

    def pcm(self, digest: str) -> NDArray[np.int16]:
        samples = self._clips[digest].samples
        return (np.arange(samples) % 80 * 100 - 4000).astype(np.int16)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self._clips.values())
