"""What a process does once before it keeps to a schedule.

Two things stop a process for milliseconds at a time: the C library giving the memory of large
arrays back to the kernel at every frame, only to fault it in again, and Python's garbage
collector walking through everything that lives for the whole run.
"""

from __future__ import annotations

import ctypes
import gc
import os
from typing import Final

__all__ = ["settle", "unsettle"]

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 1 << 30
_HEAP_BYTES: Final = 32 << 20
"""Arrays up to this size are taken from the heap: the most that glibc allows."""


def settle() -> None:
    """Keep freed memory, and let the collector pass over all that exists by now."""
    _keep_freed_memory()
    gc.collect()
    gc.freeze()


def unsettle() -> None:
    """Let the collector see everything again."""
    gc.unfreeze()


def _keep_freed_memory() -> None:
    """Tell glibc (no other library has the trouble) not to trim its heap. Both settings are
    needed: with the first alone large arrays are still mapped and unmapped each time."""
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return
    if not glibc:
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_M_MMAP_THRESHOLD, _HEAP_BYTES)
