"""The one place in which the status of a call, a recording, a conference and the like changes.

A move is checked against the table of its kind (:mod:`mediasim.exchange.states`), noted in the
record with its time, and emitted as an event; no status changes in any other way, not even after
a crash.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.exchange.states import CALL, Lifecycle, check_move
from mediasim.exchange.trim import absence

__all__ = ["Emit", "HasLifecycle", "finish_processing", "interrupt", "move"]

Emit = Callable[[str], object]
"""Emits the event of a move; called with the event's word, such as ``completed``."""


class HasLifecycle(Protocol):
    """A record with a status."""

    LIFECYCLE: ClassVar[Lifecycle]
    status: Any
    updated_ns: int


def move(record: HasLifecycle, status: str, now_ns: int, emit: Emit = lambda word: None) -> None:
    """Change a record's status at a loop time, and emit the event of the change, if it has one.

    Raises IllegalMove if the record's lifecycle has no such move.
    """
    check_move(record.LIFECYCLE, record.status, status)
    record.status, record.updated_ns = status, now_ns
    if isinstance(record, CallRecord):
        if status == "in-progress":
            record.answered_ns = now_ns
        elif CALL.is_final(record.status):
            record.ended_ns = now_ns
    if word := record.LIFECYCLE.words.get(status, status):
        emit(word)


def finish_processing(
    record: RecordingRecord,
    recorded: int,
    kept: int,
    now_ns: int,
    *,
    write: Callable[[RecordingRecord], None] = lambda finished: None,
    emit: Emit = lambda word: None,
) -> None:
    """End a recording's processing: it becomes completed, or absent if it has no media.

    A reason for its absence that the record has already stays. ``recorded`` and ``kept`` are the
    lengths before and after trimming, in samples. ``write`` writes the document of the finished
    record; its media is in the store already.
    """
    record.absence = record.absence or absence(recorded, kept)
    record.samples = kept
    # The record is moved last: if the disk fails, it is still in processing and all can be retried.
    finished = copy.copy(record)
    move(finished, "completed" if record.absence is None else "absent", now_ns)
    write(finished)
    move(record, finished.status, now_ns, emit)


def interrupt(record: HasLifecycle, died_ns: int) -> None:
    """End a record that was active when its process died, by the moves that its table gives."""
    for status in record.LIFECYCLE.interrupted.get(record.status, ()):
        move(record, status, died_ns)
