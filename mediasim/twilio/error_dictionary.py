"""Twilio's error dictionary: the level and the message of each code, as far as voice, messages and
numbers go.

Read from ``error_dictionary.tsv``, one code a line; source: https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["ErrorEntry", "error_dictionary", "is_error", "titled"]


class ErrorEntry(NamedTuple):
    """One code of the dictionary."""

    code: int
    level: str
    """``error`` or ``warning``."""
    message: str

    @property
    def more_info(self) -> str:
        """URL of Twilio's page about the code."""
        return f"https://www.twilio.com/docs/errors/{self.code}"


@cache
def error_dictionary() -> dict[int, ErrorEntry]:
    """Return the entries by their codes."""
    text = files("mediasim.twilio").joinpath("error_dictionary.tsv").read_text("utf-8")
    entries = {}
    for line in text.splitlines():
        code, level, message = line.split("\t")
        entries[int(code)] = ErrorEntry(int(code), level, message)
    return entries


def is_error(code: int) -> bool:
    """Tell whether a code is an error; False for a warning and for an unknown code."""
    entry = error_dictionary().get(code)
    return entry is not None and entry.level == "error"


def titled(code: int, words: str) -> str:
    """Return words behind the message that the dictionary has for a code, if it has one."""
    entry = error_dictionary().get(code)
    return words if entry is None else f"{entry.message}: {words}"
