"""The words of warnings about parameters that are ignored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["ignored_words"]

_LONGEST_WORDS: Final = 1000
_LONGEST_NAME: Final = 100
_MOST: Final = 200
"""Most ignored parameters of a request that are named."""


def ignored_words(resource: str, names: Sequence[str]) -> Iterator[str]:
    """Yield the words of warnings that name all ignored parameters of a request."""
    parts = [name[:_LONGEST_NAME] for name in names[:_MOST]]
    if len(names) > _MOST:
        parts.append(f"and {len(names) - _MOST} more")
    while parts:
        words = f"{resource} parameters are ignored here: {parts.pop(0)}"
        while parts and len(words) + len(parts[0]) < _LONGEST_WORDS:
            words += f", {parts.pop(0)}"
        yield words
