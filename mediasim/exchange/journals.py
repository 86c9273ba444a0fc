"""Journals of recordings, kept until everything that they promise has been done.

A journal stands beside a recording's spool from its start. It may go only when the media is
published, the row of the database is written and the app's callback was answered: whatever of
these a kill cuts off, the next start finds the journal and does the rest.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Final, Literal

from mediasim.media.spool import read_journal, replace_text

__all__ = ["CALLBACK", "Journals", "Step", "beside", "remove_journal", "remove_orphans"]

Step = Literal["media", "row", "callback"]
CALLBACK: Final = "callback"
"""The step, and what it is called in a journal: its value tells whom to call."""


class Journals:
    """The steps that are still due, by recording SID. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[str, set[Step]] = {}
        self._paths: dict[str, Path] = {}

    def begin(self, sid: str, journal: Path) -> None:
        """Keep a recording's journal until its media is published."""
        with self._lock:
            self._paths[sid] = journal
            self._due.setdefault(sid, set()).add("media")

    def require(self, sid: str, step: Step) -> None:
        """Keep it until this is done too; nothing for a recording without a journal."""
        with self._lock:
            if sid in self._paths:
                self._due[sid].add(step)

    def done(self, sid: str, step: Step) -> None:
        """Note that a step is done; after the last one the journal is removed."""
        with self._lock:
            due = self._due.get(sid)
            if due is None or step not in due:
                return
            due.discard(step)
            journal = self._paths[sid]
            try:
                if not due:
                    del self._due[sid], self._paths[sid]
                    remove_journal(journal)
                elif step == CALLBACK:
                    _forget_callback(journal)
            except OSError:
                pass  # a disk that takes no change leaves it to the next start


def remove_journal(journal: Path) -> None:
    """Remove a journal, and then what stands beside it."""
    # The journal first: until it is gone, a kill has the app told again.
    for path in (journal, *beside(journal)):
        path.unlink(missing_ok=True)


def remove_orphans(spool: Path) -> None:
    """Remove what stood beside journals that are gone, and what was not written whole."""
    for path in (*spool.glob(".RE*.new"), *spool.glob("RE*.copied")):
        path.unlink(missing_ok=True)
    for path in (*spool.glob("*.truth"), *spool.glob("*.reference?")):
        if not path.with_suffix(".journal").exists():
            path.unlink(missing_ok=True)


def beside(journal: Path) -> tuple[Path, Path, Path]:
    """What is known of a recording while it is made: its truth so far, and two places for the
    audio that it points into, used in turn."""
    names = (".truth", ".reference0", ".reference1")
    first, second, third = (journal.with_suffix(name) for name in names)
    return first, second, third


def _forget_callback(journal: Path) -> None:
    document = read_journal(journal)
    if document is not None and document.pop(CALLBACK, None) is not None:
        replace_text(journal, json.dumps(document))
