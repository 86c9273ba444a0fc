"""What a command does while it imports much."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["loading"]

_THREADS: Final = "OPENBLAS_NUM_THREADS"


@contextmanager
def loading() -> Iterator[None]:
    """Import at less cost inside this context: no garbage is looked for, and numpy starts no
    threads of its own.

    Imports make objects by the hundred thousand and no garbage; numpy's threads wait busily.
    """
    ours = _THREADS not in os.environ
    if ours:
        os.environ[_THREADS] = "1"
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if ours:  # read once, when numpy is loaded: apps that a scenario starts have their own
            del os.environ[_THREADS]
