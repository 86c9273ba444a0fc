"""A parsed TwiML document: its verbs and its warnings.

Attributes have valid values; invalid ones were left out when the document was parsed, each with a
:class:`Warning`, so their defaults apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Document", "TwimlError", "Verb", "Warning"]


class TwimlError(Exception):
    """A response is no TwiML; ``code`` is that of Twilio's error dictionary.

    12100: it cannot be parsed. 12300: its content type is none that Twilio accepts. 11750: it is
    too large.
    """

    def __init__(self, code: int, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Warning:
    """A part of a document that is ignored, which is a notification of the call."""

    code: int
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class Verb:
    """An element of a document: a verb, or a noun inside one."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    """Text without the white space around it; a Say's includes the words of its SSML."""
    children: tuple[Verb, ...] = ()
    line: int = 1
    content: tuple[str | Verb, ...] = field(default=(), compare=False, repr=False)
    """Text and SSML in their order, as written; empty where there is no SSML."""
    notes: tuple[Warning, ...] = ()
    """What is right in a verb or inside it, and not acted on by this sandbox."""

    def attribute(self, name: str, default: str = "") -> str:
        """Return the value of an attribute; the default if it is absent."""
        return self.attributes.get(name, default)

    def number(self, name: str, default: int) -> int:
        """Return a whole number; the default if the attribute is absent or was wrong."""
        try:
            return int(self.attributes[name])
        except (KeyError, ValueError):
            return default

    def seconds(self, name: str, default: int) -> int:
        """Return a number of seconds from 0; the default if the attribute is absent or wrong."""
        value = self.number(name, default)
        return value if value >= 0 else default

    def flag(self, name: str, default: bool) -> bool:
        """Return whether a flag is true; the default if the attribute is absent or wrong."""
        value = self.attributes.get(name, "")
        return value == "true" if value in ("true", "false") else default

    def words(self, name: str, default: str = "") -> tuple[str, ...]:
        """Return the words of an attribute that are separated by spaces."""
        return tuple(self.attributes.get(name, default).split())

    def parameters(self) -> list[tuple[str, str]]:
        """Return name and value of each Parameter inside, in order."""
        inside = (child for child in self.children if child.name == "Parameter")
        return [(each.attribute("name"), each.attribute("value")) for each in inside]


@dataclass(frozen=True, slots=True)
class Document:
    """The verbs that a call executes in order, and the warnings about them."""

    verbs: tuple[Verb, ...]
    warnings: tuple[Warning, ...] = ()
