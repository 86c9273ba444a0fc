"""Settings of a process before it keeps to a schedule.

Two things stop a process for milliseconds at a time: the C library giving the memory of large
arrays back to the kernel at every frame, only to fault it in again, and Python's garbage collector
walking through everything that lives for the whole run.
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
"""Bytes of freed heap that glibc keeps."""
_HEAP_BYTES: Final = 32 << 20
"""Bytes up to which arrays are taken from the heap: the most that glibc allows."""
_YOUNG_OBJECTS: Final = 10_000
"""New objects that set off a collection: more than come and go in one frame of many calls."""
_USUAL: Final = gc.get_threshold()
"""The collector's thresholds as Python sets them."""


def settle() -> None:
    """Keep freed memory, and keep the garbage collector from what exists by now.

    The collector also looks at what is new less often: it takes about a millisecond for each 10,000
    objects.
    """
    _keep_freed_memory()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *_USUAL[1:])


def unsettle() -> None:
    """Let the collector see everything again, with its usual thresholds."""
    gc.set_threshold(*_USUAL)
    gc.unfreeze()


def _keep_freed_memory() -> None:
    """Tell glibc (other libraries need it not) not to trim its heap.

    Both settings are needed: with the first alone large arrays are still mapped and unmapped each
    time.
    """
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return
    if not glibc:
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_M_MMAP_THRESHOLD, _HEAP_BYTES)
