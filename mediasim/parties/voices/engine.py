"""Speech engines: their interface, the two ways in which one can fail, and ``babble``.

``babble`` is noise in place of speech: as long as the text would take, shaped like speech, without
words. It needs no model and no library, so it always works: the last resort when the others fail,
and the choice of tests that only need sound.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import samples_of_seconds
from mediasim.parties.voices.catalogue import Voice
from mediasim.seeds import Seeds

__all__ = [
    "SECONDS_PER_CHARACTER",
    "BabbleEngine",
    "EngineError",
    "EngineUnavailable",
    "SpeechEngine",
    "TimedEngine",
    "versions",
]


class EngineError(Exception):
    """An engine could not say a text; the message is the reason."""


class EngineUnavailable(EngineError):
    """An engine cannot say any text on this machine; the message is the reason."""


class SpeechEngine(Protocol):
    """An engine that turns text into sound: the same text in the same voice is the same samples."""

    def identity(self, voice: Voice) -> str | None:
        """Return all that decides the sound except the text; None if it is not to be cached.

        Raises EngineUnavailable if the engine is not installed.
        """

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        """Return mono samples (n,) at 8 kHz, full scale 1.0, of any level, with any silence around.

        Raises EngineError if the engine cannot say the text.
        """


@runtime_checkable
class TimedEngine(SpeechEngine, Protocol):
    """A speech engine that reports when it says each word."""

    def speak_timed(
        self, voice: Voice, text: str
    ) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
        """Return the samples of :meth:`speak`, and the beginnings of words: (character, sample).

        Raises EngineError if the engine cannot say the text.
        """


@cache
def versions(*distributions: str) -> str:
    """Return names and versions of installed distributions.

    Raises EngineUnavailable, which names it, if one is missing.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return ", ".join(f"{name} {version(name)}" for name in distributions)
    except PackageNotFoundError as missing:
        raise EngineUnavailable(f"{missing.name} is not installed") from None


SECONDS_PER_CHARACTER: Final = 0.065
"""Seconds a character takes: about fifteen a second, as of an unhurried speaker."""


class BabbleEngine:
    """The engine ``babble``. Voice and text alone decide the samples, not the run's seed."""

    def identity(self, voice: Voice) -> str | None:
        return None

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        from mediasim.audio.tones import noise

        pcm = noise(
            kind="babble",
            samples=samples_of_seconds(SECONDS_PER_CHARACTER * len(text) / voice.rate),
            dbfs=-20.0,
            generator=Seeds(0).generator(f"voices/babble/{voice.name}/{text}"),
        )
        return pcm.astype(np.float32) / np.float32(32768)
