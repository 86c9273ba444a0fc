"""The threads of NumPy's linear algebra: none besides its caller's.

It would wait busily for its own, at the cost of a processor each. How many there are is read once,
when NumPy is loaded; apps and programs that are started later have threads of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["one_thread"]

_THREADS: Final = "OPENBLAS_NUM_THREADS"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let NumPy have one thread where it is loaded inside this context, here or in a process that
    is started in it; a number that the user has set stays."""
    ours = _THREADS not in os.environ
    if ours:
        os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if ours:
            os.environ.pop(_THREADS, None)
