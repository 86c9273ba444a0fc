"""How far words that were heard are from those that were said."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["plain_words", "word_error_rate", "word_errors"]


def plain_words(text: str) -> list[str]:
    """The words without case and punctuation; a number in digits is a word as it stands."""
    return re.findall(r"[a-z0-9]+", text.lower().replace("'", "").replace("’", ""))


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words to put in, leave out or replace to make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, start=1):
            changed = before + (word != other)
            before, row[at] = row[at], min(changed, row[at] + 1, row[at - 1] + 1)
    return row[-1]


def word_error_rate(said: str, heard: str) -> float | None:
    """Errors by the words said; None if nothing was. Above 1 where much was invented."""
    words = plain_words(said)
    return word_errors(words, plain_words(heard)) / len(words) if words else None
