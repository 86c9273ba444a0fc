"""What a transcription makes of recognised words: hinted ones are right, profane ones masked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mediasim.recogniser.transcript import TranscriptWord

__all__ = ["hinted_words", "masked", "with_hints"]

_PROFANITIES: Final = """
    arse arsehole ass asses asshole assholes bastard bastards bitch bitches bollocks bullshit cock
    cunt cunts damn damned dick dickhead fuck fucked fucker fuckers fucking goddamn motherfucker
    motherfucking piss pissed prick pussy shit shits shitty slut twat wanker whore
"""
"""Words that the filter masks (our choice)."""
_PROFANE: Final = frozenset(_PROFANITIES.split())
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def masked(text: str) -> str:
    """Return a text in which all but the first character of profane words are asterisks."""

    def mask(found: re.Match[str]) -> str:
        word = found[0]
        return word[0] + "*" * (len(word) - 1) if word.lower() in _PROFANE else word

    return _WORD.sub(mask, text)


def hinted_words(hints: str) -> frozenset[str]:
    """Return the single words of phrases."""
    return frozenset(word.lower() for word in _WORD.findall(hints))


def with_hints(words: Iterable[TranscriptWord], hinted: frozenset[str]) -> list[TranscriptWord]:
    """Return recognised words, of which hinted ones are not taken for others."""
    return [_with_hint(word, hinted) for word in words]


def _with_hint(word: TranscriptWord, hinted: frozenset[str]) -> TranscriptWord:
    if not hinted or _plain(word.said) == _plain(word.text):
        return word
    said = _plain(word.said)
    if said not in hinted:
        return word
    # A model that writes no capitals or punctuation has neither in a hinted word.
    plain = word.text == word.text.lower() and _plain(word.text) == word.text
    return replace(word, text=said if plain else word.said)


def _plain(word: str) -> str:
    return " ".join(_WORD.findall(word.lower()))
