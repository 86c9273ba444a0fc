"""What a sandbox does about once a second: it retries what the disk refused, tells of it, and
writes down what is known of recordings in progress, for a start after a kill.

A thread wakes the engine's loop by the wall clock: a timer of the loop's own would move a virtual
clock. Writing down costs at most a fiftieth of the engine's time; where that does not suffice for
every recording, each is written down less often.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mediasim.exchange.events import Event, RecordingEvent
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.recording_control import LiveRecording
from mediasim.sandbox.storage import Storage
from mediasim.truth.publishing import save_checkpoint

__all__ = ["Checkpoints", "Pulse", "Upkeep"]

_EVERY: Final = 1.0
"""Seconds."""
_SHARE: Final = 50
"""A checkpoint that took so much of the processor is followed by that many times as long without
one."""
_LOG: Final = logging.getLogger("mediasim")


class Pulse:
    """Calls something about once a second of the wall clock, from a thread of its own."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mediasim-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_EVERY):
            with contextlib.suppress(RuntimeError):  # the loop has broken, which others tell
                self._work()


@dataclass(slots=True)
class _Kept:
    turns: int = 0
    due: float = 0.0
    samples: int = 0


class Checkpoints:
    """Of one exchange's recordings. Used on the engine's loop."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._kept: dict[str, _Kept] = {}
        self._failed = False

    def take(self) -> None:
        """Write down every recording that is due."""
        live = {each.sid: each for each in self._exchange.recordings if each.active}
        self._kept = {sid: self._kept.get(sid) or _Kept() for sid in live}
        now = time.monotonic()
        for sid, recording in live.items():
            kept = self._kept[sid]
            if now >= kept.due and recording.recorder.samples != kept.samples:
                self._take(recording, kept, len(live))

    def take_last(self, sid: str) -> None:
        """Write down a recording that has just ended, whose publishing may be cut off."""
        for recording in self._exchange.recordings:
            if recording.sid == sid:
                self._take(recording, self._kept.get(sid) or _Kept(), 1)

    def _take(self, recording: LiveRecording, kept: _Kept, of: int) -> None:
        began = time.thread_time()
        try:
            save_checkpoint(recording, kept.turns)
            kept.turns += 1
        except Exception as error:  # a recording without its truth is better than none
            if not self._failed:
                _LOG.warning("the truth of recordings in progress is not kept: %r", error)
            self._failed = True
            return
        self._failed = False
        kept.samples = recording.recorder.samples
        took = time.thread_time() - began
        kept.due = time.monotonic() + max(_EVERY / 2, _SHARE * of * took)


# -- upkeep --------------------------------------------------------------------------------------


class Upkeep:
    """Of one exchange and the storage of its recordings. Used on the engine's loop."""

    def __init__(self, exchange: Exchange, storage: Storage, *, kept: bool) -> None:
        """``kept``: the storage outlives the process, so a start after a kill will need more."""
        self._exchange = exchange
        self._storage = storage
        self._checkpoints = Checkpoints(exchange) if kept else None
        if self._checkpoints is not None:
            exchange.events.on("recording.stopped", self._stopped)
        self._unpublished: dict[str, tuple[LiveRecording, OSError]] = {}
        """Recordings that the disk did not take, and why."""
        self._told: str | None = None
        """The trouble that the log has been told of."""
        exchange.unpublished = self._not_published

    def trouble(self) -> str | None:
        """Why recordings cannot be kept at the moment; None: they can."""
        if (found := self._storage.trouble()) is not None:
            return found
        live = (each.spool.error for each in self._exchange.recordings)
        refused = (error for _, error in self._unpublished.values())
        error = next((each for each in (*live, *refused) if each is not None), None)
        return None if error is None else f"recordings cannot be written: {error.strerror or error}"

    def tend(self) -> None:
        """Do what is due."""
        waiting, self._unpublished = self._unpublished, {}
        for recording, _ in waiting.values():
            recording.try_to_publish()
        database = self._storage.database
        if database is not None and database.error is not None:
            database.put({})  # what it could not write is still to be written
        if self._checkpoints is not None:
            self._checkpoints.take()
        trouble = self.trouble()
        if trouble is not None and trouble != self._told:
            _LOG.error(trouble)
        elif trouble is None and self._told is not None:
            _LOG.warning("recordings can be written again")
        self._told = trouble

    def _stopped(self, event: Event) -> None:
        if self._checkpoints is not None and isinstance(event, RecordingEvent):
            self._checkpoints.take_last(event.recording_sid)

    def _not_published(self, recording: LiveRecording, error: OSError) -> None:
        """It stays in processing, and is tried again."""
        self._unpublished[recording.sid] = recording, error
