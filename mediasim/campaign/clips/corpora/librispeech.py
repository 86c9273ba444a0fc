"""LibriSpeech: ``SPLIT/SPEAKER/CHAPTER/*.flac`` with a ``*.trans.txt``, and ``SPEAKERS.TXT``.

Times of words are read where there are some, beside the audio or in the same tree below
``alignments``: a TextGrid an utterance, or ``*.alignment.txt`` a chapter.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

from mediasim.audio.word_files import SpokenWord
from mediasim.campaign.clips.corpora.corpus import (
    CORPORA,
    Corpus,
    CorpusError,
    CorpusFolder,
    gender_of,
)
from mediasim.campaign.clips.source import LeftOut, Source

__all__ = ["LibriSpeech"]

_SUFFIXES: Final = (".flac", ".wav", ".mp3", ".ogg", ".opus")
_TRANSCRIPT: Final = ".trans.txt"


class LibriSpeech(Corpus):
    """A folder of LibriSpeech, or of a corpus that is laid out like it."""

    keyword: ClassVar[str] = "librispeech"
    stands_for: ClassVar[str] = "folder"
    own_licence: ClassVar[str | None] = "CC-BY-4.0"
    own_language: ClassVar[str | None] = "en"

    folder: CorpusFolder
    """The folder that has the splits, or one of them."""
    alignments: CorpusFolder | None = None
    """A folder of the same tree with the times of words."""

    def utterances(self, base: Path) -> Iterator[Source | LeftOut]:
        root = base / self.folder
        transcripts = sorted(root.rglob(f"*{_TRANSCRIPT}"))
        if not transcripts:
            raise CorpusError(
                f"{root} is no folder of LibriSpeech: there is no *{_TRANSCRIPT} in it"
            )
        genders = _genders(root)
        aligned = None if self.alignments is None else base / self.alignments
        for transcript in transcripts:
            chapter = transcript.parent
            folders = [chapter]
            inside = chapter.relative_to(root)
            if aligned is not None:
                folders += [aligned / inside, aligned / root.name / inside]
            # SPLIT/SPEAKER/CHAPTER: the split is above, or is the folder itself.
            split = inside.parts[-3] if len(inside.parts) >= 3 else root.name
            yield from _chapter(transcript, split, genders, folders)


def _chapter(
    transcript: Path, split: str, genders: dict[str, str | None], folders: list[Path]
) -> Iterator[Source | LeftOut]:
    try:
        lines = transcript.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        yield LeftOut(str(transcript), "cannot be read as UTF-8 text")
        return
    stem = transcript.name.removesuffix(_TRANSCRIPT)
    times = _alignments([folder / f"{stem}.alignment.txt" for folder in folders])
    for number, line in enumerate(lines, 1):
        name, _, text = line.strip().partition(" ")
        if not name:
            continue
        where = f"{split}/{name}"
        audio = next(
            (path for end in _SUFFIXES if (path := transcript.with_name(name + end)).is_file()),
            None,
        )
        if audio is None:
            reason = f"its audio is missing ({transcript.name}, line {number})"
            yield LeftOut(where, reason)
            continue
        speaker = name.partition("-")[0]
        grids = (folder / f"{name}.TextGrid" for folder in folders)
        yield Source(
            name=where,
            text=text,
            speaker=speaker,
            audio=audio,
            gender=genders.get(speaker),
            split=split,
            words=times.get(name, ()),
            word_file=next((grid for grid in grids if grid.is_file()), None),
        )


def _speakers_file(root: Path) -> Path | None:
    above = (root, *root.resolve().parents[:2])
    return next((path for each in above if (path := each / "SPEAKERS.TXT").is_file()), None)


def _genders(root: Path) -> dict[str, str | None]:
    """Return who of the speakers is a woman or a man, from ``14 | F | train-clean-360 | …``."""
    file = _speakers_file(root)
    if file is None:
        return {}
    rows = (line.split("|") for line in file.read_text("utf-8", "replace").splitlines())
    return {
        row[0].strip(): gender_of(row[1])
        for row in rows
        if len(row) > 2 and not row[0].startswith(";")
    }


def _alignments(files: list[Path]) -> dict[str, tuple[SpokenWord, ...]]:
    """Return the words of each utterance of a chapter: ``ID ",GO,,DO" "0.49,0.89,1.27,1.38"``.

    The times are the ends; a text that is empty is a pause.
    """
    found: dict[str, tuple[SpokenWord, ...]] = {}
    for file in files:
        if not file.is_file():
            continue
        for line in file.read_text("utf-8", "replace").splitlines():
            fields = line.split('"')
            if len(fields) < 4:
                continue
            texts, ends = fields[1].split(","), fields[3].split(",")
            try:
                at = [0.0, *map(float, ends)]
            except ValueError:
                continue
            if len(texts) == len(ends):
                found[fields[0].strip()] = tuple(
                    SpokenWord(text, at[number], at[number + 1])
                    for number, text in enumerate(texts)
                    if text
                )
    return found


CORPORA[LibriSpeech.keyword] = LibriSpeech
