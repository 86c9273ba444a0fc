"""Holds a transcript against what was really said: words that are wrong, and speakers that are.

Transcripts are read as Twilio tells them, Voice's (version 3) and Conversational Intelligence's
sentences, and as mediasim writes them. What was said is what a perfect recogniser hears.

The word error rate is the Levenshtein distance in words by the words said, channel by channel; a
transcript of one channel is compared with all that was said, in order. A word is attributed rightly
if it is found in its speaker's channel within a second and a half, and wrongly if it is only found
in another channel there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.recogniser.recordings import recording_transcript
from mediasim.recogniser.transcript import Transcript
from mediasim.truth.analysis.recording import AnalysisError
from mediasim.truth.analysis.transcription import plain_words, word_errors

__all__ = ["ChannelScore", "TranscriptScore", "read_transcript", "score", "score_of", "words_of"]

_NEAR: Final = 1.5
"""Seconds between a word as it was said and as a transcript has it."""
_WORD: Final = 0.35
"""Seconds of a word in a sentence whose end is not told."""
_SURE: Final = 1.96
"""Standard deviations of a confidence interval of 95 %."""


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word, without case and punctuation, where it is."""

    text: str
    channel: int
    at: float
    """Seconds from the recording's begin to the word's middle."""


@dataclass(frozen=True, slots=True)
class ChannelScore:
    """How wrong the words of one channel are, or of all."""

    words: int
    """Words that were said."""
    heard: int
    """Words that the transcript has."""
    errors: int

    @property
    def rate(self) -> float | None:
        """The word error rate; None if nothing was said."""
        return self.errors / self.words if self.words else None

    @property
    def interval(self) -> float | None:
        """Half of the rate's confidence interval of 95 %; None if nothing was said."""
        if self.rate is None:
            return None
        share = min(self.rate, 1.0)
        return _SURE * sqrt(share * (1 - share) / self.words)

    def to_json(self) -> dict[str, Any]:
        return {
            "words": self.words,
            "heard": self.heard,
            "errors": self.errors,
            "word_error_rate": _rounded(self.rate),
            "interval": _rounded(self.interval),
        }


@dataclass(frozen=True, slots=True)
class TranscriptScore:
    """How well a transcript tells what was said, and by whom."""

    total: ChannelScore
    channels: Mapping[int, ChannelScore]
    """The score of each channel; none if the transcript has one channel and the truth several."""
    attributed: int
    """Words found in their channel."""
    astray: int
    """Words that were found in another channel only."""

    @property
    def attribution(self) -> float | None:
        """Share of found words attributed rightly; None if speakers are not told apart."""
        found = self.attributed + self.astray
        return self.attributed / found if found and self.channels else None

    def to_json(self) -> dict[str, Any]:
        return {
            **self.total.to_json(),
            "channels": {str(number): each.to_json() for number, each in self.channels.items()},
            "attributed": self.attributed,
            "astray": self.astray,
            "speaker_attribution": _rounded(self.attribution),
        }

    def lines(self) -> Iterator[str]:
        """Yield the score in words, line by line."""
        yield f"transcript: {_rate_in_words(self.total)}"
        for number, each in self.channels.items():
            yield f"  channel {number}: {_rate_in_words(each)}"
        if self.attribution is None:
            yield "  speakers: not told apart, for the transcript has one channel"
        else:
            found = self.attributed + self.astray
            share = f"{self.attribution:.1%}"
            yield f"  speakers: {share} of {found} words found are attributed rightly"


def _rate_in_words(each: ChannelScore) -> str:
    if each.rate is None or each.interval is None:
        return f"nothing was said, {each.heard} words heard"
    errors = f"{each.errors} errors in {each.words} words"
    return f"word error rate {each.rate:.1%} ± {each.interval:.1%} ({errors})"


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


# -- reading ------------------------------------------------------------------------------------


