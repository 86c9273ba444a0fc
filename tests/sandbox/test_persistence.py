"""Records written through as they change, and brought back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mediasim.sandbox.database import Changes, Database, sqlite_url
from mediasim.sandbox.persistence import Repository, WriteBehindStore

EPOCH = 1_000_000


@dataclass(slots=True)
class Life:
    """Has a status, and says when it changed."""

    sid: str
    status: str = "queued"
    updated_ns: int = 0


@dataclass(slots=True)
class Setting:
    """Says nothing of its changes."""

    sid: str
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Note:
    """Never changes."""

    id: str


class Shelves:
    def __init__(self) -> None:
        self.lives: list[Life] = []
        self.settings: list[Setting] = []
        self.notes: list[Note] = []

    def all(self) -> list[Repository]:
        return [
            Repository("life", Life, lambda: self.lives, self.lives.append),
            Repository("setting", Setting, lambda: self.settings, self.settings.append),
            Repository("note", Note, lambda: self.notes, self.notes.append, key="id", most=2),
        ]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path / "kept.sqlite"))
    yield database
    database.close()


async def written(write_behind: WriteBehindStore) -> None:
    await asyncio.wrap_future(write_behind.write())


async def test_what_changes_in_one_turn_is_one_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts = list[list[str]]()
    put = database.put

    def noted(changes: Changes) -> Future[None]:
        puts.append([key for _, key in changes])
        return put(changes)

    monkeypatch.setattr(database, "put", noted)
    write_behind = WriteBehindStore(database, EPOCH, Shelves().all())
    life = Life("L1")
    write_behind.changed("life", life)
    write_behind.changed("life", Life("L2"))
    life.status = "completed"
    write_behind.changed("life", life)
    assert puts == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert puts == [["L1", "L2"]]
    await written(write_behind)
    assert [each["status"] for each in database.load()["life"]] == ["completed", "queued"]


async def test_all_of_it_comes_back_at_another_epoch(database: Database) -> None:
    repositories = Shelves()
    write_behind = WriteBehindStore(database, EPOCH, repositories.all())
    repositories.lives.append(Life("L1", "busy", 5))
    repositories.settings.append(Setting("S1", ["a"]))
    write_behind.compare("life", "setting")
    await written(write_behind)
    again = Shelves()
    WriteBehindStore(database, EPOCH + 5, again.all()).restore(database.load())
    assert again.lives == [Life("L1", "busy", 0)]
    assert again.settings == repositories.settings


async def test_comparing_finds_what_has_changed_come_and_gone(database: Database) -> None:
    repositories = Shelves()
    repositories.lives += [Life("L1"), Life("L2")]
    repositories.settings += [Setting("S1"), Setting("S2")]
    write_behind = WriteBehindStore(database, EPOCH, repositories.all())
    write_behind.compare("life", "setting")
    await written(write_behind)
    repositories.lives[0].status, repositories.lives[0].updated_ns = "deleted", 9
    del repositories.lives[1]
    repositories.settings[1].words.append("new")
    repositories.settings.pop(0)
    write_behind.compare("life", "setting")
    await written(write_behind)
    found = database.load()
    assert [(each["sid"], each["status"]) for each in found["life"]] == [("L1", "deleted")]
    assert [(each["sid"], each["words"]) for each in found["setting"]] == [("S2", ["new"])]


async def test_only_the_newest_of_a_log_come_back(database: Database) -> None:
    repositories = Shelves()
    write_behind = WriteBehindStore(database, EPOCH, repositories.all())
    repositories.notes += [Note(str(number)) for number in range(5)]
    write_behind.compare_grown("note")
    await written(write_behind)
    again = Shelves()
    write_behind = WriteBehindStore(database, EPOCH, again.all())
    write_behind.restore(database.load())
    assert again.notes == [Note("3"), Note("4")]
    await written(write_behind)
    assert len(database.load()["note"]) == 2


async def test_what_cannot_be_written_is_told(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    write_behind = WriteBehindStore(database, EPOCH, Shelves().all())
    life = Life("L1")
    life.status = object()  # type: ignore[assignment]
    write_behind.changed("life", life)
    with caplog.at_level(logging.ERROR, "mediasim"), pytest.raises(Exception, match="JSON"):
        await written(write_behind)
    assert "JSON" in caplog.text
