"""The database: documents of records by kind and key, in the order the records were made.

SQLAlchemy Core over any database it supports; SQLite in a file by default. All reading is done at
the start; afterwards only one thread writes, a batch in each transaction.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

__all__ = ["Changes", "Database", "DatabaseError", "sqlite_url"]

Changes = dict[tuple[str, str], dict[str, Any] | None]
"""Documents by kind and key; None for a record that was removed."""

_VERSION: Final = "1"
_META: Final = sa.MetaData()
_RECORDS: Final = sa.Table(
    "mediasim_records",
    _META,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(160), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False, index=True),
    sa.Column("status", sa.String(32), index=True),
    sa.Column("call_sid", sa.String(34), index=True),
    sa.Column("created_ns", sa.BigInteger, index=True),
    sa.Column("document", sa.JSON, nullable=False),
)
_SETTINGS: Final = sa.Table(
    "mediasim_settings",
    _META,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_INDEXED: Final = ("status", "call_sid", "created_ns")


class DatabaseError(Exception):
    """The database cannot be used; the message says why."""


def sqlite_url(file: Path) -> str:
    """Return the URL of an SQLite database in a file."""
    return str(sa.URL.create("sqlite", database=str(file)))


class Database:
    """One open database."""

    def __init__(self, url: str) -> None:
        """Open the database, and create its tables where they are missing.

        Raises DatabaseError.
        """
        try:
            self._engine = sa.create_engine(url, **_options(url))
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _tune)
                self._refuse_other_programs()
            _META.create_all(self._engine)
        except (ArgumentError, NoSuchModuleError) as error:
            raise DatabaseError(f"{url!r} is no database URL: {error}") from None
        except ImportError as error:
            raise DatabaseError(
                f"the driver of the database is not installed ({error}); for PostgreSQL:"
                " pip install 'mediasim[postgres]'"
            ) from None
        except SQLAlchemyError as error:
            raise DatabaseError(f"the database cannot be opened: {_first_line(error)}") from None
        self._positions: dict[tuple[str, str], int] = {}
        self._last = 0
        self._pending: Changes = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "mediasim-database")
        self.error: str | None = None
        """Why the last write failed; its changes are written with the next. None while writes
        succeed."""
        found = self.setting("version")
        if found not in (None, _VERSION):
            raise DatabaseError(f"the database is of version {found}, this program of {_VERSION}")
        self.set("version", _VERSION)

    def _refuse_other_programs(self) -> None:
        """Refuse a file that holds another program's tables. Raises DatabaseError."""
        tables = set(sa.inspect(self._engine).get_table_names())
        if tables and not tables & _META.tables.keys():
            raise DatabaseError(
                f"{self._engine.url.database} is a database of another program, with the"
                f" {_table_names(tables)}: give another folder or database"
            )

    # -- reading ----------------------------------------------------------------------------

    def load(self) -> dict[str, list[dict[str, Any]]]:
        """Return all documents by kind, each kind in the order its records were made.

        Raises DatabaseError.
        """
        columns = _RECORDS.c
        query = sa.select(columns.kind, columns.key, columns.position, columns.document)
        found: dict[str, list[dict[str, Any]]] = {}
        with _as_database_error("read"), self._engine.connect() as connection:
            for kind, key, position, document in connection.execute(
                query.order_by(columns.position)
            ):
                found.setdefault(kind, []).append(document)
                self._positions[kind, key] = self._last = position
        return found

    def setting(self, name: str) -> str | None:
        """Return a setting's value; None where it was never set. Raises DatabaseError."""
        query = sa.select(_SETTINGS.c.value).where(_SETTINGS.c.name == name)
        with _as_database_error("read"), self._engine.connect() as connection:
            value: str | None = connection.execute(query).scalar()
        return value

    def set(self, name: str, value: str) -> None:
        """Set a setting. Raises DatabaseError."""
        with _as_database_error("written"), self._engine.begin() as connection:
            connection.execute(sa.delete(_SETTINGS).where(_SETTINGS.c.name == name))
            connection.execute(sa.insert(_SETTINGS).values(name=name, value=value))

    # -- writing ----------------------------------------------------------------------------

    def put(self, changes: Mapping[tuple[str, str], dict[str, Any] | None]) -> Future[None]:
        """Write changes soon, in one transaction; the future ends when they have been written.

        The future's error is a DatabaseError.
        """
        with self._lock:
            self._pending.update(changes)
        return self._thread.submit(self._write)

    def _write(self) -> None:
        """Write all pending changes, on the database's thread. Raises DatabaseError."""
        with self._lock:
            changes, self._pending = self._pending, {}
        if not changes:
            return
        try:
            with self._engine.begin() as connection:
                positions = self._execute(connection, changes)
        except SQLAlchemyError as error:
            with self._lock:
                self._pending = {**changes, **self._pending}  # newer changes have priority
            self.error = f"the database cannot be written: {_first_line(error)}"
            raise DatabaseError(self.error) from None
        self.error = None
        # Only now: a transaction that failed is executed again with the same new records.
        for place, position in positions.items():
            self._last = max(self._last, position)
            self._positions[place] = position
        for place in (place for place, document in changes.items() if document is None):
            self._positions.pop(place, None)

    def _execute(self, connection: sa.Connection, changes: Changes) -> dict[tuple[str, str], int]:
        """Execute the statements for some changes; return the positions of new records."""
        new: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        removed: list[dict[str, Any]] = []
        positions: dict[tuple[str, str], int] = {}
        for (kind, key), document in changes.items():
            known = (kind, key) in self._positions
            if document is not None:
                row = {name: document.get(name) for name in _INDEXED} | {"document": document}
                if known:
                    changed.append({"its_kind": kind, "its_key": key, **row})
                else:
                    position = self._last + len(new) + 1
                    positions[kind, key] = position
                    new.append({"kind": kind, "key": key, "position": position, **row})
            elif known:
                removed.append({"its_kind": kind, "its_key": key})
        # SQLAlchemy reserves the columns' own names as parameters of an update.
        this = (_RECORDS.c.kind == sa.bindparam("its_kind")) & (
            _RECORDS.c.key == sa.bindparam("its_key")
        )
        if new:
            connection.execute(sa.insert(_RECORDS), new)
        if changed:
            values: dict[str, Any] = {name: sa.bindparam(name) for name in (*_INDEXED, "document")}
            connection.execute(sa.update(_RECORDS).where(this).values(values), changed)
        if removed:
            connection.execute(sa.delete(_RECORDS).where(this), removed)
        return positions

    def clear(self) -> Future[None]:
        """Delete all records; settings stay."""
        return self._thread.submit(self._clear)

    def _clear(self) -> None:
        with self._lock:
            self._pending = {}
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_RECORDS))
        self._positions.clear()

    def close(self) -> None:
        """Write the pending changes and close the database."""
        self._thread.submit(self._write)
        self._thread.shutdown()
        self._engine.dispose()


@contextlib.contextmanager
def _as_database_error(what: str) -> Iterator[None]:
    """Raise errors of the database as a DatabaseError of one sentence."""
    try:
        yield
    except (SQLAlchemyError, ValueError) as error:  # a ValueError: what should be JSON is not
        raise DatabaseError(f"the database cannot be {what}: {_first_line(error)}") from None


def _table_names(tables: Collection[str]) -> str:
    """Return the names of at most three tables as words."""
    first = sorted(tables)[:3]
    more = len(tables) - len(first)
    names = ", ".join(first) + (f" and {more} more" if more else "")
    return f"table{'s' * (len(tables) > 1)} {names}"


def _options(url: str) -> dict[str, Any]:
    # The thread that opens it is not the one that writes.
    """Return the options with which an engine is created for a URL."""
    return {"connect_args": {"check_same_thread": False}} if url.startswith("sqlite") else {}


def _tune(connection: Any, _: Any) -> None:
    """Set SQLite to allow readers beside the writer, and not to sync at each commit."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _first_line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
