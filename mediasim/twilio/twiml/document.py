"""A TwiML document that has been read: its verbs, and what was wrong with it.

Attributes hold values that are right for their verb; wrong ones were left out when the
document was read, each with a :class:`Warning`, so a default takes their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Document", "TwimlError", "Verb", "Warning"]


class TwimlError(Exception):
    """The answer is no TwiML at all; has the code of Twilio's error dictionary.

    12100: it cannot be parsed. 12300: its content type is none that Twilio takes. 11750: it is
    too large.
    """

    def __init__(self, code: int, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Verb:
    """An element of a document: a verb, or a noun inside one."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    """Without the white space around it. Of a Say: all its words, those of its SSML among them."""
    children: tuple[Verb, ...] = ()
    line: int = 1

    def attribute(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def number(self, name: str, default: int) -> int:
        """A whole number; the default when it is absent or was wrong."""
        try:
            return int(self.attributes[name])
        except (KeyError, ValueError):
            return default

    def seconds(self, name: str, default: int) -> int:
        """A length of time, never below 0; the default when it is absent or was wrong."""
        value = self.number(name, default)
        return value if value >= 0 else default

    def flag(self, name: str, default: bool) -> bool:
        value = self.attributes.get(name, "")
        return value == "true" if value in ("true", "false") else default

    def words(self, name: str, default: str = "") -> tuple[str, ...]:
        """Words with spaces between them, as ``statusCallbackEvent`` has them."""
        return tuple(self.attributes.get(name, default).split())


@dataclass(frozen=True, slots=True)
class Warning:
    """Something in a document that Twilio passes over, and says so in the call's notifications."""

    code: int
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a call is to do, in order."""

    verbs: tuple[Verb, ...]
    warnings: tuple[Warning, ...] = ()
