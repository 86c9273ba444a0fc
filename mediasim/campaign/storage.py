"""Where a campaign is written: names with bytes, each there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

__all__ = ["FolderStorage", "Storage"]


class Storage(Protocol):
    """A flat store of files by name, such as ``shards/calls-000000.tar``."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the names that begin with a prefix, sorted."""

    def put(self, name: str, content: bytes | Path) -> None:
        """Write or replace a file, from bytes or from a local file, atomically. Raises OSError."""


class FolderStorage:
    """A storage that is a folder of the local file system."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def exists(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def names(self, prefix: str = "") -> Iterator[str]:
        head, _, _ = prefix.rpartition("/")
        paths = (self.folder / head).rglob("*") if head else self.folder.rglob("*")
        found = (
            path.relative_to(self.folder).as_posix()
            for path in paths
            if path.is_file() and not path.name.startswith(".")
        )
        yield from sorted(name for name in found if name.startswith(prefix))

    def put(self, name: str, content: bytes | Path) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.read_bytes() if isinstance(content, Path) else content
        with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
            try:
                part.write(data)
                part.flush()
                os.fsync(part.fileno())  # or a power cut could leave the name without the bytes
                os.chmod(part.name, 0o644)
                os.replace(part.name, path)
            except BaseException:
                os.unlink(part.name)
                raise
