"""What an attribute of a TwiML element may say.

A :class:`Value` turns what was written into how it is kept, or into None when it is wrong.
Names of values, ``true`` and ``false``, ``get`` and ``POST`` are read in any case and kept as
Twilio spells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FLAG", "METHOD", "NUMBER", "TEXT", "Choice", "Number", "Text", "Value", "Words"]


class Value:
    """A kind of value."""

    def read(self, written: str) -> str | None:
        """How it is kept; None: it is wrong."""
        raise NotImplementedError

    @property
    def wanted(self) -> str:
        """What would be right, in words."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Value):
    """Anything."""

    def read(self, written: str) -> str | None:
        return written

    @property
    def wanted(self) -> str:
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
        # Longer ones are no number anybody means, and slow to convert.
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
    """One of a few."""

    of: tuple[str, ...]

    def read(self, written: str) -> str | None:
        wanted = written.strip().lower()
        return next((choice for choice in self.of if choice.lower() == wanted), None)

    @property
    def wanted(self) -> str:
        return f"one of '[{', '.join(self.of)}]'"


@dataclass(frozen=True, slots=True)
class Words(Value):
    """Some of a few, with spaces between them; kept in the order written."""

    of: tuple[str, ...]

    def read(self, written: str) -> str | None:
        choice = Choice(self.of)
        kept = [choice.read(word) for word in written.split()]
        return None if None in kept else " ".join(word for word in kept if word)

    @property
    def wanted(self) -> str:
        return f"words of '[{', '.join(self.of)}]'"


TEXT: Final = Text()
NUMBER: Final = Number()
FLAG: Final = Choice(("true", "false"))
METHOD: Final = Choice(("GET", "POST"))
