"""Speaks the pieces of a Say's SSML, and knows when each word is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.levels import to_samples
from mediasim.audio.tones import tone
from mediasim.audio.word_time import WordTime
from mediasim.parties.voices.speech import UnspeakableText
from mediasim.twilio.ssml.pieces import Bleep, Passage, Piece, Silence
from mediasim.twilio.studio import Studio

__all__ = ["Words", "speak"]

_BLEEP_HZ: Final = 1000
_BLEEP_DBFS: Final = -20.0
_FADE: Final = 40


@dataclass(frozen=True, slots=True)
class Words:
    """What a Say is heard as."""

    pcm: NDArray[np.int16]
    """Samples (n,) at 8 kHz."""
    text: str = ""
    """The words that are spoken."""
    times: Sequence[WordTime] = ()
    """The words with their times in these samples; none if unknown."""


async def speak(
    studio: Studio,
    pieces: Sequence[Piece],
    voice: str,
    language: str,
    refused: Callable[[str], None],
) -> Words:
    """Speak pieces one after the other, in one of Twilio's voices and a language ("": its own).

    A passage that cannot be said is left out, and ``refused`` is called with the reason; one in a
    language that no voice speaks is said in the Say's own language. Raises ValueError if that has
    no voice either.
    """
    sounds: list[NDArray[np.int16]] = [np.zeros(0, np.int16)]
    times: list[WordTime] = []
    texts: list[str] = []
    at = 0
    for piece in pieces:
        if isinstance(piece, Silence):
            sound = np.zeros(piece.samples, np.int16)
        elif isinstance(piece, Bleep):
            sound = tone(_BLEEP_HZ, piece.samples, _BLEEP_DBFS, fade=_FADE)
        else:
            said = await _passage(studio, piece, voice, language, refused)
            if said is None:
                continue
            sound = said.pcm
            texts.append(said.text)
            times += [
                WordTime(it.text, it.start + at, it.end + at, it.estimated) for it in said.times
            ]
        sounds.append(sound)
        at += len(sound)
    return Words(np.concatenate(sounds), " ".join(texts), tuple(times))


async def _passage(
    studio: Studio, piece: Passage, voice: str, language: str, refused: Callable[[str], None]
) -> Words | None:
    manner = piece.manner
    try:
        try:
            own = manner.language or language
            clip = await studio.clip(piece.text, voice, own, manner.rate, manner.pitch)
        except UnspeakableText:
            raise
        except ValueError as error:
            if not manner.language:
                raise
            refused(f"<lang>: {error}; it is said in the Say's language")
            clip = await studio.clip(piece.text, voice, language, manner.rate, manner.pitch)
    except UnspeakableText as error:
        refused(f"Invalid text: {error}")
        return None
    pcm = clip.pcm
    if manner.volume_db:
        pcm = to_samples(pcm.astype(np.float64) * 10 ** (manner.volume_db / 20))
    return Words(pcm, piece.text, clip.words)
