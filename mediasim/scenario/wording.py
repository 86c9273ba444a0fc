"""Words and files as expectations name them, held against what scripts say and play."""

from __future__ import annotations

import re
from pathlib import PurePath

__all__ = ["is_clip", "says"]


def says(text: str, words: str) -> bool:
    """Whether the words are among those of the text, whatever its case and punctuation."""
    wanted = _plain(words)
    return bool(wanted) and wanted in _plain(text)


def is_clip(played: str, wanted: str) -> bool:
    """Whether a file that was played is the one wanted: as it is written, or its bare name."""
    return wanted in (played, PurePath(played).name)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
