"""Transcripts: what was heard of whom, word by word, with samples.

A word knows what was really said and by whom, beside what the recogniser made of it. An utterance
is one speaker's words without a longer pause than the recogniser waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.turns import PAUSE

__all__ = ["Transcript", "TranscriptWord", "Utterance", "WordRun", "utterances_of"]

_PLACES: Final = 4
"""Decimal places of a confidence."""


@dataclass(frozen=True, slots=True)
class TranscriptWord:
    """One word of a transcript."""

    text: str
    """The word as it was recognised."""
    start: int
    """First sample."""
    end: int
    """Sample after the last one."""
    party: str | None
    """Name of the party who spoke; None for what the server played."""
    said: str
    """The word that was really said; "" if none was."""
    confidence: float = 1.0
    origin: str = ""
    """What names the word in random draws: whose it is, and its place in what they said."""

    def moved(self, samples: int) -> TranscriptWord:
        """Return the word at another place, so many samples later."""
        return replace(self, start=self.start + samples, end=self.end + samples)

    def to_json(self) -> dict[str, Any]:
        return {
            "word": self.text,
            "start": self.start,
            "end": self.end,
            "confidence": self.confidence,
            "party": self.party,
            "said": self.said,
        }


class HeardWord(Protocol):
    """A word of a transcript, or of what is made of one."""

    @property
    def text(self) -> str: ...

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def confidence(self) -> float: ...


class WordRun:
    """Words in a row: an utterance, or a part of one."""

    __slots__ = ()

    words: tuple[HeardWord, ...]

    @property
    def text(self) -> str:
        """Its words, as they were recognised."""
        return " ".join(word.text for word in self.words)

    @property
    def start(self) -> int:
        """First sample of its first word."""
        return self.words[0].start

    @property
    def end(self) -> int:
        """Sample after its last word."""
        return max(word.end for word in self.words)

    @property
    def confidence(self) -> float:
        """The mean confidence of its words."""
        return round(sum(word.confidence for word in self.words) / len(self.words), _PLACES)


@dataclass(frozen=True, slots=True)
class Utterance(WordRun):
    """Words of one speaker, without a long pause."""

    channel: int
    """Channel that the recogniser attributes it to, counted from 1."""
    words: tuple[TranscriptWord, ...]
    party: str | None
    """Name of the party who spoke; None for what the server played, or for several parties."""
    language: str = "en-US"

    def to_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "party": self.party,
            "start": self.start,
            "end": self.end,
            "text": self.text,
            "confidence": self.confidence,
            "language": self.language,
            "words": [word.to_json() for word in self.words],
        }


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser has heard in a recording, or on the tracks of a call."""

    utterances: tuple[Utterance, ...]
    """All utterances, in the order in which they begin."""
    samples: int
    """Length of what was heard, in samples of 8 kHz."""
    unknown: tuple[str, ...] = ()
    """Names of the parties who were there, but whose words are not known."""

    @property
    def text(self) -> str:
        """All words, in order."""
        return " ".join(each.text for each in self.utterances)

    @property
    def words(self) -> tuple[TranscriptWord, ...]:
        """All words, utterance by utterance."""
        return tuple(word for each in self.utterances for word in each.words)

    def of_channel(self, channel: int) -> Transcript:
        """Return what was heard in one channel, counted from 1."""
        found = tuple(each for each in self.utterances if each.channel == channel)
        return replace(self, utterances=found)

    def to_json(self) -> dict[str, Any]:
        return {
            "sample_rate": SAMPLE_RATE,
            "samples": self.samples,
            "unknown": list(self.unknown),
            "utterances": [each.to_json() for each in self.utterances],
        }


def utterances_of(
    words: Iterable[TranscriptWord],
    channel: int,
    language: str,
    pause: int = PAUSE,
    *,
    together: bool = False,
) -> list[Utterance]:
    """Divide the words of one channel into utterances.

    A pause of more than ``pause`` samples ends one. Speakers are told apart unless they are heard
    ``together``, in one channel.
    """
    found: list[list[TranscriptWord]] = []
    open_of: dict[str | None, list[TranscriptWord]] = {}
    for word in sorted(words, key=lambda each: (each.start, each.end)):
        speaker = None if together else word.party
        current = open_of.get(speaker)
        if current is None or word.start - _end(current) > pause:
            current = open_of[speaker] = []
            found.append(current)
        current.append(word)
    return [Utterance(channel, tuple(each), _speaker(each), language) for each in found]


def _speaker(words: Sequence[TranscriptWord]) -> str | None:
    """Return whose words they are; None if several parties'."""
    first, *others = dict.fromkeys(word.party for word in words)
    return None if others else first


def _end(words: Sequence[TranscriptWord]) -> int:
    return max(word.end for word in words)
