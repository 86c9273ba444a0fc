"""What a command does while it imports much."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from mediasim.threads import one_thread

__all__ = ["loading"]


@contextmanager
def loading() -> Iterator[None]:
    """Import at less cost inside this context: no garbage is looked for, and NumPy starts no
    threads of its own.

    Imports make objects by the hundred thousand and no garbage.
    """
    gc.disable()
    try:
        with one_thread():
            yield
    finally:
        gc.freeze()
        gc.enable()
