"""Documents kept in real databases, and records made of them again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from databases import postgresql

from mediasim.exchange.layout import recording_layout
from mediasim.exchange.lifecycle import move
from mediasim.exchange.records import CallRecord, ChannelMapEntry, RecordingRecord
from mediasim.sandbox.database import Database, DatabaseError, sqlite_url
from mediasim.sandbox.persistence import from_document, to_document

EPOCH = 1_767_603_600_000_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "a database.sqlite")
    found: str = request.getfixturevalue("server")
    cleaned = Database(found)
    cleaned.clear().result()
    cleaned.close()
    return found


# -- databases ------------------------------------------------------------------------------------


def test_documents_come_back_in_the_order_they_were_made(url: str) -> None:
    first = Database(url)
    assert first.load() == {}
    first.put({("call", "CA2"): {"sid": "CA2"}, ("call", "CA1"): {"sid": "CA1"}})
    first.put({("recording", "RE1"): {"sid": "RE1", "text": "häßlich ☎", "list": [1, None]}})
    first.put({("call", "CA2"): {"sid": "CA2", "status": "completed"}})
    first.close()
    second = Database(url)
    assert second.load() == {
        "call": [{"sid": "CA2", "status": "completed"}, {"sid": "CA1"}],
        "recording": [{"sid": "RE1", "text": "häßlich ☎", "list": [1, None]}],
    }
    second.put({("call", "CA0"): {"sid": "CA0"}})
    second.close()
    third = Database(url)
    assert [each["sid"] for each in third.load()["call"]] == ["CA2", "CA1", "CA0"]
    third.close()


def test_what_is_gone_is_gone(url: str) -> None:
    database = Database(url)
    database.put({("call", "CA1"): {}, ("call", "CA2"): {}}).result()
    database.put({("call", "CA1"): None, ("call", "never"): None}).result()
    database.close()
    again = Database(url)
    assert again.load() == {"call": [{}]}
    again.clear().result()
    again.put({("call", "CA2"): {"sid": "CA2"}})
    again.close()
    last = Database(url)
    assert last.load() == {"call": [{"sid": "CA2"}]}
    last.close()


def test_settings(url: str) -> None:
    database = Database(url)
    assert database.setting("boot") is None
    database.set("boot", "1")
    database.set("boot", "2")
    assert database.setting("boot") == "2"
    database.close()


def test_indexed_columns_can_be_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    database = Database(sqlite_url(file))
    database.put({("call", "CA1"): {"status": "busy", "created_ns": EPOCH}}).result()
    database.close()
    rows = sqlite3.connect(file).execute(
        "select status, created_ns, json_extract(document, '$.status') from mediasim_records"
    )
    assert rows.fetchall() == [("busy", EPOCH, "busy")]


def test_what_could_not_be_written_is_written_with_the_next(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    database = Database(sqlite_url(file))
    other = sqlite3.connect(file)
    other.execute("alter table mediasim_records rename to elsewhere")
    other.commit()
    with pytest.raises(DatabaseError, match="cannot be written: no such table"):
        database.put({("call", "CA1"): {}}).result()
    assert "no such table" in str(database.error)
    other.execute("alter table elsewhere rename to mediasim_records")
    other.commit()
    database.put({("call", "CA2"): {}}).result()
    assert database.error is None
    assert len(database.load()["call"]) == 2
    database.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("no url", "is no database URL"),
        ("nosuch://somewhere", "is no database URL"),
        ("sqlite:////nowhere/at/all", "cannot be opened: unable to open"),
        ("postgresql+psycopg://me@127.0.0.1:1/x", r"cannot be opened: .*refused"),
    ],
)
def test_a_database_that_cannot_be_used_is_told(url: str, told: str) -> None:
    with pytest.raises(DatabaseError, match=told):
        Database(url)


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "later.sqlite")
    database = Database(url)
    database.set("version", "99")
    database.close()
    with pytest.raises(DatabaseError, match="of version 99"):
        Database(url)


# -- documents ------------------------------------------------------------------------------------


def test_a_call_comes_back_with_its_times_at_another_epoch() -> None:
    call = CallRecord(
        sid="CA1",
        account_sid="AC1",
        to="+14155550100",
        from_="+14155550101",
        direction="inbound",
        status="ringing",
        created_ns=5,
    )
    move(call, "in-progress", 7)
    document = to_document(call, EPOCH)
    assert document["answered_ns"] == EPOCH + 7
    assert document["ended_ns"] is None
    again = from_document(CallRecord, document, EPOCH + 10)
    assert (again.created_ns, again.answered_ns, again.ended_ns) == (-5, -3, None)
    assert from_document(CallRecord, document, EPOCH) == call


def test_a_recording_comes_back_with_its_layout_and_channel_map() -> None:
    recording = RecordingRecord(
        sid="RE1",
        account_sid="AC1",
        call_sid="CA1",
        source="DialVerb",
        layout=recording_layout("dial", "dual"),
        created_ns=0,
        start_ns=20,
        channel_map=[ChannelMapEntry(1, "main/a", "a", "CA1", "inbound", "parent", "what a says")],
    )
    document = to_document(recording, EPOCH)
    assert document["layout"]["channels"] == "dual"
    assert from_document(RecordingRecord, document, EPOCH) == recording


@dataclass(frozen=True)
class Inner:
    at_ns: int | None
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass
class Outer:
    name: str
    inner: Inner | None = None
    many: list[Inner] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)


def test_whatever_is_nested_comes_back() -> None:
    outer = Outer("x", Inner(3, (("a", "b"),)), [Inner(None), Inner(9)], {"k_ns": "v"})
    document = to_document(outer, 100)
    assert document["many"][1]["at_ns"] == 109
    assert from_document(Outer, document, 100) == outer


def test_fields_that_are_new_take_their_defaults_and_lost_ones_are_left_out() -> None:
    assert from_document(Outer, {"name": "x", "was": 1}, 0) == Outer("x")
    with pytest.raises(KeyError, match="needs name"):
        from_document(Outer, {}, 0)
