"""What was said, by the truth: the sidecar's intervals as the sayings of speakers.

Speech is what a party says or plays, and babble; keys, tones and what the server plays are not.
A saying that a jitter buffer moved, or a pause of the recording cut, stands in the truth in
pieces; they are put together again. (The same words said twice without a pause, both in pieces,
cannot be told from one saying.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span
from mediasim.conversation.turns import utterances
from mediasim.truth.analysis.recording import SpeakerChannel

__all__ = ["Saying", "sayings_of", "speakers_of", "speech_of", "words_of"]

_PIECES_APART: Final = SAMPLE_RATE // 10
"""Pieces of one saying are no further from each other: jitter buffers move in smaller steps."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One thing said."""

    start: int
    end: int
    channel: int
    """Counted from 1."""
    party: str
    text: str | None
    """Its words; None where they are not known."""
    share: float
    """How much of the text is in the recording, of 1."""


def sayings_of(truth: Mapping[str, Any]) -> list[Saying]:
    """All that parties said, in order."""
    found: list[Saying] = []
    for channel in truth["channels"]:
        intervals = [each for each in channel["intervals"] if _is_speech(each)]
        whole: dict[tuple[str, str], int] = {}
        for each in intervals:
            length = each["end"] - each["start"]
            whole[_clip(each)] = max(whole.get(_clip(each), 0), length)
        for pieces in _put_together(intervals, whole):
            first, last = pieces[0], pieces[-1]
            samples = sum(each["end"] - each["start"] for each in pieces)
            found.append(
                Saying(
                    first["start"],
                    last["end"],
                    channel["channel"],
                    first["party"],
                    first["text"] if first["kind"] == "say" else None,
                    min(1.0, samples / max(1, whole[_clip(first)])),
                )
            )
    return sorted(found, key=lambda saying: (saying.start, saying.channel))


def speakers_of(sayings: Iterable[Saying]) -> list[SpeakerChannel]:
    """Every party that is heard, in order; one heard in several channels by the first of them."""
    voices: dict[str, SpeakerChannel] = {}
    for saying in sayings:
        voices.setdefault(saying.party, SpeakerChannel(saying.party, saying.channel))
    return list(voices.values())


def speech_of(sayings: Iterable[Saying]) -> list[Span]:
    """The utterances that these make."""
    return utterances((saying.start, saying.end) for saying in sayings)


def words_of(sayings: Sequence[Saying]) -> int | None:
    """How many words these are; None if the words of any are not known."""
    count = 0.0
    for saying in sayings:
        if saying.text is None:
            return None
        count += len(saying.text.split()) * saying.share
    return round(count)


def _is_speech(interval: Mapping[str, Any]) -> bool:
    if interval["party"] is None:
        return False
    kind, text = interval["kind"], interval["text"]
    return kind in ("say", "play") or (kind == "noise" and text.startswith("babble"))


def _clip(interval: Mapping[str, Any]) -> tuple[str, str]:
    return interval["clip"], interval["text"]


def _put_together(
    intervals: Iterable[Mapping[str, Any]], whole: Mapping[tuple[str, str], int]
) -> list[list[Mapping[str, Any]]]:
    """Pieces of one saying follow each other closely, and are not both the whole of it."""
    sayings: list[list[Mapping[str, Any]]] = []
    for each in sorted(intervals, key=lambda each: (each["party"], each["start"])):
        before = sayings[-1][-1] if sayings else None
        if (
            before is not None
            and before["party"] == each["party"]
            and _clip(before) == _clip(each)
            and abs(each["start"] - before["end"]) <= _PIECES_APART
            and any(one["end"] - one["start"] < whole[_clip(one)] for one in (before, each))
        ):
            sayings[-1].append(each)
        else:
            sayings.append([each])
    return sayings
