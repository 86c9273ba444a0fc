"""Noise in place of speech: as long as the text would take, shaped like speech, no words.

It needs no model and no library, so it is what always works: the last resort when the speech
engines fail, and the choice of tests that only need sound.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import samples_of_seconds
from mediasim.parties.voices.catalogue import Voice
from mediasim.seeds import Seeds

__all__ = ["SECONDS_PER_CHARACTER", "BabbleEngine"]

SECONDS_PER_CHARACTER: Final = 0.065
"""An unhurried speaker: about fifteen characters a second."""


class BabbleEngine:
    """The engine ``babble``. Voice and text alone decide the samples, not the run's seed."""

    def identity(self, voice: Voice) -> str | None:
        return None

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        from mediasim.audio.tones import noise

        pcm = noise(
            kind="babble",
            samples=samples_of_seconds(SECONDS_PER_CHARACTER * len(text)),
            dbfs=-20.0,
            generator=Seeds(0).generator(f"voices/babble/{voice.name}/{text}"),
        )
        return pcm.astype(np.float32) / np.float32(32768)
