"""Lhotse's manifests: recordings with supervisions, or cuts, as JSON lines, plain or gzipped.

A supervision's ``alignment: {word: [[symbol, start, duration, score], …]}`` has the times of its
words, counted from the start of the recording, in cuts too, where its own start is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

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
from mediasim.documents.model import Misfit

__all__ = ["Lhotse"]


class Lhotse(Corpus):
    """Manifests of Lhotse: ``recordings`` and ``supervisions``, or ``cuts``."""

    keyword: ClassVar[str] = "lhotse"

    recordings: CorpusFile | None = None
    """The manifest of the recordings (.jsonl or .jsonl.gz)."""
    supervisions: CorpusFile | None = None
    """The manifest of what is said in them."""
    cuts: CorpusFile | None = None
    """A manifest of cuts (MonoCut), which have both."""

    def troubles(self) -> Iterator[Misfit]:
        both = self.recordings is not None and self.supervisions is not None
        one = self.recordings is not None or self.supervisions is not None
        if both == (self.cuts is not None) or (one and not both):
            yield (), "expected recordings and supervisions, or cuts"

    def utterances(self, base: Path) -> Iterator[Source | LeftOut]:
        if self.cuts is not None:
            yield from _of_cuts(base / self.cuts)
            return
        assert self.recordings is not None
        assert self.supervisions is not None
        recordings: dict[str, Row] = {}
        manifest, said = base / self.recordings, base / self.supervisions
        for _, row in json_rows(manifest):
            if isinstance(row, LeftOut):
                yield row
            else:
                recordings[str(row.get("id"))] = row
        for where, row in json_rows(said):
            if isinstance(row, LeftOut):
                yield row
                continue
            recording = recordings.get(str(row.get("recording_id")))
            if recording is None:
                name = str(row.get("recording_id"))[:60]
                yield LeftOut(where, f"its recording {name!r} is not in {manifest.name}")
                continue
            try:
                yield _source(row, recording, where, manifest, 0.0, _split(said))
            except ValueError as error:
                yield LeftOut(where, str(error))


def _split(manifest: Path) -> str:
    """Return the split of ``librispeech_supervisions_dev-clean.jsonl.gz``: what is after the
    kind."""
    stem = manifest.name.partition(".")[0]
    for kind in ("supervisions", "cuts"):
        before, found, after = stem.partition(kind)
        if found:
            return after.strip("_-") or before.strip("_-") or stem
    return stem


def _of_cuts(manifest: Path) -> Iterator[Source | LeftOut]:
    for where, cut in json_rows(manifest):
        if isinstance(cut, LeftOut):
            yield cut
            continue
        recording, supervisions = cut.get("recording"), cut.get("supervisions")
        if not isinstance(recording, Mapping) or not isinstance(supervisions, list):
            kind = str(cut.get("type", "row"))[:40]
            yield LeftOut(where, f"is a {kind} without recording and supervisions: expected a cut")
            continue
        for row in supervisions:
            try:
                start = seconds_of(cut, "start") or 0.0
                if not isinstance(row, Mapping):
                    raise ValueError("has a supervision that is no JSON object")
                yield _source(row, recording, where, manifest, start, _split(manifest))
            except ValueError as error:
                yield LeftOut(where, str(error))


def _source(
    row: Row, recording: Row, where: str, manifest: Path, cut_start: float, split: str
) -> Source:
    """Return the utterance of a supervision, whose clock begins at ``cut_start`` of the recording.

    Raises ValueError, saying why it is none.
    """
    start = _time(row.get("start", 0.0), "start")
    offset = cut_start + start
    channel = row.get("channel", 0)
    channels = channel if isinstance(channel, list) else [channel]
    audio, place = _audio(recording, channels, manifest.parent)
    custom = row.get("custom")
    custom = custom if isinstance(custom, Mapping) else {}
    if offset < 0:
        raise ValueError(f"begins {-offset:g} s before its recording")
    speaker = text_of(row, "speaker")
    if speaker is None:
        raise ValueError("names no speaker")
    return Source(
        name=f"{split}/{text_of(row, 'id') or where}",
        text=text_of(row, "text") or "",
        speaker=speaker,
        audio=audio,
        language=text_of(row, "language"),
        gender=gender_of(text_of(row, "gender")),
        split=text_of(custom, "split") or split,
        licence=text_of(custom, "licence", "license"),
        offset=offset,
        duration=seconds_of(row, "duration"),
        channel=place,
        words=tuple(_words(row.get("alignment"), offset)),
    )


def _audio(recording: Row, channels: list[Any], folder: Path) -> tuple[Path, int | None]:
    """Return the file of a recording that has some channels, and the channel's place in it."""
    sources = recording.get("sources")
    for source in sources if isinstance(sources, list) else ():
        inside = source.get("channels") if isinstance(source, Mapping) else None
        if not isinstance(inside, list) or not set(channels) <= set(inside):
            continue
        if source.get("type") != "file":
            kind = str(source.get("type"))[:40]
            raise ValueError(f"its recording is of type {kind!r}: only files are read")
        written = str(source.get("source"))
        for path in (folder / written, Path(written)):
            if path.is_file():
                whole = len(channels) != 1 or len(inside) == 1
                return path, None if whole else inside.index(channels[0])
        raise ValueError(f"its file is missing: {written}")
    some = ", ".join(map(str, channels))
    raise ValueError(f"its recording has no channel {some}")


def _words(alignment: Any, offset: float) -> Iterator[SpokenWord]:
    """Yield the words of an utterance that begins at ``offset`` of its recording."""
    items = alignment.get("word") if isinstance(alignment, Mapping) else None
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, list) or len(item) < 3:
            raise ValueError("has an alignment that is no [symbol, start, duration]")
        at = _time(item[1], "alignment") - offset
        length = _time(item[2], "alignment")
        text = str(item[0]).strip()
        if text and text != "<eps>":
            yield SpokenWord(text, max(0.0, at), max(0.0, at + length))


def _time(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e6:
        raise ValueError(f"has {str(value)[:40]!r} as its {what}: expected seconds")
    return float(value)


CORPORA[Lhotse.keyword] = Lhotse
