"""The data folder of a worker that joins by itself: its id, its lock, and its spool.

By its id the front knows a worker that comes back, and with it what it was recording.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from mediasim.sandbox.storage import StorageError

__all__ = ["WorkerHome"]

_LOCK: Final = "worker.lock"
_STATE: Final = "worker.json"
_ID: Final = "id"
_KEPT: Final = (_ID, "epoch")


class WorkerHome(dict[str, str]):
    """The settings that a worker keeps; each is written as it is set."""

    def __init__(self, folder: Path, state: dict[str, str]) -> None:
        super().__init__(state)
        self.folder = folder

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """Open a folder, which is this process's alone meanwhile. Raises StorageError."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (folder / _LOCK).open("wb")
        except OSError as error:
            raise StorageError(f"cannot use {folder}: {error.strerror}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StorageError(f"{folder} is in use by another worker") from None
            home = cls(folder, _state(folder / _STATE))
            if _ID not in home:
                home[_ID] = secrets.token_hex(8)
            yield home

    @property
    def id(self) -> str:
        """Identifies the folder among all workers of a front."""
        return self[_ID]

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name, value)
        if name in _KEPT:
            kept = {each: self[each] for each in _KEPT if each in self}
            hidden = self.folder / f".{_STATE}.part"
            hidden.write_text(json.dumps(kept), "utf-8")
            hidden.replace(self.folder / _STATE)


def _state(file: Path) -> dict[str, str]:
    """Return what a folder keeps; nothing of a file that cannot be read."""
    try:
        found: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}
