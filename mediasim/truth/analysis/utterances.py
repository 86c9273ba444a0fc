"""The true utterances of a recording: the intervals of its truth, joined and by speaker.

Speech is what a party says or plays, and babble; keys, tones and what the server plays are not. An
utterance that a jitter buffer moved, or a pause of the recording cut, is in the truth in pieces,
which are joined again. (The same words said twice without a pause, both in pieces, are taken for
one utterance.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.conversation.spans import Span
from mediasim.conversation.turns import utterances as joined
from mediasim.truth.analysis.recording import SpeakerChannel

__all__ = ["TrueUtterance", "read_utterances", "speakers_of", "speech_of", "word_count"]

_PIECES_APART: Final = SAMPLE_RATE // 10
"""Largest distance of an utterance's pieces in samples: jitter buffers move in smaller steps."""


@dataclass(frozen=True, slots=True)
class TrueUtterance:
    """Words that a party said in one go, by the truth."""

    start: int
    """First sample, in the file."""
    end: int
    """Sample after the last one, in the file."""
    channel: int
    """Number of the channel, counted from 1."""
    party: str
    text: str | None
    """The words said; None if they are unknown."""
    share: float
    """Share (0 to 1) of the text that is in the recording."""


def read_utterances(truth: Mapping[str, Any]) -> list[TrueUtterance]:
    """Return all utterances of a truth document, in order."""
    found: list[TrueUtterance] = []
    for channel in truth["channels"]:
        intervals = [each for each in channel["intervals"] if _is_speech(each)]
        whole: dict[tuple[str, str], int] = {}
        for each in intervals:
            length = each["end"] - each["start"]
            whole[_clip(each)] = max(whole.get(_clip(each), 0), length)
        for pieces in _group_pieces(intervals, whole):
            first, last = pieces[0], pieces[-1]
            samples = sum(each["end"] - each["start"] for each in pieces)
            found.append(
                TrueUtterance(
                    first["start"],
                    last["end"],
                    channel["channel"],
                    first["party"],
                    first["text"] if first["kind"] == "say" else None,
                    min(1.0, samples / max(1, whole[_clip(first)])),
                )
            )
    return sorted(found, key=lambda utterance: (utterance.start, utterance.channel))


def speakers_of(utterances: Iterable[TrueUtterance]) -> list[SpeakerChannel]:
    """Return the parties in order of appearance, each with the channel of its first utterance."""
    voices: dict[str, SpeakerChannel] = {}
    for utterance in utterances:
        voices.setdefault(utterance.party, SpeakerChannel(utterance.party, utterance.channel))
    return list(voices.values())


def speech_of(utterances: Iterable[TrueUtterance]) -> list[Span]:
    """Return the spans of speech, joined over short pauses."""
    return joined((utterance.start, utterance.end) for utterance in utterances)


def word_count(utterances: Sequence[TrueUtterance]) -> int | None:
    """Count the words; None if those of any utterance are unknown."""
    count = 0.0
    for utterance in utterances:
        if utterance.text is None:
            return None
        count += len(utterance.text.split()) * utterance.share
    return round(count)


def _is_speech(interval: Mapping[str, Any]) -> bool:
    if interval["party"] is None:
        return False
    kind, text = interval["kind"], interval["text"]
    return kind in ("say", "play") or (kind == "noise" and text.startswith("babble"))


def _clip(interval: Mapping[str, Any]) -> tuple[str, str]:
    return interval["clip"], interval["text"]


def _group_pieces(
    intervals: Iterable[Mapping[str, Any]], whole: Mapping[tuple[str, str], int]
) -> list[list[Mapping[str, Any]]]:
    """Group pieces: those of one utterance are close, and at least one of two is incomplete."""
    groups: list[list[Mapping[str, Any]]] = []
    for each in sorted(intervals, key=lambda each: (each["party"], each["start"])):
        before = groups[-1][-1] if groups else None
        if (
            before is not None
            and before["party"] == each["party"]
            and _clip(before) == _clip(each)
            and abs(each["start"] - before["end"]) <= _PIECES_APART
            and any(one["end"] - one["start"] < whole[_clip(one)] for one in (before, each))
        ):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups
