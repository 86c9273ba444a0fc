"""Clips in memory, made by the voices of mediasim: for campaigns small enough to be spoken anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mediasim.campaign.clip import Clip
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.parties.voices.catalogue import voice_named
from mediasim.parties.voices.speech import Speaker

__all__ = ["SpokenClips", "spoken_clips"]


class SpokenClips:
    """Clips that are spoken when they are first asked for, and kept in memory."""

    def __init__(self) -> None:
        self._speaker = Speaker()
        self._said: dict[tuple[str, str], Clip] = {}
        self._by_digest: dict[str, Clip] = {}
        self._pcm: dict[str, NDArray[np.int16]] = {}

    def said(self, text: str, voice: str) -> Clip:
        """Return the clip of a text in a voice, which is spoken now if it was not before."""
        if (text, voice) not in self._said:
            spoken = self._speaker.say(text, voice)
            language = voice_named(voice).language or None
            samples, words = len(spoken.pcm), spoken.words
            clip = Clip(spoken.digest, text, voice, language, samples, words, voice)
            self._said[text, voice] = self._by_digest.setdefault(clip.digest, clip)
            self._pcm[clip.digest] = spoken.pcm
        return self._said[text, voice]

    def of(self, speaker: str) -> list[Clip]:
        """Return all clips of a speaker that have been spoken."""
        return [clip for clip in self._by_digest.values() if clip.speaker == speaker]

    def clip(self, digest: str) -> Clip:
        """Return a clip by its digest. Raises LookupError if there is none."""
        return self._by_digest[digest]

    def pcm(self, digest: str) -> NDArray[np.int16]:
        """Return a clip's samples, int16 (samples,) at 8 kHz."""
        return self._pcm[digest]

    def __iter__(self) -> Iterator[Clip]:
        return iter(self._by_digest.values())


def spoken_clips(spec: CampaignSpec) -> SpokenClips:
    """Return clips for a campaign that are spoken by mediasim's own voices as they are needed."""
    return SpokenClips()
