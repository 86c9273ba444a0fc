"""Tar and gzip files whose bytes depend on what is in them alone: no times, no owners."""

from __future__ import annotations

import gzip
import tarfile
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["TarFile", "gzipped"]


class TarFile:
    """A tar file that is written member by member."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115

    def add(self, name: str, content: bytes) -> None:
        """Append a member."""
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self._tar.addfile(member, BytesIO(content))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tar.close()


def gzipped(content: bytes) -> bytes:
    """Compress bytes. Gzip files that are put after each other are one gzip file."""
    return gzip.compress(content, mtime=0)
