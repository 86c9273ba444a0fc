"""Words for people: counts, faults, and what scripts say and play as expectations name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

__all__ = ["counted", "fault_words", "is_clip", "says"]


def says(text: str, words: str) -> bool:
    """Whether the words are among those of the text, whatever its case and punctuation."""
    wanted = _plain(words)
    return bool(wanted) and wanted in _plain(text)


def is_clip(played: str, wanted: str) -> bool:
    """Whether a file that was played is the one wanted: as it is written, or its bare name."""
    return wanted in (played, PurePath(played).name)


def counted(number: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def fault_words(fault: Mapping[str, Any]) -> str:
    """What a truth says of a fault: its name, its value, what it does."""
    value = "" if fault["value"] is None else f" {fault['value']:g} {fault['unit']}"
    return f"{fault['fault']}{value}: {fault['does']}"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
