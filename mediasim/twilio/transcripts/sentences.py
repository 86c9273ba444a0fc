"""What is heard in a recording, as sentences: each of one channel, with its words and their times.

A sentence ends where its speaker pauses, and after a full stop, a question mark or an exclamation
mark. The words are those of the recording's transcript (:mod:`mediasim.recogniser.recordings`).

Redaction follows three rules (our choice): a word with a digit or an ``@`` is personal, and so are
three or more number words in a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.recogniser.transcript import Transcript, TranscriptWord, WordRun
from mediasim.seeds import Seeds

__all__ = ["Sentence", "SentenceWord", "redacted", "seconds", "sentences_of"]

REDACTED: Final = "[REDACTED]"
_END: Final = re.compile(r"[.?!]+[\"')\]]*$")
_NUMBERS: Final = (
    r"zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|"
    r"twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|double|triple"
)
_RUN: Final = 3
"""Number words in a row that are personal."""


@dataclass(frozen=True, slots=True)
class SentenceWord:
    """A word of a sentence."""

    text: str
    start: int
    """First sample, at 8 kHz."""
    end: int
    """Sample after the last one."""
    confidence: float


@dataclass(frozen=True, slots=True)
class Sentence(WordRun):
    """What one channel has without a pause or a full stop."""

    sid: str
    channel: int
    """Channel of the recording, counted from 1."""
    words: tuple[SentenceWord, ...]


def sentences_of(transcript: Transcript, seeds: Seeds) -> tuple[Sentence, ...]:
    """Divide a transcript into sentences, in the order in which they begin."""
    parts = [
        (utterance.channel, part)
        for utterance in transcript.utterances
        for part in _parts(utterance.words)
    ]
    parts.sort(key=lambda each: (each[1][0].start, each[0]))
    return tuple(
        Sentence(
            "GX" + seeds.digest(f"sentence/{number}", 16).hex(),
            channel,
            tuple(SentenceWord(it.text, it.start, it.end, it.confidence) for it in words),
        )
        for number, (channel, words) in enumerate(parts)
    )


def _parts(words: Iterable[TranscriptWord]) -> Iterator[list[TranscriptWord]]:
    part: list[TranscriptWord] = []
    for word in words:
        part.append(word)
        if _END.search(word.text):
            yield part
            part = []
    if part:
        yield part


def redacted(sentence: Sentence) -> Sentence:
    """Return a sentence in which personal words are not shown."""
    texts = [word.text for word in sentence.words]
    personal = _personal(texts)
    words = tuple(
        replace(word, text=REDACTED) if number in personal else word
        for number, word in enumerate(sentence.words)
    )
    return replace(sentence, words=words)


def _personal(texts: Sequence[str]) -> set[int]:
    found = {number for number, text in enumerate(texts) if re.search(r"[\d@]", text)}
    run: list[int] = []
    for number, text in enumerate([*texts, ""]):
        if re.fullmatch(_NUMBERS, re.sub(r"[^a-z]", "", text.lower())):
            run.append(number)
            continue
        if len(run) >= _RUN:
            found.update(run)
        run = []
    return found


def seconds(samples: int) -> float:
    """Return samples as seconds, to the millisecond."""
    return round(samples / SAMPLE_RATE, 3)
