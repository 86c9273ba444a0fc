"""Exports a campaign in a format: shard by shard, resumable, and there whole or not at all.

An export is made in ``OUT.partial`` and renamed when it is whole. In it ``.export/`` has what each
shard adds to the text files, and a mark for each shard that is done; after a kill the next export
goes on behind the last mark. Memory holds one shard, whatever the campaign's size.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from mediasim.campaign.formats.data import CampaignData
from mediasim.campaign.formats.format import Call, Format, Places, TextFile
from mediasim.campaign.formats.packing import gzipped
from mediasim.campaign.formats.rows import CallRow

__all__ = ["CARD", "EXPORT", "ExportError", "Exported", "export"]

EXPORT: Final = "export.json"
"""The file that says what an export is of, with the format's prefix; only a whole one has it."""
CARD: Final = "README.md"
"""The data card of an export, with the format's prefix."""
_WORK: Final = ".export"
_OPEN_AT_ONCE: Final = 64
"""Files merged in one pass; more take more passes."""


class ExportError(ValueError):
    """An export that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An export that is whole."""

    folder: Path
    calls: int
    left_out: int
    """Utterances that are not in it, because their text is unknown and the format needs one."""
    made: bool
    """Whether it was made now; False if it was there already."""


def export(
    data: CampaignData,
    format: Format,
    out: Path,
    *,
    root: str | None = None,
    card: Callable[[Path], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write a campaign's whole shards to a folder in a format.

    ``root`` is what paths of audio begin with, in manifests that need it; by default the
    absolute path of ``out``.
    ``card`` writes the data card to a path; ``progress`` is told shards done and shards in all.
    Raises ExportError, CampaignDataError, and OSError if nothing can be written.
    """
    identity = _identity(data, format, str(out.absolute()) if root is None else root)
    if (found := _found(out)) is not None:
        if found.get("identity") == identity:
            return Exported(out, int(found["calls"]), int(found["left_out"]), made=False)
        raise ExportError(
            f"{out} holds an export of another campaign, seed or format, or of other shards: "
            "remove it, or name another folder with --out"
        )
    stage = out.with_name(f"{out.name}.partial")
    with _owned(stage, identity) as work:
        calls = left_out = 0
        for number, shard in enumerate(data.shards):
            done = work / f"{shard:06d}.done"
            if not done.exists():
                added = _write_shard(data, format, shard, stage, work, identity["root"])
                _write_whole(done, json.dumps(added).encode())
            counts = json.loads(done.read_bytes())
            calls, left_out = calls + counts["calls"], left_out + counts["left_out"]
            if progress is not None:
                progress(number + 1, len(data.shards))
        for text in format.texts:
            _join(text, [_part(work, shard, text) for shard in data.shards], stage / text.name)
        if format.finish is not None:
            format.finish(stage)
        if card is not None:
            card(stage / f"{format.prefix}{CARD}")
        document = {
            "format": format.name,
            "calls": calls,
            "left_out": left_out,
            "identity": identity,
        }
        _write_whole(
            stage / f"{format.prefix}{EXPORT}", (json.dumps(document, indent=1) + "\n").encode()
        )
        shutil.rmtree(work)
        if out.exists():
            out.rmdir()  # it was empty
        stage.replace(out)
    return Exported(out, calls, left_out, made=True)


def _identity(data: CampaignData, format: Format, root: str) -> dict[str, Any]:
    """Return everything that decides the bytes of an export."""
    from mediasim import __version__

    document = data.document
    return {
        "format": format.name,
        "layout": format.what,
        "mediasim": __version__,
        "spec_digest": document.get("spec_digest"),
        "seed": document.get("seed"),
        "first_call": document.get("first_call"),
        "shards": list(data.shards),
        "root": root if format.rooted else "",
    }


def _found(out: Path) -> dict[str, Any] | None:
    """Return what a folder is an export of; None if there is nothing. Raises ExportError."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    found = None
    if out.is_dir():
        for mark in out.glob(f"*{EXPORT}"):
            try:
                found = json.loads(mark.read_bytes())
            except (OSError, ValueError):
                continue
    if not isinstance(found, dict) or "identity" not in found:
        raise ExportError(f"{out} is not empty and no export: name a folder that is not there yet")
    return found


@contextmanager
def _owned(stage: Path, identity: dict[str, Any]) -> Iterator[Path]:
    """Give the work folder of an export, emptied unless it is of the same export.

    Raises ExportError if another process is at it.
    """
    work = stage / _WORK
    if stage.exists() and not work.is_dir() and any(stage.iterdir()):
        raise ExportError(f"{stage}, where the export would be made, holds other files")
    work.mkdir(parents=True, exist_ok=True)
    # A lock of the open folder: the kernel drops it even when the process is killed.
    descriptor = os.open(stage, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportError(f"another export is writing to {stage}") from None
        mark = work / "identity.json"
        wanted = json.dumps(identity, sort_keys=True).encode()
        if not mark.exists() or mark.read_bytes() != wanted:
            for path in stage.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            work.mkdir()
            _write_whole(mark, wanted)
        yield work
    finally:
        os.close(descriptor)


def _write_shard(
    data: CampaignData, format: Format, shard: int, stage: Path, work: Path, root: str
) -> dict[str, int]:
    """Write what a shard adds, and return how many calls it has and utterances it leaves out."""
    places = Places(shard, root)
    added: dict[str, list[str]] = {text.name: [] for text in format.texts}
    counts = {"calls": 0, "left_out": 0}

    def add(row: CallRow) -> None:
        counts["calls"] += 1
        if format.needs_text:
            counts["left_out"] += sum(not it.said for it in row.spoken)
        if format.lines is not None:
            for name, line in format.lines(row, places):
                added[name].append(line)

    def counted(calls: Iterable[Call]) -> Iterator[Call]:
        for call in calls:
            add(call.row)
            yield call

    if format.shard is not None:
        format.shard(counted(data.audio(shard)), places, stage)
    elif format.files is not None:
        for call in counted(data.audio(shard)):
            for name, content in format.files(call, places):
                path = stage / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    else:
        for row in data.rows(shard):
            add(row)
    for text in format.texts:
        lines = [f"{line}\n".encode("utf-8", "replace") for line in added[text.name]]
        _write_whole(_part(work, shard, text), b"".join(sorted(lines) if text.sorted else lines))
    return counts


def _part(work: Path, shard: int, text: TextFile) -> Path:
    return work / f"{shard:06d}-{text.name}"


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


# -- the text files -------------------------------------------------------------------------


def _join(text: TextFile, parts: Sequence[Path], to: Path) -> None:
    """Make a text file of the parts that the shards added."""
    with to.open("wb") as out:
        if text.name.endswith(".gz"):
            for part in parts:
                if content := part.read_bytes():
                    out.write(gzipped(content))
            if not out.tell():
                out.write(gzipped(b""))
        elif text.sorted:
            _merge(parts, out)
        else:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)


def _merge(parts: Sequence[Path], out: BinaryIO) -> None:
    """Merge files of sorted lines, a limited number at a time."""
    level = 0
    while len(parts) > _OPEN_AT_ONCE:
        merged = []
        for first in range(0, len(parts), _OPEN_AT_ONCE):
            group = parts[first : first + _OPEN_AT_ONCE]
            path = group[0].with_name(f"{group[0].name}.merged-{level}")
            with path.open("wb") as file:
                _merge(group, file)
            merged.append(path)
        parts, level = merged, level + 1
    with ExitStack() as opened:
        out.writelines(heapq.merge(*(opened.enter_context(part.open("rb")) for part in parts)))
