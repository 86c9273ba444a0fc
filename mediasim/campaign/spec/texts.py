"""What is said: lines in lists and files, with values drawn into them, and whole dialogues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, PrivateAttr

from mediasim.campaign.spec.distributions import Drawn
from mediasim.campaign.spec.files import read_corpus
from mediasim.documents.diagnostics import expected_among
from mediasim.documents.document import Origin
from mediasim.documents.model import Many, Misfit, Model, OneOrMany
from mediasim.documents.values import Name, Text, existing_file

__all__ = ["Dialogue", "DialoguesSpec", "TextsSpec", "filled"]

_PLACE: Final = re.compile(r"\{(\w[\w-]*)\}")
TextFile = Annotated[Path, AfterValidator(existing_file)]
Dialogue = tuple[tuple[str, str], ...]
"""The turns of a dialogue: (party, text) of each."""


def filled(line: str, values: Mapping[str, object]) -> str:
    """Return a line with the values of its ``{name}`` put in."""
    return _PLACE.sub(lambda found: str(values.get(found[1], found[0])), line)


class _Templates(Model):
    """Texts with values drawn into them."""

    values: Mapping[Name, Drawn] = {}
    """What {name} in a text stands for, drawn once for each call."""

    _read: Any = PrivateAttr(None)
    _trouble: str = PrivateAttr("")

    @property
    def read(self) -> object:
        """What was read of files, for the digest of the spec."""
        return self._read

    def _unknown(self, line: str) -> str | None:
        """Return what is wrong with the names in a text; None if nothing is."""
        for name in _PLACE.findall(line):
            if name not in self.values:
                known = list(self.values)
                return f"{{{name}}} has no value; {expected_among(name, known, 'values')}"
        return None


class TextsSpec(_Templates):
    """What turns are taken from, one text for each; a bare list is its ``lines``."""

    stands_for: ClassVar[str] = "lines"
    plurals: ClassVar[Mapping[str, str]] = {"file": "files"}

    lines: OneOrMany[Text] = None
    """Texts. None is said twice in a call while there are others."""
    file: OneOrMany[TextFile] = None
    """Like files."""
    files: Many[TextFile] = ()
    """Files of texts, one a line, relative to the spec; lines that begin with # are left out. Of a
    .jsonl file the key text is read."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        is_file = isinstance(value, str) and value.endswith((".txt", ".jsonl"))
        return {"file" if is_file else "lines": value}

    def settle(self, context: Any) -> None:
        if not isinstance(context, Origin):
            return
        try:
            self._read = [line for file in self.files for line in _lines_of(context.base / file)]
        except ValueError as error:
            self._trouble = str(error)

    @property
    def all_lines(self) -> tuple[str, ...]:
        """All texts, those of files last."""
        own = self.lines if isinstance(self.lines, tuple) else ()
        return (*own, *(self._read or ()))

    def troubles(self) -> Iterator[Misfit]:
        if self._trouble:
            yield ("files",), self._trouble
            return
        own = self.lines if isinstance(self.lines, tuple) else ()
        if not self.all_lines:
            yield (("files",) if self.files else ("lines",)), "expected at least one text"
        for number, line in enumerate(own):
            if wrong := self._unknown(line):
                yield ("lines", number), wrong
        for line in self._read or ():
            if wrong := self._unknown(line):
                yield ("files",), f"{line[:40]!r}: {wrong}"
                return


def _lines_of(path: Path) -> Iterator[str]:
    text = read_corpus(path)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if path.suffix != ".jsonl":
            yield line.strip()
            continue
        try:
            yield str(json.loads(line)["text"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f'line {number} of {path} is not JSON with a text: expected {{"text": "..."}}'
            ) from None


def _dialogues(value: object) -> object:
    """Return one dialogue that stands alone as a list of one."""
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return [value]
    return value


class DialoguesSpec(_Templates):
    """Whole conversations, of which each call has one; a bare text is a file, a list the
    ``inline``."""

    plurals: ClassVar[Mapping[str, str]] = {"file": "files"}

    inline: Annotated[Many[Many[Mapping[Name, Text]]], BeforeValidator(_dialogues)] = ()
    """Dialogues, each a list of turns: [{agent: Hello?}, {caller: Hello, it is Ann.}]."""
    file: OneOrMany[TextFile] = None
    """Like files."""
    files: Many[TextFile] = ()
    """Files of dialogues, relative to the spec: lines such as "agent: Hello?", with an empty line
    between two dialogues."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        return {"file" if isinstance(value, str) else "inline": value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"type": "string"}, properties["inline"]]

    def settle(self, context: Any) -> None:
        if not isinstance(context, Origin):
            return
        try:
            self._read = [
                each for file in self.files for each in _dialogues_of(context.base / file)
            ]
        except ValueError as error:
            self._trouble = str(error)

    @property
    def all(self) -> list[Dialogue]:
        """All dialogues, those of files last."""
        own = [
            tuple((name, text) for turn in dialogue for name, text in turn.items())
            for dialogue in self.inline
        ]
        return [*own, *(self._read or ())]

    def troubles(self) -> Iterator[Misfit]:
        if self._trouble:
            yield ("files",), self._trouble
            return
        if not self.all:
            yield (("files",) if self.files else ("inline",)), "expected at least one dialogue"
        for number, dialogue in enumerate(self.inline):
            for place, turn in enumerate(dialogue):
                for name, text in turn.items():
                    if wrong := self._unknown(text):
                        yield ("inline", number, place, name), wrong
        for dialogue in self._read or ():
            for _, text in dialogue:
                if wrong := self._unknown(text):
                    yield ("files",), f"{text[:40]!r}: {wrong}"
                    return


def _dialogues_of(path: Path) -> Iterator[Dialogue]:
    turns: list[tuple[str, str]] = []
    for number, line in enumerate((*read_corpus(path).splitlines(), ""), 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if turns:
                yield tuple(turns)
            turns = []
            continue
        party, colon, text = line.partition(":")
        if not colon or not text.strip():
            raise ValueError(
                f"line {number} of {path} is no turn: expected a party and what it says, such as "
                f"agent: Hello?, found {line[:40]!r}"
            )
        turns.append((party.strip(), text.strip()))
