"""Recordings in an object store (S3 and compatible ones, or a folder), through obstore.

Recordings are made in the local folder and served from it; published files are copied to the store,
and files that the folder lacks are fetched from there. So a sandbox with an empty disk serves what
another one recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mediasim.exchange.media_store import MediaNotFound, MediaStore
from mediasim.net.object_store import ObjectStoreError, first_line, open_store

__all__ = ["ObjectStoreError", "RemoteMediaStore"]


class RemoteMediaStore(MediaStore):
    """A media store whose recordings are in an object store too."""

    def __init__(self, directory: Path, url: str, **config: Any) -> None:
        """Open the store. ``config`` is obstore's; credentials come from its environment variables.

        Raises ObjectStoreError.
        """
        super().__init__(directory, durable=True)
        self._bucket = open_store(url, config)
        self._thread = ThreadPoolExecutor(1, "mediasim-objects")
        try:
            next(iter(self._bucket.list(chunk_size=1)), None)
        except Exception as error:
            raise ObjectStoreError(
                f"the object store {url} cannot be used: {first_line(error)}"
            ) from None

    @contextmanager
    def publish_wav(self, sid: str) -> Iterator[BinaryIO]:
        with super().publish_wav(sid) as file:
            yield file
        self._upload(sid, ".wav")

    def adopt_wav(self, sid: str, finished: Path) -> None:
        super().adopt_wav(sid, finished)
        self._upload(sid, ".wav")

    @contextmanager
    def publish_encrypted(self, sid: str) -> Iterator[BinaryIO]:
        with super().publish_encrypted(sid) as file:
            yield file
        self._upload(sid, ".encrypted")

    def publish_document(self, sid: str, document: dict[str, Any]) -> None:
        super().publish_document(sid, document)
        self._upload(sid, ".json")

    def publish_truth(self, sid: str, truth: dict[str, Any]) -> None:
        super().publish_truth(sid, truth)
        self._upload(sid, ".truth.json")

    def delete(self, sid: str) -> None:
        super().delete(sid)
        names = [self._path(sid, suffix).name for suffix in self.deleted_suffixes]
        self._submit(lambda: self._bucket.delete(names))

    def forget(self, sid: str) -> None:
        super().forget(sid)
        name = self._path(sid, ".json").name
        self._submit(lambda: self._bucket.delete(name))

    def wav_path(self, sid: str) -> Path:
        return self._fetched(sid, ".wav")

    def encrypted_path(self, sid: str) -> Path:
        return self._fetched(sid, ".encrypted")

    def document(self, sid: str) -> dict[str, Any]:
        self._fetched(sid, ".json")
        return super().document(sid)

    def truth(self, sid: str) -> dict[str, Any]:
        self._fetched(sid, ".truth.json")
        return super().truth(sid)

    def settled(self) -> None:
        """Wait until everything published so far is in the object store."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Wait until everything published is in the object store, and end the thread."""
        self._thread.shutdown()

    def _upload(self, sid: str, suffix: str) -> None:
        path = self._path(sid, suffix)
        self._submit(lambda: self._bucket.put(path.name, path))

    def _submit(self, work: Any) -> None:
        self._thread.submit(work).add_done_callback(_log_error)

    def _fetched(self, sid: str, suffix: str) -> Path:
        """Return the path of a recording's file, fetched if the folder lacks it.

        Raises MediaNotFound.
        """
        path = self._path(sid, suffix)
        if not path.is_file():
            try:
                data = bytes(self._bucket.get(path.name).bytes())
            except FileNotFoundError:
                raise MediaNotFound(f"no {path.name} in {path.parent}, nor in the store") from None
            path.parent.mkdir(parents=True, exist_ok=True)
            hidden = path.with_name(f".{path.name}.fetched.part")
            hidden.write_bytes(data)
            hidden.replace(path)  # complete, as all readers of the folder expect
        return path


def _log_error(done: Future[Any]) -> None:
    """Log why a file could not be copied to the store."""
    if (error := done.exception()) is not None:
        logging.getLogger("mediasim").error("a recording did not reach the store: %s", error)
