"""What all corpora have in common: their keys in a spec, and the reading of lines of JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, ValidationInfo

from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.documents.model import Keyed, Model, OneOrMany
from mediasim.documents.values import Text, existing_file

__all__ = [
    "CORPORA",
    "AnyCorpus",
    "Corpus",
    "CorpusError",
    "CorpusFile",
    "CorpusFolder",
    "Row",
    "gender_of",
    "json_rows",
    "seconds_of",
    "text_of",
]


class CorpusError(ValueError):
    """Raised for a corpus that cannot be read at all; the message names the file."""


def _existing_folder(path: Path, info: ValidationInfo) -> Path:
    """Return a path as it is written; the folder must exist, seen from the spec's own."""
    if info.context is not None:
        found: Path = info.context.base / path
        if not found.is_dir():
            raise ValueError(f"there is no folder {str(found)!r}")
    return path


CorpusFile = Annotated[Path, AfterValidator(existing_file)]
CorpusFolder = Annotated[Path, AfterValidator(_existing_folder)]


class Corpus(Model):
    """A corpus of recorded speech. A new kind is a class like this, and a line in ``CORPORA``."""

    own_licence: ClassVar[str | None] = None
    """The licence of all corpora of this kind."""
    own_language: ClassVar[str | None] = None
    """The language of all corpora of this kind."""

    splits: OneOrMany[Text] = None
    """The parts of the corpus that are taken; all where absent."""
    split: Text | None = None
    """What its utterances' part is called in the index, in place of the corpus's own name."""
    language: Text | None = None
    """The language (BCP 47) of utterances of which the corpus says none."""
    licence: Text | None = None
    """The licence of utterances of which the corpus says none; it stands in the index."""
    prefix: Text | None = None
    """What is put before the names of speakers, where two corpora have the same names."""

    def sources(self, base: Path) -> Iterator[Source | LeftOut]:
        """Yield the utterances in the corpus's order, and what cannot be one.

        ``base`` is the folder that paths are relative to. Raises CorpusError.
        """
        for found in self.utterances(base):
            if isinstance(found, LeftOut):
                yield found
            elif not self.splits or found.split in self.splits:
                yield self._settled(found)

    def utterances(self, base: Path) -> Iterator[Source | LeftOut]:
        """Yield the utterances as the corpus has them."""
        raise NotImplementedError

    def _settled(self, found: Source) -> Source | LeftOut:
        if not found.text.strip():
            return LeftOut(found.name, "has no text")
        if not found.speaker:
            return LeftOut(found.name, "has no speaker")
        return replace(
            found,
            text=" ".join(found.text.split()),
            name=f"{self.keyword}:{found.name}",
            speaker=f"{self.prefix or ''}{found.speaker}",
            split=self.split or found.split,
            language=found.language or self.language or self.own_language,
            licence=found.licence or self.licence or self.own_licence,
        )


CORPORA: Final[dict[str, type[Corpus]]] = {}
"""The class of each kind of corpus by its keyword."""
AnyCorpus = Annotated[Corpus, Keyed("corpus", CORPORA)]
"""A corpus, written as a mapping of its kind: ``librispeech: FOLDER``."""


# -- rows of manifests ----------------------------------------------------------------------

Row = Mapping[str, Any]


def json_rows(path: Path) -> Iterator[tuple[str, Row | LeftOut]]:
    """Yield (``file:line``, row) of a file of JSON objects, a line each, plain or gzipped.

    A line that is none is yielded as left out. Raises CorpusError if the file cannot be read.
    """
    number = 0
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, 1):
                where = f"{path.name}:{number}"
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if isinstance(row, dict):
                    yield where, row
                else:
                    yield where, LeftOut(where, "is no JSON object")
    except UnicodeDecodeError:
        raise CorpusError(f"{path} is not UTF-8 text after line {number}") from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is cut short, or no gzip file"
        raise CorpusError(f"{path} cannot be read after line {number}: {reason}") from None


def _opened(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8-sig")


def text_of(row: Row, *names: str) -> str | None:
    """Return the first of some fields that is a text or a number, as text; None without any."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return None


def seconds_of(row: Row, name: str) -> float | None:
    """Return a field of seconds; None where it is absent. Raises ValueError for anything else."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise ValueError(f"has {str(value)[:40]!r} as its {name}: expected seconds from 0 on")
    return float(value)


def gender_of(written: str | None) -> str | None:
    """Return female, male or other, from what corpora write."""
    first = (written or "").strip().lower()[:1]
    return {"f": "female", "m": "male", "w": "female", "o": "other"}.get(first)
