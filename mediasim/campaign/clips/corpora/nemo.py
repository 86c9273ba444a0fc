"""NeMo's manifests: a JSON object a line, ``{"audio_filepath", "duration", "text", …}``.

Times of words are those of the multi-speaker simulator (``words`` with ``alignments``, their ends),
or of the CTM that NeMo's forced aligner names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from mediasim.audio.word_files import SpokenWord
from mediasim.campaign.clips.corpora.corpus import (
    CORPORA,
    Corpus,
    CorpusFile,
    Row,
    gender_of,
    json_rows,
    seconds_of,
    text_of,
)
from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.documents.model import OneOrMany
from mediasim.documents.values import Text

__all__ = ["Nemo"]

_CTM: Final = ("words_level_ctm_filepath", "word_level_ctm_filepath", "ctm_filepath")


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"expected a regular expression, which {text!r} is not: {error}") from None
    if not groups:
        raise ValueError(f"expected a group in parentheses that is the speaker, found {text!r}")
    return text


class Nemo(Corpus):
    """Manifests of NeMo."""

    keyword: ClassVar[str] = "nemo"
    stands_for: ClassVar[str] = "manifest"

    manifest: OneOrMany[CorpusFile] = Field(default=...)
    """One manifest or several; a manifest's name is that of the split."""
    speaker: Text | None = None
    """Who speaks in rows that name no speaker."""
    speaker_in: Annotated[Text, AfterValidator(_pattern)] | None = None
    """A regular expression whose first group finds the speaker in the path of the audio."""

    def utterances(self, base: Path) -> Iterator[Source | LeftOut]:
        for manifest in self.manifest if isinstance(self.manifest, tuple) else ():
            file = base / manifest
            for where, row in json_rows(file):
                if isinstance(row, LeftOut):
                    yield row
                    continue
                try:
                    yield self._source(row, where, file)
                except ValueError as error:
                    yield LeftOut(where, str(error))

    def _source(self, row: Row, where: str, file: Path) -> Source:
        """Return a row's utterance. Raises ValueError, saying why it is none."""
        written = text_of(row, "audio_filepath", "audio_file")
        if written is None:
            raise ValueError("has no audio_filepath")
        audio = _found(file.parent, written)
        found = self.speaker_in and re.search(self.speaker_in, written)
        speaker = (found[1] if found else None) or text_of(row, "speaker", "speaker_id", "spk_id")
        if not speaker and self.speaker is None:
            raise ValueError("names no speaker; write speaker: or speaker_in: for the corpus")
        offset = seconds_of(row, "offset") or 0.0
        ctm = text_of(row, *_CTM)
        split = file.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")
        return Source(
            name=f"{split}/{Path(written).stem}" + (f"@{offset:g}" if offset else ""),
            text=text_of(row, "text") or "",
            speaker=speaker or self.speaker or "",
            audio=audio,
            language=text_of(row, "lang", "language", "target_lang", "source_lang"),
            gender=gender_of(text_of(row, "gender")),
            split=text_of(row, "split") or split,
            licence=text_of(row, "licence", "license"),
            offset=offset,
            duration=seconds_of(row, "duration"),
            words=_words(row),
            word_file=None if ctm is None else _found(file.parent, ctm),
        )


def _found(folder: Path, written: str) -> Path:
    """Return the file that a manifest means: relative to itself, else to the current folder."""
    for path in (folder / written, Path(written)):
        if path.is_file():
            return path
    raise ValueError(f"its file is missing: {written}")


def _words(row: Row) -> tuple[SpokenWord, ...]:
    """Return the words of a row that has ``words`` and the ends of each in ``alignments``."""
    texts, ends = row.get("words"), row.get("alignments")
    if not isinstance(texts, list) or not isinstance(ends, list):
        return ()
    if len(texts) != len(ends):
        raise ValueError(f"has {len(texts)} words and {len(ends)} alignments: expected as many")
    words, before = list[SpokenWord](), 0.0
    for text, end in zip(texts, ends, strict=True):
        if isinstance(end, bool) or not isinstance(end, int | float) or end < before:
            raise ValueError(f"has alignments that are no ascending seconds, at {str(end)[:20]!r}")
        if str(text).strip():
            words.append(SpokenWord(str(text).strip(), before, float(end)))
        before = float(end)
    return tuple(words)


CORPORA[Nemo.keyword] = Nemo
