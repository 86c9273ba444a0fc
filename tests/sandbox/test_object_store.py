"""Recordings in an object store: a real S3 server's, where one can be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import s3_bucket

from mediasim.exchange.media_store import MediaNotFound
from mediasim.sandbox.object_store import ObjectStoreError, RemoteMediaStore

SID = "RE" + "0" * 32


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("recordings") as url:
        yield f"{url}/team"


def publish(store: RemoteMediaStore) -> None:
    with store.publish_wav(SID) as file:
        file.write(b"RIFF....")
    store.publish_document(SID, {"sid": SID})
    store.publish_truth(SID, {"recording": SID})


def test_what_one_sandbox_published_another_one_serves(bucket: str, tmp_path: Path) -> None:
    first = RemoteMediaStore(tmp_path / "first", bucket)
    publish(first)
    assert first.wav_path(SID).parent == tmp_path / "first" / "recordings"
    first.close()
    second = RemoteMediaStore(tmp_path / "second", bucket)
    assert second.wav_path(SID).read_bytes() == b"RIFF...."
    assert second.document(SID) == {"sid": SID}
    assert second.truth(SID) == {"recording": SID}
    second.close()


def test_what_was_deleted_is_nowhere(bucket: str, tmp_path: Path) -> None:
    first = RemoteMediaStore(tmp_path / "first", bucket)
    publish(first)
    first.delete(SID)
    first.settled()
    with pytest.raises(MediaNotFound, match="nor in the store"):
        first.wav_path(SID)
    first.close()
    second = RemoteMediaStore(tmp_path / "second", bucket)
    with pytest.raises(MediaNotFound):
        second.truth(SID)
    assert second.document(SID) == {"sid": SID}
    second.close()


def test_what_was_forgotten_has_left_nothing(bucket: str, tmp_path: Path) -> None:
    first = RemoteMediaStore(tmp_path / "first", bucket)
    publish(first)
    with first.publish_encrypted(SID) as file:
        file.write(b"secret")
    first.settled()
    second = RemoteMediaStore(tmp_path / "second", bucket)
    assert second.encrypted_path(SID).read_bytes() == b"secret"
    first.delete(SID)
    first.settled()
    third = RemoteMediaStore(tmp_path / "third", bucket)
    with pytest.raises(MediaNotFound):
        third.encrypted_path(SID)
    assert third.document(SID) == {"sid": SID}
    first.forget(SID)
    first.close()
    with pytest.raises(MediaNotFound):
        RemoteMediaStore(tmp_path / "fourth", bucket).document(SID)
    second.close()
    third.close()


def test_no_url_of_an_object_store(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    with pytest.raises(ObjectStoreError, match="no object store's URL"):
        RemoteMediaStore(tmp_path, "nowhere")


def test_an_object_store_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(ObjectStoreError, match="cannot be used"):
        RemoteMediaStore(tmp_path, "s3://recordings")
