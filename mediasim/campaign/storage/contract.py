"""What a storage is: names with bytes, each there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

__all__ = ["Storage", "StoredFile"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a storage."""

    name: str
    size: int
    """Bytes."""
    modified: float
    """When it was written, in seconds since 1970 by the storage's clock."""


class Storage(Protocol):
    """A flat store of files by name, such as ``shards/calls-000000.tar``.

    All methods raise OSError if the storage cannot be used.
    """

    @property
    def where(self) -> str:
        """The folder or URL, with which :func:`open_storage` opens it again."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError."""

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        """Yield the files whose names begin with a prefix, sorted by name."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the names that begin with a prefix, sorted."""

    def writing(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Return a context that yields a new file, which has its name, in place of any other, once
        the context ends without an error."""

    def put(self, name: str, content: bytes | Path) -> None:
        """Write or replace a file, from bytes or from a local file, atomically."""

    def put_new(self, name: str, content: bytes) -> bool:
        """Write a file atomically unless there is one of that name; return whether it did."""

    def delete(self, name: str) -> None:
        """Delete a file, if there is one of that name."""

    def clean(self) -> int:
        """Delete what killed processes have left half written; return how many files."""
