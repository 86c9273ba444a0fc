"""A campaign in an object store: S3, or what speaks its protocol.

A file is put by one request where it is not very large, so that a killed process leaves nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from mediasim.campaign.storage.contract import StoredFile
from mediasim.net.object_store import ObjectStoreError, first_line, open_store

__all__ = ["BucketStorage"]

_SECONDS: Final = timedelta(minutes=10)
"""Time limit of a request, its retries included: a shard is tens of megabytes."""
_RETRIES: Final = 10
_ONE_REQUEST: Final = 1 << 30
"""Bytes up to which a file is put by one request; S3 itself takes 5 GB."""


class BucketStorage:
    """A storage that is a prefix of a bucket. Raises OSError where the bucket cannot be used."""

    def __init__(self, url: str) -> None:
        self.where = url.rstrip("/")
        try:
            probe = open_store(self.where, {})
            self._store = open_store(self.where, {}, most=_SECONDS, retries=_RETRIES)
        except ObjectStoreError as error:
            raise OSError(errno.EINVAL, str(error), self.where) from None
        try:
            next(iter(probe.list(chunk_size=1)), None)
        except Exception as error:
            words = f"it cannot be used: {first_line(error)}"
            raise OSError(errno.EIO, words, self.where) from None

    def __reduce__(self) -> tuple[type[BucketStorage], tuple[str]]:
        # A process that is given it opens the bucket anew.
        return BucketStorage, (self.where,)

    def exists(self, name: str) -> bool:
        try:
            with self._errors():
                self._store.head(name)
        except FileNotFoundError:
            return False
        return True

    def read(self, name: str) -> bytes:
        with self._errors():
            return bytes(self._store.get(name).bytes())

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        folder = prefix.rpartition("/")[0] or None
        with self._errors():
            listed: list[Any] = [each for page in self._store.list(folder) for each in page]
        found = [
            StoredFile(each["path"], each["size"], each["last_modified"].timestamp())
            for each in listed
            if each["path"].startswith(prefix)
        ]
        yield from sorted(found, key=lambda file: file.name)

    def names(self, prefix: str = "") -> Iterator[str]:
        return (file.name for file in self.files(prefix))

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        # Without a name of its own: a killed process leaves nothing.
        with TemporaryFile() as file:
            yield file
            self._put(name, file, file.seek(0, os.SEEK_END))

    def put(self, name: str, content: bytes | Path) -> None:
        if isinstance(content, Path):
            with content.open("rb") as file:
                self._put(name, file, content.stat().st_size)
        else:
            self._put(name, content, len(content))

    def _put(self, name: str, content: bytes | IO[bytes], size: int) -> None:
        if not isinstance(content, bytes):
            content.seek(0)
        with self._errors():
            self._store.put(name, content, use_multipart=size > _ONE_REQUEST)

    def put_new(self, name: str, content: bytes) -> bool:
        try:
            with self._errors():
                self._store.put(name, content, mode="create")
        except FileExistsError:
            return False
        return True

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._errors():
            self._store.delete(name)

    def clean(self) -> int:
        return 0

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the store raises into OSError, with the bucket's name."""
        from obstore.exceptions import AlreadyExistsError

        try:
            yield
        except FileNotFoundError:
            raise
        except AlreadyExistsError as error:
            raise FileExistsError(str(error)) from None
        except Exception as error:
            raise OSError(errno.EIO, first_line(error), self.where) from None
