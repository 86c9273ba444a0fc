"""Where a call is made: a folder in memory, where there is room, that is gone when it is done.

It is locked meanwhile, so that what a killed process left is known, and is removed by the next one
that begins.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["scratch_folder", "scratch_place"]

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 256 << 20
"""Free bytes that memory must have: calls of an hour, and those of other processes beside."""
_PREFIX: Final = "mediasim-call-"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder for files that live as long as a call is made."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch_place()))
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            folder.mkdir(exist_ok=True)  # removed by another process before it was locked
            yield folder
        finally:
            os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def scratch_place() -> Path:
    """Return the folder that all of them are in, rid of what killed processes have left there."""
    parent = Path(tempfile.gettempdir())
    with contextlib.suppress(OSError):
        room = os.statvfs(_MEMORY)
        if room.f_bavail * room.f_frsize >= _ROOM and os.access(_MEMORY, os.W_OK):
            parent = _MEMORY
    for left in parent.glob(f"{_PREFIX}*"):
        _remove_if_abandoned(left)
    return parent


def _remove_if_abandoned(folder: Path) -> None:
    """Remove a folder whose process has ended."""
    with contextlib.suppress(OSError):  # another user's, or still in use
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)
