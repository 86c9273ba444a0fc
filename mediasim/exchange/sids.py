"""Twilio's identifiers (SIDs): two letters that say what it is, and 32 hexadecimal digits.

Rule kept: a run's seed decides every SID. The n-th of a prefix is drawn under the label
``sid/<prefix>/<n>``, so that one more call moves no recording's SID.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from mediasim.seeds import Seeds

__all__ = ["PREFIXES", "SidFactory", "check_sid"]

PREFIXES: Final = {
    "AC": "account",
    "AP": "application",
    "CA": "call",
    "CF": "conference",
    "MZ": "media stream",
    "NO": "notification",
    "PN": "phone number",
    "QU": "queue",
    "RE": "recording",
    "SK": "API key",
    "TR": "transcription",
}
"""The prefixes in use, and what each stands for."""


class SidFactory:
    """Makes the SIDs of one run."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._made: Counter[str] = Counter()

    def new(self, prefix: str) -> str:
        """The next SID of the prefix. Raises ValueError for a prefix that is not in use."""
        _check_prefix(prefix)
        number = self._made[prefix]
        self._made[prefix] += 1
        return prefix + self._seeds.digest(f"sid/{prefix}/{number}", 16).hex()


def check_sid(text: str, prefix: str) -> str:
    """The text itself if it has the form of a SID of the prefix; raises ValueError if not.

    A SID that passed is safe as a file name: 34 letters and digits.
    """
    _check_prefix(prefix)
    if re.fullmatch(f"{prefix}[0-9a-f]{{32}}", text) is None:
        raise ValueError(
            f"{text!r} is no {PREFIXES[prefix]} SID: one is {prefix} and 32 hexadecimal digits"
        )
    return text


def _check_prefix(prefix: str) -> None:
    if prefix not in PREFIXES:
        raise ValueError(f"{prefix!r} is no SID prefix: {', '.join(PREFIXES)}")
