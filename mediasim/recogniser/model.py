"""The recogniser model: what is heard of what was said, with errors drawn by the seed.

Each word has draws of its own, under a label that names it, so that a word is heard in the same way
in each result that has it, and that an error in one place moves none elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from mediasim.recogniser.confusions import FILLERS, mistaken_for
from mediasim.recogniser.settings import RecogniserSettings
from mediasim.recogniser.transcript import TranscriptWord, Utterance
from mediasim.seeds import Seeds

__all__ = ["attributed", "recognise"]

_DRAWS: Final = 5
_LOWEST_WRONG: Final = 0.35
_HIGHEST_WRONG: Final = 0.80
"""Bounds of the confidence in a wrong word, for a recogniser that is wholly sure of right ones."""
_SPREAD: Final = 0.07
"""How far the confidence in a right word may be from the average."""
_PUNCTUATION: Final = re.compile(r"^\W+|\W+$")


def recognise(
    words: Iterable[TranscriptWord], settings: RecogniserSettings, seeds: Seeds
) -> list[TranscriptWord]:
    """Return what a recogniser makes of words that were said."""
    return [heard for word in words for heard in _recognised(word, settings, seeds)]


def _recognised(
    word: TranscriptWord, settings: RecogniserSettings, seeds: Seeds
) -> Iterator[TranscriptWord]:
    if not settings.word_error_rate and settings.confidence == 1.0:
        yield replace(word, text=_written(word.text, settings))
        return
    kind, choice, sure, more, filler = _uniform(seeds, word.origin, _DRAWS)
    confidence = _confidence(settings, sure)
    doubt = (_LOWEST_WRONG + (_HIGHEST_WRONG - _LOWEST_WRONG) * sure) * settings.confidence
    wrong = round(doubt, 4)
    if kind < settings.substitutions:
        text = mistaken_for(word.text, choice)
        yield replace(word, text=_written(text, settings), confidence=wrong)
    elif kind >= settings.substitutions + settings.deletions:
        yield replace(word, text=_written(word.text, settings), confidence=confidence)
    if more < settings.insertions:
        text = FILLERS[int(filler * len(FILLERS))]
        yield replace(word, text=text, start=word.end, said="", confidence=wrong)


def _confidence(settings: RecogniserSettings, draw: float) -> float:
    mean = settings.confidence
    spread = min(_SPREAD, 1.0 - mean, mean)
    return round(mean + spread * (2 * draw - 1), 4)


def _written(text: str, settings: RecogniserSettings) -> str:
    return text if settings.punctuation else _PUNCTUATION.sub("", text).lower()


def attributed(
    utterance: Utterance, channels: int, settings: RecogniserSettings, seeds: Seeds
) -> Utterance:
    """Return an utterance in the channel that a recogniser attributes it to."""
    channel = utterance.channel
    if settings.mono:
        return replace(utterance, channel=1)
    if channels > 1:
        other = channels + 1 - channel
        if settings.swapped_channels:
            channel, other = other, channel
        if settings.speaker_confusion:
            (draw,) = _uniform(seeds, f"speaker/{utterance.words[0].origin}", 1)
            channel = other if draw < settings.speaker_confusion else channel
    return replace(utterance, channel=channel)


def _uniform(seeds: Seeds, label: str, count: int) -> list[float]:
    """Return numbers from 0 to below 1 that the seed and the label decide."""
    drawn = np.frombuffer(seeds.digest(label, 8 * count), "<u8")
    return [int(each) / 2**64 for each in drawn]
