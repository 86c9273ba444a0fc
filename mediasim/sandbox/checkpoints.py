"""What is known of recordings in progress, written down again and again for a start after a kill.

A thread wakes the engine's loop about once a second, by the wall clock: a timer of the loop's own
would move a virtual clock. It costs at most a fiftieth of the engine's time; where that does not
suffice for every recording, each is written down less often.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.recording_control import LiveRecording
from mediasim.truth.publishing import keep_so_far

__all__ = ["Checkpoints", "Pulse"]

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
        self._ended = Event()
        self._thread = Thread(target=self._run, name="mediasim-pulse", daemon=True)
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
            keep_so_far(recording, kept.turns)
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
