"""Diagnostics of documents, and words for people.

A diagnostic is one mistake: where it is (file, line, column, and the path of keys to it), what is
wrong there, and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "MISTAKE",
    "UNKNOWN_KEY",
    "Diagnostic",
    "ScenarioError",
    "clock",
    "closest",
    "counted",
    "did_you_mean",
    "expected_among",
    "fault_words",
    "is_clip",
    "message_of",
    "one_of",
    "printable",
    "says",
]

_SHAPES: Final = {
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "sequence_str": "expected a list",
    "is_instance_of": "expected a list",
    "dict_type": "expected a mapping",
    "mapping_type": "expected a mapping",
    "string_type": "expected text",
}
"""Our words for pydantic's kinds of error about shapes."""
MISTAKE: Final = "mistake"
"""The kind of validation error whose message is in our words already."""
_SHOWN: Final = 100
"""The most characters of a line that are shown under a mistake."""
UNKNOWN_KEY: Final = "unknown_key"
"""The kind of validation error in our words that is about a key and not about its value."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A mistake in a document. Its ``str()`` is one line, as compilers write theirs."""

    message: str
    path: str = ""
    """The keys that lead to the mistake: ``parties.alice.script[0].say``; empty for the whole
    document."""
    file: Path | None = None
    line: int | None = None
    """Line, counted from 1; None if the document is not the text of a file."""
    column: int | None = None
    """Column, counted from 1; None if the document is not the text of a file."""

    @property
    def position(self) -> tuple[str, int, int]:
        """File, line and column, by which diagnostics are sorted; unknown ones come first."""
        return str(self.file or ""), self.line or 0, self.column or 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return printable(": ".join(part for part in (place, self.path, self.message) if part))

    def excerpt(self) -> list[str]:
        """Return the line of the file that the mistake is in and a mark under its column, as
        compilers show them; nothing if the file or the line cannot be read."""
        if self.file is None or not self.line or not self.column:
            return []
        try:
            lines = self.file.read_text("utf-8").split("\n")
        except (OSError, UnicodeError):
            return []
        if self.line > len(lines) or not lines[self.line - 1].strip():
            return []
        written = lines[self.line - 1].rstrip("\r")
        first = max(0, self.column - _SHOWN // 2)  # of a long line the part about the mistake
        before = printable(written[first : self.column - 1].expandtabs(4))
        shown = before + printable(written[self.column - 1 : first + _SHOWN].expandtabs(4))
        number = f"{self.line} | "
        return [f"  {number}{shown}", f"  {' ' * (len(number) + len(before))}^"]


class ScenarioError(ValueError):
    """All mistakes of the scenarios that were to be read. Its ``str()`` is one line a mistake."""

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems: tuple[Diagnostic, ...] = tuple(problems)
        """The mistakes in the order in which they were found or sorted."""
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def for_terminal(self) -> str:
        """Return the mistakes, each with the line of its file under it."""
        return "\n".join(
            line for problem in self.problems for line in (str(problem), *problem.excerpt())
        )


# -- words for people ---------------------------------------------------------------------------


def printable(text: str) -> str:
    """One line for a terminal: control characters, and others that print nothing, are escaped."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def one_of(words: Iterable[str]) -> str:
    """Return ``one of a, b, c``, or the word itself if there is only one."""
    known = list(words)
    return known[0] if len(known) == 1 else f"one of {', '.join(known)}"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'voice'?`` if one of the known words is close, else an empty text."""
    close = closest(word, known)
    return f"; did you mean {close!r}?" if close else ""


def expected_among(name: str, known: Sequence[str], noun: str) -> str:
    """Return what is expected in place of an unknown name of some kind, such as ``parties``."""
    if not known:
        return f"there are no {noun}"
    return f"expected {one_of(known)}{did_you_mean(name, known)}"


def closest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that is most similar to a word; None if none is similar."""
    from difflib import get_close_matches

    folded = {name.lower().replace("_", "-"): name for name in known}
    found = get_close_matches(word[:80].lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def message_of(error: ErrorDetails) -> str:
    """Return the message of a validation error in our words: what is expected, and what was
    found."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind in (MISTAKE, UNKNOWN_KEY):
        return error["msg"]
    if kind == "value_error":
        message = str(context["error"])
    elif kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]]
        message = f"expected {one_of(known)}"
        if isinstance(value, str):
            message += f", found {value[:40]!r}{did_you_mean(value, known)}"
    elif kind == "missing":
        message = f"{error['loc'][-1]!r} is missing"
    elif kind == "extra_forbidden":
        message = "unknown key"
    else:
        message = _SHAPES.get(kind) or error["msg"].removeprefix("Input ")
    return f"is empty; {message}" if value is None else message


def says(text: str, words: str) -> bool:
    """Return whether words are among those of a text, whatever its case and punctuation."""
    wanted = _plain(words)
    return bool(wanted) and wanted in _plain(text)


def is_clip(played: str, wanted: str) -> bool:
    """Return whether a file that was played is the one wanted: as it is written, or by its bare
    name."""
    return wanted in (played, PurePath(played).name)


def clock(seconds: float) -> str:
    """Return seconds as ``0:02.500``, with hours if there are any."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{milliseconds // 1000:02}.{milliseconds % 1000:03}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 run``, ``2 runs``, ``2 parties``."""
    many = f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def fault_words(fault: Mapping[str, Any]) -> str:
    """Return a fault of a truth document in words: its name, its value, what it does."""
    value = "" if fault["value"] is None else f" {fault['value']:g} {fault['unit']}"
    return f"{fault['fault']}{value}: {fault['does']}"


def _plain(text: str) -> str:
    """Return the words of a text without case and punctuation."""
    return " ".join(re.findall(r"\w+", text.casefold()))
