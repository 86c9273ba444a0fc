"""Where campaigns are written: whole or not at all, in folders and in buckets."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import s3_bucket

from mediasim.campaign.storage import FolderStorage, Storage, open_storage


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("calls") as url:
        yield f"{url}/team/first"


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(tmp_path / "out")
    return open_storage(request.getfixturevalue("bucket"))


def write_half(storage: Storage, name: str) -> None:
    with storage.writing(name) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_a_folder_and_a_bucket_keep_files_alike(storage: Storage, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"tar" * 1000)
    assert list(storage.names()) == []
    assert storage.put_new("campaign.json", b"{}")
    assert not storage.put_new("campaign.json", b"another's")
    storage.put("shards/calls-000001.tar", local)
    storage.put("shards/calls-000000.tar", b"first")
    with storage.writing("shards/calls-000000.tar") as file:
        file.write(b"replaced")
        assert storage.read("shards/calls-000000.tar") == b"first"
    with pytest.raises(KeyboardInterrupt):
        write_half(storage, "shards/calls-000002.tar")
    again = open_storage(storage.where)
    assert again.read("campaign.json") == b"{}"
    assert again.read("shards/calls-000001.tar") == local.read_bytes()
    tars = ["shards/calls-000000.tar", "shards/calls-000001.tar"]
    assert list(again.names("shards/calls-")) == tars
    assert list(again.names()) == ["campaign.json", *tars]
    first, second = again.files("shards/")
    assert (first.size, second.size) == (8, 3000)
    assert abs(first.modified - second.modified) < 3600
    assert again.exists("campaign.json")
    again.delete("campaign.json")
    again.delete("campaign.json")
    assert not again.exists("campaign.json")
    with pytest.raises(FileNotFoundError):
        again.read("campaign.json")
    assert again.clean() == 0


def test_what_killed_processes_left_is_removed_and_nothing_of_the_living(tmp_path: Path) -> None:
    out = FolderStorage(tmp_path)
    out.put("shards/calls-000000.tar", b"whole")
    left, living = (tmp_path / f"shards/.calls-{name}.tar.part" for name in ("left", "living"))
    left.touch()
    with living.open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert out.clean() == 1
        assert not left.exists()
        assert living.exists()
    assert out.clean() == 1
    assert os.listdir(tmp_path / "shards") == ["calls-000000.tar"]


def test_of_a_full_disk_nothing_is_left_but_what_was_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = FolderStorage(tmp_path)
    out.put("report.json", b"whole")

    def full(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mediasim.campaign.storage.folder.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        out.put("report.json", b"another")
    assert os.listdir(tmp_path) == ["report.json"]
    assert out.read("report.json") == b"whole"


def test_a_bucket_that_cannot_be_had_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    with pytest.raises(OSError, match="no object store's URL"):
        open_storage("nowhere://calls")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(OSError, match=r"it cannot be used: .*: 's3://calls/team'"):
        open_storage("s3://calls/team/")
