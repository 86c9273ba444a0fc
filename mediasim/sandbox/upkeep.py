"""Upkeep: about once a second, retry what the disk refused and write checkpoints of recordings.

While calls are active, the time is written too: after a crash they ended then. So is the time of a
virtual clock that has moved, which the next start goes on from. A checkpoint holds
what is known of an active recording, for a start after a crash. A thread wakes the engine's loop by
the wall clock: a timer of the loop itself would move a virtual clock. Checkpoints take at most a
fiftieth of the engine's time; where that does not suffice for all recordings, each is written less
often.
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
from mediasim.net.virtual_loop import VirtualLoop
from mediasim.sandbox.storage import Storage
from mediasim.truth.publishing import save_checkpoint

__all__ = ["Checkpoints", "Pulse", "Upkeep"]

_SECONDS: Final = 1.0
"""Seconds between two rounds of upkeep."""
_TIME_RATIO: Final = 50
"""Ratio of the time between two checkpoints to the processor time of one."""
_MOMENT: Final = "moment"
"""Kind and key of the document that says how far the clock had come while calls were active."""
_LOG: Final = logging.getLogger("mediasim")


class Pulse:
    """A thread that calls ``work`` about once a second of the wall clock."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mediasim-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_SECONDS):
            with contextlib.suppress(
                RuntimeError
            ):  # the loop has ended, which its crash handler reports
                self._work()


@dataclass(slots=True)
class _CheckpointState:
    """State of one recording's checkpoints."""

    count: int = 0
    """Number of checkpoints written."""
    due: float = 0.0
    """Time of the next checkpoint, on the monotonic clock in seconds."""
    samples: int = 0
    """Length of the recording at the last checkpoint, in samples."""


class Checkpoints:
    """The checkpoints of one exchange's recordings. Used on the engine's loop."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._states: dict[str, _CheckpointState] = {}
        self._failed = False

    def take(self) -> None:
        """Write a checkpoint of each recording that is due."""
        live = {each.sid: each for each in self._exchange.recordings if each.active}
        self._states = {sid: self._states.get(sid) or _CheckpointState() for sid in live}
        now = time.monotonic()
        for sid, recording in live.items():
            state = self._states[sid]
            if now >= state.due and recording.recorder.samples != state.samples:
                self._take(recording, state, len(live))

    def take_last(self, sid: str) -> None:
        """Write a checkpoint of a recording that has ended but may not be published yet."""
        for recording in self._exchange.recordings:
            if recording.sid == sid:
                self._take(recording, self._states.get(sid) or _CheckpointState(), 1)

    def _take(self, recording: LiveRecording, state: _CheckpointState, active_count: int) -> None:
        """Write one recording's checkpoint; ``active_count`` is the number of active recordings."""
        began = time.thread_time()
        try:
            save_checkpoint(recording, state.count)
            state.count += 1
        except Exception as error:  # a recording without its truth is better than none
            if not self._failed:
                _LOG.warning("the truth of recordings in progress is not kept: %r", error)
            self._failed = True
            return
        self._failed = False
        state.samples = recording.recorder.samples
        took = time.thread_time() - began
        # Each active recording takes about as long. At least half a period, so that the next
        # pulse counts even if it comes early.
        state.due = time.monotonic() + max(_SECONDS / 2, _TIME_RATIO * active_count * took)


# -- upkeep --------------------------------------------------------------------------------------


class Upkeep:
    """The upkeep of one exchange and its storage. Used on the engine's loop."""

    def __init__(
        self,
        exchange: Exchange,
        storage: Storage,
        *,
        persistent: bool,
        has_calls: Callable[[], bool] | None,
    ) -> None:
        """``persistent`` says that the storage outlives the process, so checkpoints are of use.

        ``has_calls`` tells whether calls are active; None where another process writes the time.
        """
        self._has_calls = has_calls
        self._exchange = exchange
        self._storage = storage
        self._checkpoints = Checkpoints(exchange) if persistent else None
        if self._checkpoints is not None:
            exchange.events.on("recording.stopped", self._on_stopped)
        self._runs_ahead = isinstance(exchange.loop, VirtualLoop)
        """Whether the clock is no wall clock, so that a start would go back behind its time."""
        self._stored_ns = 0
        """Loop time that was written last."""
        self._unpublished: dict[str, tuple[LiveRecording, OSError]] = {}
        """Recordings that the disk refused, with the error, by SID."""
        self._logged_problem: str | None = None
        """The problem that was logged last; None while there is none."""
        exchange.unpublished = self._on_unpublished

    def problem(self) -> str | None:
        """Return why recordings cannot be stored at the moment; None while they can."""
        if (found := self._storage.problem()) is not None:
            return found
        live = (each.spool.error for each in self._exchange.recordings)
        refused = (error for _, error in self._unpublished.values())
        error = next((each for each in (*live, *refused) if each is not None), None)
        return None if error is None else f"recordings cannot be written: {error.strerror or error}"

    def run_once(self) -> None:
        """Retry, write checkpoints, and log problems that begin or end."""
        for work in self._exchange.periodic:
            work()
        waiting, self._unpublished = self._unpublished, {}
        for recording, _ in waiting.values():
            recording.try_to_publish()
        database = self._storage.database
        if database is not None and database.error is not None:
            database.put({})  # what it could not write is still to be written
        if self._checkpoints is not None:
            self._checkpoints.take()
        if database is not None and self._has_calls is not None:
            now_ns = self._exchange.now_ns
            if self._has_calls() or (self._runs_ahead and now_ns != self._stored_ns):
                self._stored_ns = now_ns
                at_ns = self._exchange.dates.unix_ns(now_ns)
                database.put({(_MOMENT, _MOMENT): {"at_ns": at_ns}})
        problem = self.problem()
        if problem is not None and problem != self._logged_problem:
            _LOG.error(problem)
        elif problem is None and self._logged_problem is not None:
            _LOG.warning("recordings can be written again")
        self._logged_problem = problem

    def _on_stopped(self, event: Event) -> None:
        """Write a checkpoint of a recording that has stopped."""
        if self._checkpoints is not None and isinstance(event, RecordingEvent):
            self._checkpoints.take_last(event.recording_sid)

    def _on_unpublished(self, recording: LiveRecording, error: OSError) -> None:
        """Note a recording that stays in processing until a retry publishes it."""
        self._unpublished[recording.sid] = recording, error
