"""The record of a relay, what came of it, and its owner."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.exchange.states import STREAM, StreamStatus
from mediasim.parties.voices.clip import Utterance

__all__ = [
    "CLOSED",
    "INVALID_MESSAGE",
    "NAMES",
    "UNREACHABLE",
    "PlayFailed",
    "RelayInterrupt",
    "RelayLogged",
    "RelayOwner",
    "RelayPrompt",
    "RelayRecord",
    "SessionStatus",
    "seconds_of",
]

UNREACHABLE: Final = 39001
CLOSED: Final = 64105
INVALID_MESSAGE: Final = 64107
NAMES: Final = {
    UNREACHABLE: "ConversationRelay: the connection to the WebSocket server failed",
    CLOSED: "ConversationRelay: WebSocket Ended",
    INVALID_MESSAGE: "ConversationRelay: Invalid Message Received",
}

SessionStatus = Literal["in-progress", "ended", "completed", "failed"]


class PlayFailed(Exception):
    """A file that cannot be played; the message says why."""


class RelayOwner(Protocol):
    """Owns relays: speaks and fetches for them, and gets reports of them."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task beside the call."""

    async def utter(self, text: str, voice: str, language: str) -> Utterance:
        """Return speech. Raises UnspeakableText, and ValueError for a language without a voice."""

    async def fetch(self, record: RelayRecord, url: str) -> NDArray[np.int16]:
        """Return the samples (n,) of a file. Raises PlayFailed."""

    def failed(self, record: RelayRecord, code: int, words: str) -> None:
        """Report that a relay broke, or could not be opened, or that a message was wrong."""

    def warn(self, record: RelayRecord, code: int, words: str) -> None:
        """Report something of the app that has no effect."""

    def happened(self, record: RelayRecord, word: str, text: str) -> None:
        """Report what happens: ``started``, ``prompt``, ``interrupt`` and ``stopped``."""


@dataclass(slots=True)
class RelayRecord:
    """A relay of a call, active or ended."""

    LIFECYCLE: ClassVar = STREAM

    sid: str
    account_sid: str
    call_sid: str
    updated_ns: int
    status: StreamStatus = "in-progress"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class RelayPrompt:
    """What the app was told that the caller says."""

    text: str
    language: str
    last: bool
    said: str
    """What the caller really said; "" where that is not known."""
    at: float
    """When the app was told, in seconds of the loop."""


@dataclass(frozen=True, slots=True)
class RelayInterrupt:
    """What the app was told when the caller cut it off."""

    heard: str
    duration_ms: int
    by: str
    """``speech`` or ``dtmf``."""
    at: float
    """When, in seconds of the loop."""


@dataclass(frozen=True, slots=True)
class RelayLogged:
    """What happened on a relay."""

    at: float | None
    """When, in seconds of the loop."""
    kind: str
    text: str


def seconds_of(frame: int | None) -> float | None:
    """Return the seconds of the loop at which a frame begins; None for none."""
    return None if frame is None else frame * FRAME_NS / 1e9
