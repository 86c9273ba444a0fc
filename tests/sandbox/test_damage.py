"""Files of a sandbox that are damaged, or of something else: one sentence, and nothing stranded."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from serving import app, serving

from mediasim.audio.wav import read_wav
from mediasim.media.spool import SpoolFile
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings


def foreign(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE cities (name TEXT)")
        database.execute("CREATE TABLE rivers (name TEXT)")


def with_our_names(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE mediasim_records (name TEXT)")
        database.execute("CREATE TABLE mediasim_settings (name TEXT, value TEXT)")


def other_settings(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE mediasim_settings (words TEXT)")


def garbage(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def cut_short(file: Path) -> None:
    with EmbeddedSandbox(Settings(data=file.parent)):
        pass
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def overwritten(file: Path) -> None:
    with EmbeddedSandbox(Settings(data=file.parent)):
        pass
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)


def a_folder(file: Path) -> None:
    file.mkdir()


def no_epoch(file: Path) -> None:
    with EmbeddedSandbox(Settings(data=file.parent)):
        pass
    with sqlite3.connect(file) as database:
        database.execute("UPDATE mediasim_settings SET value = 'yesterday' WHERE name = 'epoch'")


def broken_json(file: Path) -> None:
    with EmbeddedSandbox(Settings(data=file.parent)):
        pass
    with sqlite3.connect(file) as database:
        database.execute(
            "INSERT INTO mediasim_records (kind, key, position, document)"
            " VALUES ('call', 'CA1', 1, '{')"
        )


@pytest.mark.parametrize(
    "damage",
    [
        foreign,
        with_our_names,
        other_settings,
        garbage,
        cut_short,
        overwritten,
        a_folder,
        no_epoch,
        broken_json,
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    file = tmp_path / "data" / "sandbox.sqlite"
    file.parent.mkdir()
    damage(file)
    spool = SpoolFile(file.parent / "spool", f"RE{1:032x}", 1, {})
    spool.write(np.ones((800, 1), np.int16))
    before = spool.path.read_bytes()
    command = [sys.executable, "-m", "mediasim", "serve", "--port", "0", "--data", str(file.parent)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "database" in ended.stderr or "isoformat" in ended.stderr
    assert spool.path.read_bytes() == before


@pytest.mark.parametrize(
    "document", ["{}", "[]", "7", '"words"', '{"sid": "CA1"}', '{"sid": "CA1", "created_ns": "x"}']
)
@pytest.mark.parametrize("kind", ["call", "recording", "delivery", "queue", "weather-of-old"])
def test_a_row_that_is_no_record_is_left_out_and_the_rest_is_there(
    tmp_path: Path, kind: str, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedSandbox(Settings(data=tmp_path, clock="virtual")):
        pass
    with sqlite3.connect(tmp_path / "sandbox.sqlite") as database:
        database.execute(
            "INSERT INTO mediasim_records (kind, key, position, document) VALUES (?, 'X', 9, ?)",
            (kind, document),
        )
    with (
        caplog.at_level(logging.ERROR, "mediasim"),
        EmbeddedSandbox(Settings(data=tmp_path, clock="virtual")) as embedded,
    ):
        catalogue = embedded.sandbox.service.catalogue
        assert embedded.submit(catalogue.calls).result(10) == []
    named = [record.message for record in caplog.records if "left out" in record.message]
    assert len(named) == (kind != "weather-of-old")
    with sqlite3.connect(tmp_path / "sandbox.sqlite") as database:
        assert database.execute(
            "SELECT count(*) FROM mediasim_records WHERE key = 'X'"
        ).fetchone() == (1,)


JOURNALS = ["", "{", "[]", "null", "{}", '{"channels": "many"}', "\0" * 99]


@pytest.mark.parametrize("row", [True, False])
def test_a_damaged_journal_strands_no_audio(tmp_path: Path, row: bool) -> None:
    """Of as many calls, each with a journal that is damaged in another way."""
    data = tmp_path / "data"
    with app() as user:
        with serving("--data", str(data)) as sandbox:
            form = {"Twiml": "<Response><Pause length='60'/></Response>", "Record": "true"}
            placed = [
                sandbox.rest(
                    "POST",
                    "/Calls.json",
                    To="+14155550101",
                    From="+14155550123",
                    **form,
                    RecordingChannels="dual",
                    RecordingStatusCallback=f"{user.url}/done",
                )["sid"]
                for _ in JOURNALS
            ]

            def grown() -> bool:
                parts = list(data.glob("spool/*.part"))
                sizes = [part.stat().st_size for part in parts]
                return len(parts) == len(JOURNALS) and min(sizes) > 30_000

            while not grown():
                assert sandbox.process.poll() is None
            sandbox.process.kill()
            sandbox.process.wait()
        damaged = sorted(data.glob("spool/*.journal"))
        assert len(damaged) == len(JOURNALS)
        for path, journal in zip(damaged, JOURNALS, strict=True):
            path.write_text(journal, "utf-8")
        if not row:
            with sqlite3.connect(data / "sandbox.sqlite") as database:
                database.execute("DELETE FROM mediasim_records WHERE kind = 'recording'")
        with serving("--data", str(data)) as sandbox:
            found = {
                each["sid"]: each for each in sandbox.rest("GET", "/Recordings.json")["recordings"]
            }
            assert sorted(found) == [path.stem for path in damaged]
            for sid, recording in found.items():
                assert (recording["status"], recording["channels"]) == ("completed", 2)
                assert read_wav(data / "recordings" / f"{sid}.wav").pcm.shape[1] > 7000
            if row:
                assert sorted(each["call_sid"] for each in found.values()) == sorted(placed)
            assert list((data / "spool").iterdir()) == []
