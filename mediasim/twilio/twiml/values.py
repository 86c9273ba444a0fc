"""The types of values that attributes of TwiML have, and which of them are only noted.

A value is read into its normal form: words such as ``true`` and ``get`` are read in any case, and
have Twilio's spelling then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "FLAG",
    "METHOD",
    "NUMBER",
    "TEXT",
    "Choice",
    "Noted",
    "Number",
    "Value",
    "Words",
]


class Value:
    """A type of attribute values; this one is any text."""

    def read(self, written: str) -> str | None:
        """Return the normal form of a value; None if it is wrong."""
        return written

    @property
    def wanted(self) -> str:
        """The valid values, in words."""
        return "any text"


@dataclass(frozen=True, slots=True)
class Number(Value):
    """A whole number from ``least`` to ``most``, or ``word`` in its place."""

    least: int = 0
    most: int = 2**31 - 1
    word: str | None = None

    def read(self, written: str) -> str | None:
        written = written.strip()
        if self.word is not None and written.lower() == self.word:
            return self.word
        # Longer texts are no plausible number, and slow to convert.
        if len(written) > 12 or not written.isascii():
            return None
        try:
            number = int(written)
        except ValueError:
            return None
        return str(number) if self.least <= number <= self.most else None

    @property
    def wanted(self) -> str:
        word = f" or '{self.word}'" if self.word is not None else ""
        if self.most == 2**31 - 1:
            return f"a whole number from {self.least}{word}"
        return f"a whole number from {self.least} to {self.most}{word}"


@dataclass(frozen=True, slots=True)
class Choice(Value):
    """One of several words."""

    words: tuple[str, ...]

    def read(self, written: str) -> str | None:
        wanted = written.strip().lower()
        return next((choice for choice in self.words if choice.lower() == wanted), None)

    @property
    def wanted(self) -> str:
        return f"one of '[{', '.join(self.words)}]'"


@dataclass(frozen=True, slots=True)
class Words(Value):
    """Several of some words, separated by spaces, in the order written."""

    words: tuple[str, ...]

    def read(self, written: str) -> str | None:
        choice = Choice(self.words)
        valid = [choice.read(word) for word in written.split()]
        return None if None in valid else " ".join(word for word in valid if word)

    @property
    def wanted(self) -> str:
        return f"words of '[{', '.join(self.words)}]'"


TEXT: Final = Value()
NUMBER: Final = Number()
FLAG: Final = Choice(("true", "false"))
METHOD: Final = Choice(("GET", "POST"))


@dataclass(frozen=True, slots=True)
class Noted(Value):
    """A value that is read and not acted on: a notification names its attribute, and says why."""

    kind: Value
    """The type of the value."""
    why: str
    """Why nothing is done about it, in words that follow a colon."""
    but: str = ""
    """The value that asks for what is done anyway, of which there is no notification."""

    def read(self, written: str) -> str | None:
        return self.kind.read(written)

    @property
    def wanted(self) -> str:
        return self.kind.wanted
