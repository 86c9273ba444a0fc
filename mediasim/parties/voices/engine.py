"""Speech engines: what every one offers, the two ways in which one can fail, and ``babble``.

``babble`` is noise in place of speech: as long as the text would take, shaped like speech, no
words. It needs no model and no library, so it is what always works: the last resort when the others
fail, and the choice of tests that only need sound.
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
    """The engine could not say this text; the message is the reason, in plain words."""


class EngineUnavailable(EngineError):
    """The engine cannot say anything here, now or later."""


class SpeechEngine(Protocol):
    """Turns text into sound: the same text in the same voice is always the same samples."""

    def identity(self, voice: Voice) -> str | None:
        """All that decides the sound except the text; None if it is not worth keeping on disk.

        Raises `EngineUnavailable` when the engine is not installed.
        """

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        """Mono samples at 8 kHz, full scale 1.0, at any level, with any silence around them.

        Raises `EngineError`.
        """


@runtime_checkable
class TimedEngine(SpeechEngine, Protocol):
    """An engine that knows when it says each word."""

    def speak_timed(
        self, voice: Voice, text: str
    ) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
        """As ``speak``, and where words begin: characters of the text, and samples.

        Raises `EngineError`.
        """


@cache
def versions(*distributions: str) -> str:
    """Names and versions of installed distributions; `EngineUnavailable` names a missing one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return ", ".join(f"{name} {version(name)}" for name in distributions)
    except PackageNotFoundError as missing:
        raise EngineUnavailable(f"{missing.name} is not installed") from None


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
