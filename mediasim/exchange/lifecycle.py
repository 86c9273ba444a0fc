"""The one place in which the status of a call, a recording, a conference and the like changes.

A move is checked against the table of its kind (:mod:`mediasim.exchange.states`), noted in the
record with its time, and told; none happens in any other way, not even after a crash.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.exchange.states import CALL, Lifecycle, check_move
from mediasim.exchange.trim import absence

__all__ = ["Living", "Tell", "interrupt", "move", "settle"]

Tell = Callable[[str], object]
"""Emits the event of a move; is called with the event's word, ``completed`` for one."""


class Living(Protocol):
    """A record with a status."""

    LIFE: ClassVar[Lifecycle]
    status: Any
    updated_ns: int


def _silent(word: str) -> None:
    """Tell nothing."""


def move(record: Living, status: str, now_ns: int, tell: Tell = _silent) -> None:
    """Change a record's status, and tell of it where the change is an event.

    Raises IllegalMove where its table has no such move.
    """
    check_move(record.LIFE, record.status, status)
    record.status, record.updated_ns = status, now_ns
    if isinstance(record, CallRecord):
        if status == "in-progress":
            record.answered_ns = now_ns
        elif CALL.is_final(record.status):
            record.ended_ns = now_ns
    if word := record.LIFE.words.get(status, status):
        tell(word)


def settle(
    record: RecordingRecord,
    recorded: int,
    kept: int,
    now_ns: int,
    *,
    keep: Callable[[], None] = lambda: None,
    write: Callable[[RecordingRecord], None] = lambda settled: None,
    tell: Tell = _silent,
) -> None:
    """End a recording's processing: it is completed, or absent for want of media.

    ``recorded`` and ``kept`` are its samples before and after trimming. ``keep`` puts its media
    into the store; then ``write`` writes the document of the record as it will be. The record is
    moved last: where one of the two fails it is still in processing, and all can be done again.
    """
    record.absence = absence(recorded, kept)
    record.samples = kept
    if record.absence is None:
        keep()
    settled = copy.copy(record)
    move(settled, "completed" if record.absence is None else "absent", now_ns)
    write(settled)
    move(record, settled.status, now_ns, tell)


def interrupt(record: Living, died_ns: int) -> None:
    """End a record that was active when its process died, as its table says."""
    for status in record.LIFE.interrupted.get(record.status, ()):
        move(record, status, died_ns)
