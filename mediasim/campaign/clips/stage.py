"""Stage one of a campaign: every clip is made once, before any call, and stored by its digest.

    clips/DD/DIGEST.flac        the samples
    clips/parts/KEY.jsonl       what became of 50 sources, written when all their clips are stored
    clips/index.jsonl           the row of each clip, in the order of the sources
    clips/left-out.jsonl        the sources of which there is none, each with its reason

A part's name says everything that decides what is in it, files by their size and date. So a run
that was killed, or a corpus that has grown, makes only the parts that are not there; the index is
the same however often it was interrupted, in however many processes it was made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from mediasim.campaign.clips.making import ClipMaker, MadeClip
from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.campaign.flac import encode_flac
from mediasim.campaign.storage import Storage
from mediasim.parties.voices.speech import PROCESSING
from mediasim.scenario.running.processes import WorkerDied, in_lanes

__all__ = ["INDEX", "LEFT_OUT", "ClipSettings", "StageOne", "clip_name", "make_clips"]

INDEX: Final = "clips/index.jsonl"
LEFT_OUT: Final = "clips/left-out.jsonl"
_PART: Final = 50
"""Sources of a part: some seconds of work, so that a kill costs little and no process waits."""
_VERSION: Final = "1"
"""Version of the making, to be changed whenever its samples or rows would change."""


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """How clips are made."""

    level_dbfs: float | None = None
    """The active-speech level of all clips; None keeps recorded ones as they are."""
    trim: bool = True
    """Whether silence at both ends is cut off."""


@dataclass(frozen=True, slots=True)
class StageOne:
    """What stage one has made."""

    clips: int
    """Clips in the index."""
    seconds: float
    """Their length in all."""
    left_out: tuple[LeftOut, ...]
    """Sources of which there is no clip."""
    found: int
    """Parts that were there already."""
    made: int
    """Parts that were made now."""


def clip_name(digest: str) -> str:
    """Return the name of a clip's file: ``clips/3f/3f….flac``."""
    return f"clips/{digest[:2]}/{digest}.flac"


def make_clips(
    sources: Iterable[Source | LeftOut],
    out: Storage,
    settings: ClipSettings | None = None,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> StageOne:
    """Make the clips of all sources that are not there yet, and write the index.

    ``jobs`` is how many processes make them; 1 makes them in this one. ``progress`` is called with
    the sources that are done and all of them, first before any is made. Raises OSError if the
    storage refuses.
    """
    how = settings or ClipSettings()
    every = list(sources)
    parts = [every[start : start + _PART] for start in range(0, len(every), _PART)]
    names = [_part_name(part, how) for part in parts]
    missing = [
        (name, part)
        for name, part in dict(zip(names, parts, strict=True)).items()
        if not out.exists(name)
    ]
    done = len(every) - sum(len(part) for _, part in missing)
    if progress is not None and missing:
        progress(done, len(every))
    for size in _made(missing, out, how, jobs):
        done += size
        if progress is not None:
            progress(done, len(every))
    return _indexed(names, out, len(parts) - len(missing), len(missing))


def _part_name(part: Sequence[Source | LeftOut], settings: ClipSettings) -> str:
    """Return the name of a part, in which everything is that decides its content."""
    import os

    key = blake2b(repr((_VERSION, PROCESSING, settings)).encode(), digest_size=16)
    for each in part:
        key.update(repr(each).encode())
        if isinstance(each, LeftOut):
            continue
        if each.voice is not None:
            key.update(os.environ.get("MEDIASIM_SPEECH", "").encode())
        for file in (each.audio, each.word_file):
            if file is not None:
                try:
                    found = file.stat()
                    key.update(f"{found.st_size} {found.st_mtime_ns}".encode())
                except OSError:
                    key.update(b"missing")
    return f"clips/parts/{key.hexdigest()}.jsonl"


# -- making ---------------------------------------------------------------------------------

_Part = tuple[str, list[Source | LeftOut]]


def _made(parts: list[_Part], out: Storage, settings: ClipSettings, jobs: int) -> Iterator[int]:
    """Make parts, and yield the size of each that is done."""
    if jobs < 2 or not parts:
        for part in parts:
            yield _write_part(out, settings, part)
        return
    work = partial(_write_part, out, settings)
    for (name, sources), made in in_lanes(work, parts, min(jobs, len(parts))):
        if isinstance(made, WorkerDied):
            rows = list(_survived(sources, out, settings))
            out.put(name, _lines(rows))
            yield len(sources)
        else:
            yield made


def _survived(
    sources: list[Source | LeftOut], out: Storage, settings: ClipSettings
) -> Iterator[dict[str, Any]]:
    """Yield the rows of sources of which one killed its process: one after the other, each in a
    process of its own where need be."""
    halves = [sources[: len(sources) // 2], sources[len(sources) // 2 :]]
    for half in halves if len(sources) > 1 else [sources]:
        if not half:
            continue
        ((_, rows),) = in_lanes(partial(_rows, out, settings), [half], 1)
        if not isinstance(rows, WorkerDied):
            yield from rows
        elif len(half) > 1:
            yield from _survived(half, out, settings)
        else:
            name = half[0].name if isinstance(half[0], Source) else half[0].source
            yield {"left_out": name, "why": "the process that read it died"}


def _write_part(out: Storage, settings: ClipSettings, part: _Part) -> int:
    """Store the clips of a part, then the part; return how many sources it has."""
    name, sources = part
    if not out.exists(name):  # another job of an array may have made it meanwhile
        out.put(name, _lines(_rows(out, settings, sources)))
    return len(sources)


def _rows(
    out: Storage, settings: ClipSettings, sources: Sequence[Source | LeftOut]
) -> list[dict[str, Any]]:
    """Store the clips of sources, and return their rows."""
    maker = ClipMaker(settings.level_dbfs, trim=settings.trim)
    rows: list[dict[str, Any]] = []
    for source in sources:
        made = maker.clip(source) if isinstance(source, Source) else source
        if isinstance(made, MadeClip):
            name = clip_name(made.row["digest"])
            if not out.exists(name):
                out.put(name, encode_flac(made.pcm[None]))
            rows.append(made.row)
        else:
            rows.append({"left_out": made.source, "why": made.why})
    return rows


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    return "".join(lines).encode()


# -- the index ------------------------------------------------------------------------------


def _indexed(names: Sequence[str], out: Storage, found: int, made: int) -> StageOne:
    """Write the index of all parts, and what was left out."""
    index: list[bytes] = []
    left: list[LeftOut] = []
    known: dict[tuple[str, str, str], str] = {}
    samples = 0
    for name in names:
        for line in out.read(name).splitlines():
            row = json.loads(line)
            if "left_out" in row:
                left.append(LeftOut(row["left_out"], row["why"]))
                continue
            same = row["digest"], row["speaker"], row["text"]
            if same in known:
                left.append(LeftOut(row["source"], f"is the same as {known[same]}"))
                continue
            known[same] = row["source"]
            index.append(line + b"\n")
            samples += row["samples"]
    out.put(LEFT_OUT, _lines({"source": each.source, "why": each.why} for each in left))
    out.put(INDEX, b"".join(index))
    return StageOne(len(index), samples / 8000, tuple(left), found, made)
