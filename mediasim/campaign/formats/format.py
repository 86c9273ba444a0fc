"""What a format is: which files it has, and what a call puts into them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from mediasim.campaign.formats.rows import CallRow

__all__ = ["Call", "Format", "Lines", "Places", "ShardWriter", "TextFile"]

Lines = Iterator[tuple[str, str]]
"""Lines of text files: (name of the file, line without its end)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its audio."""

    row: CallRow
    json: str
    """The row as it is stored, on one line."""
    flac: bytes


@dataclass(frozen=True, slots=True)
class Places:
    """Where the audio of an export lies."""

    shard: int
    """Number of the shard at hand."""
    root: str = ""
    """What paths begin with, in manifests whose reader does not look beside the manifest."""

    def audio(self, name: str) -> str:
        """Return the path of an audio file inside the export; a shard's are in one folder."""
        return f"audio/{self.shard:06d}/{name}"

    def rooted(self, path: str) -> str:
        """Return a path inside the export as other programs are told it."""
        return str(PurePosixPath(self.root) / path)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file to which each call adds lines; one that ends in ``.gz`` is compressed."""

    name: str
    sorted: bool = False
    """Whether its lines are sorted by their bytes, as ``LC_ALL=C sort`` does."""


class ShardWriter(Protocol):
    """Writes the files that a format has for each shard."""

    def __call__(self, calls: Iterable[Call], places: Places, folder: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the table of formats."""

    name: str
    what: str
    """What it is, in a few words."""
    loads: str
    """How it is loaded, as lines of Python or of a shell; ``DIR`` stands for its folder."""
    texts: tuple[TextFile, ...] = ()
    lines: Callable[[CallRow, Places], Lines] | None = None
    """What a call adds to the text files."""
    files: Callable[[Call, Places], Iterator[tuple[str, bytes]]] | None = None
    """The files that a call has of its own: (path in the export, content)."""
    shard: ShardWriter | None = None
    """Writes whole files for a shard."""
    needs_text: bool = False
    """Whether utterances whose text is unknown are left out of it."""
    rooted: bool = False
    """Whether its manifests say where the export lies, for readers that do not look beside them."""
    finish: Callable[[Path], None] | None = None
    """Adds what can only be made of the whole, when all else stands in the folder."""
    prefix: str = ""
    """What the names of export.json and README.md begin with."""
    configs: str = ""
    """What the data card's head says of its files, as YAML of the Hugging Face hub."""

    @property
    def wants_audio(self) -> bool:
        """Whether it is made of more than the rows."""
        return self.files is not None or self.shard is not None
