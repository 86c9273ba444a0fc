from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from mediasim.exchange.media_store import MediaNotFound, MediaStore

SID = "RE" + "0a" * 16
OTHER = "RE" + "0b" * 16


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "out")


def publish(store: MediaStore, content: bytes, sid: str = SID) -> None:
    with store.publish_wav(sid) as file:
        file.write(content)


def writing(content: bytes) -> Callable[[BinaryIO], None]:
    def make(file: BinaryIO) -> None:
        file.write(content)

    return make


def visible(store: MediaStore) -> list[str]:
    return sorted(path.name for path in store.directory.rglob("*") if path.is_file())


def test_each_recording_has_three_files(store: MediaStore) -> None:
    publish(store, b"RIFF")
    store.publish_truth(SID, {"channels": []})
    store.publish_document(SID, {"sid": SID, "party": "Zoë"})
    folder = store.directory / "recordings"
    assert store.wav_path(SID) == folder / f"{SID}.wav"
    assert visible(store) == [f"{SID}.json", f"{SID}.truth.json", f"{SID}.wav"]
    assert store.wav_path(SID).read_bytes() == b"RIFF"
    assert store.document(SID) == {"sid": SID, "party": "Zoë"}
    assert store.truth(SID) == {"channels": []}


def test_media_is_not_seen_before_it_is_whole(store: MediaStore) -> None:
    with store.publish_wav(SID) as file:
        file.write(b"half")
        file.flush()
        with pytest.raises(MediaNotFound):
            store.wav_path(SID)
    assert store.wav_path(SID).read_bytes() == b"half"


def test_a_failed_write_leaves_what_was_there_and_no_litter(store: MediaStore) -> None:
    publish(store, b"first")

    def fail() -> None:
        with store.publish_wav(SID) as file:
            file.write(b"second, but")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert visible(store) == [f"{SID}.wav"]
    assert store.wav_path(SID).read_bytes() == b"first"


def test_litter_of_a_killed_process_is_never_read(store: MediaStore) -> None:
    publish(store, b"whole")
    litter = store.directory / "recordings" / f".{SID}.wav.{os.getpid()}-0.part"
    litter.write_bytes(b"half")
    publish(store, b"anew")
    assert store.wav_path(SID).read_bytes() == b"anew"
    assert litter.read_bytes() == b"half"
    assert store.sids() == []


def test_published_files_have_the_rights_of_any_other(store: MediaStore, tmp_path: Path) -> None:
    publish(store, b"RIFF")
    plain = tmp_path / "plain"
    plain.touch()
    assert store.wav_path(SID).stat().st_mode == plain.stat().st_mode


def test_a_finished_spool_is_taken_over(store: MediaStore, tmp_path: Path) -> None:
    spool = tmp_path / "spool.wav"
    spool.write_bytes(b"RIFF")
    store.adopt_wav(SID, spool)
    assert store.wav_path(SID).read_bytes() == b"RIFF"
    assert not spool.exists()


def test_sids_are_those_with_a_document(store: MediaStore) -> None:
    assert store.sids() == []
    for sid in (OTHER, SID):
        store.publish_truth(sid, {})
        store.publish_document(sid, {})
    publish(store, b"RIFF", "RE" + "0c" * 16)
    assert store.sids() == [SID, OTHER]


def test_what_is_not_there_is_not_found(store: MediaStore) -> None:
    for read in (store.wav_path, store.document, store.truth):
        with pytest.raises(MediaNotFound, match=SID):
            read(SID)
    assert not store.directory.exists()


@pytest.mark.parametrize("sid", ["../" + SID, SID + "/..", "", "CA" + "0a" * 16, SID[:-1]])
def test_nothing_but_a_recordings_sid_names_a_file(store: MediaStore, sid: str) -> None:
    for act in (
        lambda: store.wav_path(sid),
        lambda: publish(store, b"", sid),
        lambda: store.derived(sid, "1ch.wav", writing(b"")),
    ):
        with pytest.raises(ValueError, match="recording SID"):
            act()


def test_derived_files_are_made_once(store: MediaStore) -> None:
    path = store.derived(SID, "1ch.mp3", writing(b"made"))
    assert path == store.directory / "cache" / f"{SID}.1ch.mp3"
    assert store.derived(SID, "1ch.mp3", writing(b"again")).read_bytes() == b"made"
    assert store.derived(SID, "2ch.mp3", writing(b"other")).read_bytes() == b"other"


def test_a_derivation_that_fails_is_not_kept(store: MediaStore) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise RuntimeError("codec")

    with pytest.raises(RuntimeError, match="codec"):
        store.derived(SID, "1ch.mp3", fail)
    assert visible(store) == []
    assert store.derived(SID, "1ch.mp3", writing(b"whole")).read_bytes() == b"whole"


@pytest.mark.parametrize("how", ["publish", "adopt"])
def test_new_media_forgets_what_was_derived_from_the_old(
    store: MediaStore, tmp_path: Path, how: str
) -> None:
    publish(store, b"old")
    store.derived(SID, "1ch.mp3", writing(b"old"))
    kept = store.derived(OTHER, "1ch.mp3", writing(b"other"))
    if how == "publish":
        publish(store, b"new")
    else:
        spool = tmp_path / "spool.wav"
        spool.write_bytes(b"new")
        store.adopt_wav(SID, spool)
    assert store.derived(SID, "1ch.mp3", writing(b"new")).read_bytes() == b"new"
    assert kept.exists()


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_store_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    forced: list[int] = []
    kept = MediaStore(tmp_path / "out", durable=durable)

    def force(descriptor: int) -> None:
        forced.append(sum(not name.endswith(".part") for name in visible(kept)))

    monkeypatch.setattr(os, "fsync", force)
    finished = tmp_path / "finished.wav"
    finished.write_bytes(b"RIFF")
    kept.adopt_wav(SID, finished)
    publish(kept, b"RIFF", OTHER)
    kept.publish_document(SID, {})
    assert len(visible(kept)) == 3
    # Each file is forced while it has no name of its own yet: the name never leads to less.
    assert forced == ([0, 1, 2] if durable else [])
