"""Types of TwiML attribute values: each reads the text of an attribute into its normal form.

Words such as ``true`` and ``get`` are read in any case and normalised to Twilio's spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

__all__ = [
    "FLAG",
    "KEYS",
    "METHOD",
    "NUMBER",
    "TEXT",
    "TONES",
    "URL",
    "Choice",
    "Noted",
    "Number",
    "Url",
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


@dataclass(frozen=True, slots=True)
class Pattern(Value):
    """A text that a regular expression matches as a whole; ``words`` say which these are."""

    pattern: str
    words: str

    def read(self, written: str) -> str | None:
        return written if re.fullmatch(self.pattern, written) else None

    @property
    def wanted(self) -> str:
        return self.words


class Url(Value):
    """A URL of http or https, whole or relative to the document's; "" is one too."""

    def read(self, written: str) -> str | None:
        written = written.strip()
        try:
            parts = urlsplit(written)
            port = parts.port
        except ValueError:
            return None
        whole = parts.scheme in ("http", "https") and parts.hostname and port != 0
        return written if whole or not (parts.scheme or re.search(r"\s", written)) else None

    @property
    def wanted(self) -> str:
        return "a URL such as https://example.com/path, or a path,"


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


TEXT: Final = Value()
NUMBER: Final = Number()
FLAG: Final = Choice(("true", "false"))
METHOD: Final = Choice(("GET", "POST"))


URL: Final = Url()
KEYS: Final = Pattern("[0-9#*]*", "keys of 0123456789#*, or nothing,")
TONES: Final = Pattern("[0-9A-Da-d#*wW]*", "digits of 0123456789ABCD#*, and w or W for a pause,")
