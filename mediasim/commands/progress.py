"""Progress of long commands, on the error channel: a bar at a terminal, which goes away at the end,
and elsewhere, where a log is written, a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["Tell", "progress"]

Tell = Callable[[int, str], None]
"""Is told how many are done, and what to write beside the bar."""

_SECONDS: Final = 30.0
"""From one line of a log to the next."""


@contextmanager
def progress(
    total: int, what: str, first: str = "", *, time_of: str = "", log: bool = False
) -> Iterator[Tell]:
    """Show progress, of which the function that is yielded is told.

    ``what`` names what is counted, in the plural, and ``time_of`` what the time is of. Without a
    terminal nothing is shown, or with ``log`` a line with what is to be written beside the bar,
    each half minute.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines() if log else _nothing
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,} of {task.total:,} {task.fields[what]}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn(time_of),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(first, total=total, what=what)
        yield lambda done, beside: shown.update(task, completed=done, description=beside)


def _nothing(done: int, beside: str) -> None:
    """Show nothing."""


def _lines() -> Tell:
    """Return what writes a line each half minute."""
    written = time.monotonic()

    def tell(done: int, beside: str) -> None:
        nonlocal written
        if time.monotonic() - written >= _SECONDS:
            written = time.monotonic()
            print(beside, file=sys.stderr, flush=True)

    return tell
