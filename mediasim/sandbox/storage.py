"""Where a sandbox keeps things: a folder, a database, perhaps an object store.

In memory there is no database, and the folder is a temporary one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.recovery import SPOOL
from mediasim.sandbox.settings import Settings

if TYPE_CHECKING:
    from mediasim.sandbox.database import Database
    from mediasim.sandbox.fleet.ipc import ReportedRecords
    from mediasim.sandbox.persistence import Documents

__all__ = ["Storage", "StorageError"]

_DATABASE: Final = "sandbox.sqlite"
_LOCK: Final = "sandbox.lock"
_WORKERS: Final = "workers"
_LEAST_FREE: Final = 1 << 20
"""Bytes of the disk that new calls leave to those under way, for the ends of their recordings."""


class StorageError(Exception):
    """Nothing can be kept there; says why."""


class Storage:
    """Opened for one run. Raises StorageError."""

    def __init__(self, settings: Settings, records: ReportedRecords | None = None) -> None:
        """``records``: where a worker's go, instead of into a database."""
        self._closing = contextlib.ExitStack()
        self.database: Database | ReportedRecords | None = None
        self.documents: Documents = {}
        """What was found, of all kinds."""
        self.boot = 1
        """The how-manieth start this is."""
        self.last_epoch: datetime | None = None
        """The date of the last start's loop time zero."""
        with contextlib.ExitStack() as opened:
            self.folder, self._lock = opened.enter_context(_folder(settings.data))
            recordings = settings.recordings or self.folder
            self.media = opened.enter_context(_media_store(recordings, settings.media))
            if records is not None:
                self.database = records
                self.boot = int(records.setting("boot") or 0) + 1
            elif settings.data is not None or settings.database is not None:
                self._open_database(settings)
            self._closing = opened.pop_all()

    def _open_database(self, settings: Settings) -> None:
        from mediasim.sandbox.database import Database, DatabaseError, sqlite_url

        file = self.folder / _DATABASE
        url = settings.database or sqlite_url(file)
        try:
            if settings.database is None:
                file.touch(0o600)  # SQLite itself would have everybody read it
            self.database = database = Database(url)
            self.documents = database.load()
            self.boot = int(database.setting("boot") or 0) + 1
            epoch = database.setting("epoch")
            self.last_epoch = None if epoch is None else datetime.fromisoformat(epoch)
        except (DatabaseError, ValueError) as error:
            raise StorageError(str(error)) from None
        except OSError as error:
            raise StorageError(f"cannot use {file}: {error.strerror}") from None

    def trouble(self) -> str | None:
        """Why nothing more can be kept here; None: it can."""
        if self._lock is not None and not _is_at(self._lock, self.folder / _LOCK):
            return (
                f"the folder {self.folder} was removed or replaced: what is recorded is still"
                " written there, and a restart is needed"
            )
        try:
            found = os.statvfs(self.media.directory)
        except OSError as error:
            return f"the folder {self.media.directory} cannot be used: {error.strerror}"
        if found.f_bavail * found.f_frsize < _LEAST_FREE:
            return f"the disk of {self.media.directory} is full"
        return None

    def begin(self, epoch: datetime) -> None:
        """Note a start, with this date of its loop time zero. Raises StorageError."""
        if self.database is not None:
            self._set("boot", str(self.boot))
            self._set("epoch", epoch.astimezone(UTC).isoformat())

    def _set(self, name: str, value: str) -> None:
        from mediasim.sandbox.database import DatabaseError

        assert self.database is not None
        try:
            self.database.set(name, value)
        except DatabaseError as error:
            raise StorageError(str(error)) from None

    def worker_folder(self, number: int) -> Path:
        """Where a worker of this sandbox has its spool."""
        return self.folder / _WORKERS / str(number)

    def spools(self) -> list[Path]:
        """Where recordings under way are, this process's own and those of workers there were."""
        return [self.folder / SPOOL, *sorted((self.folder / _WORKERS).glob(f"*/{SPOOL}"))]

    def kept(self, name: str, value: str | None, default: str) -> str:
        """A setting: the value given, else what was kept, else the default; kept from now on."""
        found = None if self.database is None else self.database.setting(name)
        chosen = value or found or default
        if self.database is not None and chosen != found:
            self._set(name, chosen)
        return chosen

    def close(self) -> None:
        """Write what is to be written, and let go of everything."""
        if self.database is not None:
            self.database.close()
        self._closing.close()


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[tuple[Path, IO[bytes] | None]]:
    """The folder, locked for this sandbox; and the lock, None for a temporary one."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix="mediasim-") as name:
            yield Path(name), None
        return
    try:
        new = not data.exists()
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / _LOCK).open("wb")
        _make_private(data, new=new)
    except OSError as error:
        raise StorageError(f"cannot use {data}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageError(f"{data} is in use by another sandbox") from None
        yield data, lock


def _make_private(data: Path, *, new: bool) -> None:
    """Keep what is in the folder from other users of the machine, where the folder is ours."""
    files = [path for path in (data / _LOCK, data / _DATABASE) if path.is_file()]
    with contextlib.suppress(PermissionError):  # another user's, who has given it to us
        if new or data / _DATABASE in files:
            data.chmod(0o700)
        for path in files:
            path.chmod(0o600)


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


@contextlib.contextmanager
def _media_store(folder: Path, url: str | None) -> Iterator[MediaStore]:
    """The recordings' files."""
    if url is None:
        yield MediaStore(folder)
        return
    from mediasim.sandbox.object_store import ObjectStoreError, RemoteMediaStore

    try:
        store = RemoteMediaStore(folder, url)
    except ObjectStoreError as error:
        raise StorageError(str(error)) from None
    with contextlib.closing(store):
        yield store
