"""Where a sandbox keeps its state: a folder, a database, perhaps an object store.

An in-memory sandbox has no database, and its folder is a temporary one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
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

__all__ = ["Storage", "StorageError", "running_at"]

_DATABASE: Final = "sandbox.sqlite"
_LOCK: Final = "sandbox.lock"
_URL: Final = "sandbox.url"
_WORKERS: Final = "workers"
_LEAST_FREE: Final = 1 << 20
"""Free bytes of the disk below which no new call is taken, so that active recordings can end."""


class StorageError(Exception):
    """The storage cannot be used; the message says why."""


class Storage:
    """The folder, database and media store of one run."""

    def __init__(self, settings: Settings, records: ReportedRecords | None = None) -> None:
        """Open the storage. ``records`` takes a worker's records instead of a database.

        Raises StorageError.
        """
        self._closing = contextlib.ExitStack()
        self.database: Database | ReportedRecords | None = None
        """Takes the records that change; None where nothing outlives the process."""
        self.documents: Documents = {}
        """Documents of the records found at the start, by kind."""
        self.boot = 1
        """Number of this start, from 1."""
        self.last_epoch: datetime | None = None
        """The date of the previous start's loop time zero; None at the first start."""
        with contextlib.ExitStack() as opened:
            self.folder, self._lock = opened.enter_context(_folder(settings.data))
            recordings = settings.recordings or self.folder
            kept = settings.data is not None or settings.database is not None
            durable = kept or records is not None
            self.media = opened.enter_context(_media_store(recordings, settings.media, durable))
            if records is not None:
                self.database = records
                self.boot = int(records.setting("boot") or 0) + 1
                self.last_epoch = _moment(records.setting("epoch"))
            elif kept:
                self._open_database(settings)
            self._closing = opened.pop_all()

    def _open_database(self, settings: Settings) -> None:
        """Open the database and load its documents. Raises StorageError."""
        from mediasim.sandbox.database import Database, DatabaseError, sqlite_url

        file = self.folder / _DATABASE
        url = settings.database or sqlite_url(file)
        try:
            if settings.database is None:
                file.touch(0o600)  # SQLite would create a file that all users may read
            self.database = database = Database(url)
            self.documents = database.load()
            self.boot = int(database.setting("boot") or 0) + 1
            self.last_epoch = _moment(database.setting("epoch"))
        except (DatabaseError, ValueError) as error:
            raise StorageError(str(error)) from None
        except OSError as error:
            raise StorageError(f"cannot use {file}: {error.strerror}") from None

    def problem(self) -> str | None:
        """Return why nothing more can be stored; None while it can."""
        if self._lock is not None and not _is_still_at(self._lock, self.folder / _LOCK):
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

    def record_start(self, epoch: datetime) -> None:
        """Record a start with the date of its loop time zero. Raises StorageError."""
        if self.database is not None:
            self._set("boot", str(self.boot))
            self._set("epoch", epoch.astimezone(UTC).isoformat())

    def _set(self, name: str, value: str) -> None:
        """Set a setting of the database. Raises StorageError."""
        from mediasim.sandbox.database import DatabaseError

        assert self.database is not None
        try:
            self.database.set(name, value)
        except DatabaseError as error:
            raise StorageError(str(error)) from None

    def worker_folder(self, number: int) -> Path:
        """Return the folder in which a worker has its spool."""
        return self.folder / _WORKERS / str(number)

    def spools(self) -> list[Path]:
        """Return the folders of active recordings: this process's, and those of former workers."""
        return [self.folder / SPOOL, *sorted((self.folder / _WORKERS).glob(f"*/{SPOOL}"))]

    def stored_setting(self, name: str, value: str | None, default: str) -> str:
        """Return a setting: the value given, else the stored one, else the default.

        The result is stored. Raises StorageError.
        """
        found = None if self.database is None else self.database.setting(name)
        chosen = value or found or default
        if self.database is not None and chosen != found:
            self._set(name, chosen)
        return chosen

    def announce(self, url: str) -> None:
        """Write the sandbox's URL where :func:`running_at` finds it, until the storage is closed.

        Only the data folder is found by other processes: a temporary one is not.
        """
        if self._lock is not None:
            file = self.folder / _URL
            self._closing.callback(file.unlink, missing_ok=True)
            with contextlib.suppress(OSError):  # it then has to be joined by its URL
                file.touch(0o600)
                file.write_text(url, "ascii")

    def closes(self, work: Callable[[], object]) -> None:
        """Call ``work`` when the storage is closed."""
        self._closing.callback(work)

    def close(self) -> None:
        """Write what has not been written yet, and close everything."""
        if self.database is not None:
            self.database.close()
        self._closing.close()


def _moment(stored: str | None) -> datetime | None:
    """Return a stored date. Raises ValueError."""
    return None if stored is None else datetime.fromisoformat(stored)


def running_at(data: Path) -> str | None:
    """Return the URL of the sandbox that uses a data folder; None where none does."""
    try:
        with (data / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    except OSError:
        return None
    else:
        return None
    try:
        return (data / _URL).read_text("ascii").strip() or None
    except (OSError, UnicodeError):
        return None


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[tuple[Path, IO[bytes] | None]]:
    """Open the data folder and lock it for this sandbox.

    Yields the folder and its lock file, None for a temporary folder. Raises StorageError.
    """
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
            # The system drops this lock however the process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StorageError(f"{data} is in use by another sandbox") from None
        yield data, lock


def _make_private(data: Path, *, new: bool) -> None:
    """Keep other users of the machine from reading the folder, where the folder is this user's."""
    files = [path for path in (data / _LOCK, data / _DATABASE) if path.is_file()]
    with contextlib.suppress(PermissionError):  # another user's folder, shared on purpose
        if new or data / _DATABASE in files:
            data.chmod(0o700)
        for path in files:
            path.chmod(0o600)


def _is_still_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


@contextlib.contextmanager
def _media_store(folder: Path, url: str | None, durable: bool) -> Iterator[MediaStore]:
    """Open the store of the recordings' files. Raises StorageError."""
    if url is None:
        yield MediaStore(folder, durable=durable)
        return
    from mediasim.sandbox.object_store import ObjectStoreError, RemoteMediaStore

    try:
        store = RemoteMediaStore(folder, url)
    except ObjectStoreError as error:
        raise StorageError(str(error)) from None
    with contextlib.closing(store):
        yield store