def read_transcript(path: Path) -> list[PlacedWord]:
    """Read a transcript's words. Raises AnalysisError if the file has none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AnalysisError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise AnalysisError(f"{path} is no JSON: expected a transcript") from None
    try:
        return sorted(_words(found), key=lambda each: each.at)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise AnalysisError(
            f"{path} is no transcript: expected sentences with media_channel, start_time and "
            "transcript (Conversational Intelligence), or with audioChannelIndex, startTimeSeconds "
            "and text (Voice), or utterances (mediasim)"
        ) from None


def _words(document: Any) -> Iterator[PlacedWord]:
    if isinstance(document, Mapping) and "utterances" in document:
        for each in document["utterances"]:
            start, end = each["start"] / SAMPLE_RATE, each["end"] / SAMPLE_RATE
            yield from _spread(each["text"], int(each["channel"]), start, end)
        return
    sentences = document if isinstance(document, list) else document["sentences"]
    for each in sentences:
        if "transcript" in each:
            channel, text = each["media_channel"], each["transcript"]
            start, end = each["start_time"], each.get("end_time")
        else:
            channel, text = each["audioChannelIndex"], each["text"]
            start, end = each["startTimeSeconds"], each.get("endTimeSeconds")
        yield from _spread(text, int(channel), float(start), None if end is None else float(end))


def _spread(text: str, channel: int, start: float, end: float | None) -> Iterator[PlacedWord]:
    """Yield the words of a sentence, evenly between its start and its end."""
    words = plain_words(text)
    step = _WORD if end is None else (end - start) / max(len(words), 1)
    for number, word in enumerate(words):
        yield PlacedWord(word, channel, start + (number + 0.5) * step)


def words_of(transcript: Transcript) -> list[PlacedWord]:
    """Return the words of a transcript, in order."""
    found = [
        PlacedWord(part, utterance.channel, (word.start + word.end) / 2 / SAMPLE_RATE)
        for utterance in transcript.utterances
        for word in utterance.words
        for part in plain_words(word.text)
    ]
    return sorted(found, key=lambda each: each.at)


# -- scoring ------------------------------------------------------------------------------------


def score(truth: Mapping[str, Any], heard: Sequence[PlacedWord]) -> TranscriptScore:
    """Hold the words of a transcript against a recording's truth document.

    Raises AnalysisError if the document is no truth, or the transcript has a channel that the
    recording has not.
    """
    try:
        said = words_of(recording_transcript(truth))
        channels = len(truth["channels"])
    except (KeyError, TypeError):
        raise AnalysisError("the recording's truth is not one as mediasim writes it") from None
    if wrong := {each.channel for each in heard} - set(range(1, channels + 1)):
        raise AnalysisError(
            f"the transcript has a channel {min(wrong)}, but the recording's are 1 to {channels}"
        )
    return score_of(said, heard, channels)


def score_of(
    said: Sequence[PlacedWord], heard: Sequence[PlacedWord], channels: int
) -> TranscriptScore:
    """Hold words that were heard against those said in a recording of so many channels."""
    one = channels > 1 and len({each.channel for each in heard}) < 2 <= len(
        {each.channel for each in said}
    )
    if one or channels == 1:
        return TranscriptScore(_score(said, heard), {}, 0, 0)
    parts = {
        number: _score(
            [each for each in said if each.channel == number],
            [each for each in heard if each.channel == number],
        )
        for number in range(1, channels + 1)
    }
    total = ChannelScore(
        sum(each.words for each in parts.values()),
        sum(each.heard for each in parts.values()),
        sum(each.errors for each in parts.values()),
    )
    return TranscriptScore(total, parts, *_attributed(said, heard))


def _score(said: Sequence[PlacedWord], heard: Sequence[PlacedWord]) -> ChannelScore:
    errors = word_errors([each.text for each in said], [each.text for each in heard])
    return ChannelScore(len(said), len(heard), errors)


def _attributed(said: Sequence[PlacedWord], heard: Sequence[PlacedWord]) -> tuple[int, int]:
    """Return how many words are found in their channel, and how many in another one only.

    Those in their own channel are looked for first, so that no word is taken from its speaker.
    """
    left = list(heard)
    found = [0, 0]
    waiting = list(said)
    for number, same in enumerate((True, False)):
        missed = []
        for word in waiting:
            near = [
                each
                for each in left
                if each.text == word.text
                and abs(each.at - word.at) <= _NEAR
                and (each.channel == word.channel) == same
            ]
            if not near:
                missed.append(word)
                continue
            left.remove(min(near, key=lambda each: abs(each.at - word.at)))
            found[number] += 1
        waiting = missed
    return found[0], found[1]
