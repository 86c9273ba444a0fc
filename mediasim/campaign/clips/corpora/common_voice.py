"""Common Voice: a TSV a split, ``client_id path sentence … gender … locale``, and ``clips/``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field

from mediasim.campaign.clips.corpora.corpus import (
    CORPORA,
    Corpus,
    CorpusError,
    CorpusFile,
    CorpusFolder,
    gender_of,
)
from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.documents.model import OneOrMany

__all__ = ["CommonVoice"]

_NEEDED: Final = ("client_id", "path", "sentence")


class CommonVoice(Corpus):
    """TSV files of Mozilla Common Voice."""

    keyword: ClassVar[str] = "common_voice"
    stands_for: ClassVar[str] = "tsv"
    own_licence: ClassVar[str | None] = "CC0-1.0"

    tsv: OneOrMany[CorpusFile] = Field(default=...)
    """One file, such as ``en/validated.tsv``, or several; its name is that of the split."""
    clips: CorpusFolder | None = None
    """The folder of the recordings; ``clips`` beside the file where absent."""

    def utterances(self, base: Path) -> Iterator[Source | LeftOut]:
        for tsv in self.tsv if isinstance(self.tsv, tuple) else ():
            file = base / tsv
            clips = file.parent / "clips" if self.clips is None else base / self.clips
            yield from _rows(file, clips)


def _rows(file: Path, clips: Path) -> Iterator[Source | LeftOut]:
    number = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            # Sentences hold quotation marks that quote nothing.
            rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
            if missing:
                raise CorpusError(
                    f"{file} is no TSV of Common Voice: it has no {missing[0]} column"
                )
            for number, row in enumerate(rows, 2):
                yield _source(row, f"{file.name}:{number}", file, clips)
    except UnicodeDecodeError:
        raise CorpusError(f"{file} is not UTF-8 text after line {number}") from None
    except csv.Error as error:
        raise CorpusError(f"{file} cannot be read after line {number}: {error}") from None
    except OSError as error:
        raise CorpusError(f"{file} cannot be read: {error.strerror}") from None


def _source(row: dict[str, str | None], where: str, file: Path, clips: Path) -> Source | LeftOut:
    name = (row["path"] or "").strip()
    if not name:
        return LeftOut(where, "names no recording")
    if not Path(name).suffix:
        name += ".mp3"  # early editions leave it out
    audio = clips / name
    if not audio.is_file():
        return LeftOut(where, f"its audio is missing: {audio}")
    return Source(
        name=f"{file.stem}/{Path(name).stem}",
        text=row["sentence"] or "",
        speaker=row["client_id"] or "",
        audio=audio,
        language=row.get("locale") or None,
        gender=gender_of(row.get("gender")),
        split=file.stem,
    )


CORPORA[CommonVoice.keyword] = CommonVoice
