"""What every speech engine offers, and the two ways in which one can fail."""

from __future__ import annotations

from functools import cache
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mediasim.parties.voices.catalogue import Voice

__all__ = ["Engine", "EngineError", "EngineUnavailable", "TimedEngine", "versions"]


class EngineError(Exception):
    """The engine could not say this text; the message is the reason, in plain words."""


class EngineUnavailable(EngineError):
    """The engine cannot say anything here, now or later."""


class Engine(Protocol):
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
class TimedEngine(Engine, Protocol):
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
