"""A campaign in a folder.

A file is written under a hidden name, forced to the disk and renamed; what a killed process left
under such a name is removed by :meth:`FolderStorage.clean`. A file that is being written is locked,
so that runs which share a folder remove nothing of each other's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO, Final

from mediasim.campaign.storage.contract import StoredFile

__all__ = ["FolderStorage"]

_PART: Final = ".part"
_CHUNK: Final = 1 << 20
_ABANDONED: Final = 24 * 3600.0
"""Seconds after which a hidden file is left over, on file systems that have no locks."""


class FolderStorage:
    """A storage that is a folder of the local file system."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._numbers = count()

    @property
    def where(self) -> str:
        return str(self.folder)

    def exists(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        found = []
        for folder, _, names in os.walk(self.folder / prefix.rpartition("/")[0]):
            for each in names:
                path = Path(folder, each)
                name = path.relative_to(self.folder).as_posix()
                if not each.startswith(".") and name.startswith(prefix):
                    with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                        stat = path.stat()
                        found.append(StoredFile(name, stat.st_size, stat.st_mtime))
        yield from sorted(found, key=lambda file: file.name)

    def names(self, prefix: str = "") -> Iterator[str]:
        return (file.name for file in self.files(prefix))

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        path = self.folder / name
        with self._part(path) as (file, part):
            yield file
            _force(file)
            os.replace(part, path)
        _force_names(path.parent)

    def put(self, name: str, content: bytes | Path) -> None:
        with self.writing(name) as file:
            _copy(content, file)

    def put_new(self, name: str, content: bytes) -> bool:
        path = self.folder / name
        try:
            with self._part(path) as (file, part):
                file.write(content)
                _force(file)
                os.link(part, path)
                part.unlink()
        except FileExistsError:
            return False
        _force_names(path.parent)
        return True

    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def clean(self) -> int:
        parts = (
            Path(folder, name)
            for folder, _, names in os.walk(self.folder)
            for name in names
            if name.startswith(".") and name.endswith(_PART)
        )
        return sum(_remove_if_abandoned(part) for part in parts)

    @contextlib.contextmanager
    def _part(self, path: Path) -> Iterator[tuple[IO[bytes], Path]]:
        """Yield a hidden file beside a path, and its own path; it is gone after an error."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file, part = self._create_part(path)
        try:
            yield file, part
            file.close()
        except BaseException:
            part.unlink(missing_ok=True)
            # Closing writes what is left in the buffer, which may fail a second time.
            with contextlib.suppress(OSError):
                file.close()
            raise

    def _create_part(self, path: Path) -> tuple[IO[bytes], Path]:
        """Create and lock a hidden file beside a path."""
        while True:
            unique = f"{socket.gethostname()}-{os.getpid()}-{next(self._numbers)}"
            part = path.with_name(f".{path.name}.{unique}{_PART}")
            try:
                file = part.open("xb")
            except FileExistsError:  # of a process with the same number, in another container
                continue
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return file, part
            file.close()  # cleaned away by another run before it was locked


def _copy(content: bytes | Path, file: IO[bytes]) -> None:
    """Write bytes, or those of a local file, to a file."""
    if isinstance(content, Path):
        with content.open("rb") as source:
            shutil.copyfileobj(source, file, _CHUNK)
    else:
        file.write(content)


def _force(file: IO[bytes]) -> None:
    """Force a file's bytes to the disk, or a power cut could leave the name without them."""
    file.flush()
    os.fsync(file.fileno())


def _force_names(folder: Path) -> None:
    """Force a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system on which folders have no such call
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_if_abandoned(part: Path) -> bool:
    """Remove a hidden file that no process is writing any more; return whether it was removed."""
    try:
        with part.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:
                if time.time() - os.fstat(file.fileno()).st_mtime < _ABANDONED:
                    return False
            part.unlink()
    except FileNotFoundError:
        return False
    return True
