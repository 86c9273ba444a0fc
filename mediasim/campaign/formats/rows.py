"""A call of a campaign as its row states it: the one thing that formats, card and report read."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CallRow", "Channel", "Span", "Utterance", "Word", "side", "token"]

_FIRST_LETTER: Final = ord("A")
_LETTERS: Final = 26
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Span(_Row):
    """A span of samples of one channel."""

    channel: int | None = None
    """Number of the channel, from 0; None for all of them."""
    kind: str = ""
    why: str = ""
    """Why the network's audio is missing: ``lost``, ``late`` and others of the truth."""
    party: str | None = None
    start_sample: int = 0
    end_sample: int = 0


class Word(_Row):
    """A word that is said, with its place in the recording."""

    text: str
    start_sample: int
    end_sample: int
    estimated: bool = False
    """Whether its times were found by alignment, not told by the voice that spoke it."""


class Utterance(_Row):
    """What one party says at one go, with its place in the recording."""

    id: int
    channel: int = Field(ge=0)
    """Number of the channel it is in, from 0."""
    party: str | None = None
    speaker: str | None = None
    language: str | None = None
    text: str = ""
    start_sample: int
    end_sample: int
    turn: int | None = None
    """Number of the turn in the call that it belongs to, from 0; None if it has none."""
    kind: str = "turn"
    """``turn``, ``backchannel`` or ``interruption``."""
    clip: str | None = None
    cut: bool = False
    """Whether its end was not said, because of an interruption or the end of the call."""
    words: tuple[Word, ...] = ()

    @property
    def samples(self) -> int:
        """Its length in samples."""
        return self.end_sample - self.start_sample

    @property
    def said(self) -> str:
        """What of its text was said, on one line: of one that was cut, the words that are known."""
        if self.cut and self.words:
            return " ".join(" ".join(word.text for word in self.words).split())
        return " ".join(self.text.split())


class Channel(_Row):
    """A channel of the recording, or a party in it."""

    channel: int = 0
    party: str | None = None
    speaker: str | None = None
    language: str | None = None
    voice: str | None = None
    codec: str | None = None
    line: str | None = None
    role: str | None = None


class _Audio(_Row):
    file: str
    sample_rate: int = Field(gt=0)
    channels: int = Field(gt=0)
    samples: int = Field(ge=0)
    pcm_sha256: str = ""


class CallRow(_Row):
    """One call: its audio, its channels and what is said in them."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    index: int = Field(ge=0)
    seed: int = 0
    audio: _Audio
    channels: tuple[Channel, ...] = ()
    utterances: tuple[Utterance, ...] = ()
    draws: dict[str, Any] = {}
    noise: dict[str, Any] = {}
    """Level in dBFS, or another setting, of the noise around a party."""
    loss: tuple[Span, ...] = ()
    faults: tuple[Span, ...] = ()
    conversation: str = ""

    @model_validator(mode="after")
    def _channels_exist(self) -> Self:
        if any(it.channel >= self.audio.channels for it in self.utterances):
            raise ValueError(f"an utterance is in none of its {self.audio.channels} channels")
        return self

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.audio.sample_rate

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return self.time(self.audio.samples)

    @cached_property
    def spoken(self) -> tuple[Utterance, ...]:
        """The utterances of which anything is in the recording, by channel and start."""
        found = [it for it in self.utterances if it.samples > 0]
        return tuple(sorted(found, key=lambda it: (it.channel, it.start_sample, it.end_sample)))

    def time(self, sample: int) -> float:
        """Return a sample's time in seconds, to the microsecond: exact at 8 kHz."""
        return round(sample / self.rate, 6)

    def clock(self, sample: int) -> str:
        """Return a sample's time in seconds as text, with six decimals."""
        return f"{sample / self.rate:.6f}"

    def who(self, it: Utterance | Channel) -> str:
        """Return who speaks; a speaker without a name is one of this call alone."""
        return it.speaker or f"{self.id}_{it.party or it.channel}"


def token(name: str) -> str:
    """Return a name as one word of plain letters, which no other name becomes.

    Any other character is written as ``=`` and its UTF-8 bytes in hexadecimal.
    """
    return _ODD.sub(lambda odd: "".join(f"={byte:02X}" for byte in odd[0].encode()), name)


def side(channel: int) -> str:
    """Return a channel's letter as transcripts of telephone calls have it: A, B, ...; then 27."""
    return chr(_FIRST_LETTER + channel) if channel < _LETTERS else str(channel + 1)
