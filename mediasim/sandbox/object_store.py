"""Recordings in an object store (S3 and what speaks like it), through obstore.

The local folder stays the place where recordings are made and served from; what is published is
copied to the store, and what the folder lacks is fetched from there. So a sandbox with an empty
disk serves what another one recorded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

from mediasim.exchange.media_store import MediaNotFound, MediaStore

__all__ = ["ObjectStoreError", "RemoteMediaStore"]

_CONNECT: Final = timedelta(seconds=3)
_WHOLE: Final = timedelta(seconds=30)


class ObjectStoreError(Exception):
    """The object store cannot be used; says why."""


class RemoteMediaStore(MediaStore):
    """A media store whose recordings are in an object store too."""

    def __init__(self, directory: Path, url: str, **config: Any) -> None:
        """``config`` is obstore's; credentials come from the usual environment variables."""
        super().__init__(directory)
        self._bucket = _opened(url, config)
        self._thread = ThreadPoolExecutor(1, "mediasim-objects")
        try:
            next(iter(self._bucket.list(chunk_size=1)), None)
        except Exception as error:
            raise ObjectStoreError(
                f"the object store {url} cannot be used: {_said(error)}"
            ) from None

    @contextmanager
    def publish_wav(self, sid: str) -> Iterator[BinaryIO]:
        with super().publish_wav(sid) as file:
            yield file
        self._send(sid, ".wav")

    def adopt_wav(self, sid: str, finished: Path) -> None:
        super().adopt_wav(sid, finished)
        self._send(sid, ".wav")

    def publish_document(self, sid: str, document: dict[str, Any]) -> None:
        super().publish_document(sid, document)
        self._send(sid, ".json")

    def publish_truth(self, sid: str, truth: dict[str, Any]) -> None:
        super().publish_truth(sid, truth)
        self._send(sid, ".truth.json")

    def delete(self, sid: str) -> None:
        super().delete(sid)
        names = [self._path(sid, suffix).name for suffix in (".wav", ".truth.json")]
        self._later(lambda: self._bucket.delete(names))

    def wav_path(self, sid: str) -> Path:
        return self._here(sid, ".wav")

    def document(self, sid: str) -> dict[str, Any]:
        self._here(sid, ".json")
        return super().document(sid)

    def truth(self, sid: str) -> dict[str, Any]:
        self._here(sid, ".truth.json")
        return super().truth(sid)

    def settled(self) -> None:
        """Wait until everything published so far is in the object store."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """The same, for the last time."""
        self._thread.shutdown()

    def _send(self, sid: str, suffix: str) -> None:
        path = self._path(sid, suffix)
        self._later(lambda: self._bucket.put(path.name, path))

    def _later(self, work: Any) -> None:
        self._thread.submit(work).add_done_callback(_complain)

    def _here(self, sid: str, suffix: str) -> Path:
        path = self._path(sid, suffix)
        if not path.is_file():
            try:
                data = bytes(self._bucket.get(path.name).bytes())
            except FileNotFoundError:
                raise MediaNotFound(f"no {path.name} in {path.parent}, nor in the store") from None
            path.parent.mkdir(parents=True, exist_ok=True)
            hidden = path.with_name(f".{path.name}.fetched.part")
            hidden.write_bytes(data)
            hidden.replace(path)
        return path


def _opened(url: str, config: dict[str, Any]) -> Any:
    try:
        import obstore.store
    except ImportError:
        raise ObjectStoreError(
            "obstore is not installed, which object stores need: pip install 'mediasim[s3]'"
        ) from None
    try:
        return obstore.store.from_url(
            url,
            client_options={"allow_http": True, "connect_timeout": _CONNECT, "timeout": _WHOLE},
            retry_config={"max_retries": 2, "retry_timeout": _WHOLE},
            **config,
        )
    except Exception as error:
        raise ObjectStoreError(f"{url!r} is no object store's URL: {_said(error)}") from None


def _said(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _complain(done: Future[Any]) -> None:
    if (error := done.exception()) is not None:
        logging.getLogger("mediasim").error("a recording did not reach the store: %s", error)
