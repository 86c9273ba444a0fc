"""The engine of one machine: processes of the standard library, rebuilt after a death."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Final

from mediasim.campaign.engines.engine import Problem, Result
from mediasim.campaign.engines.worker import CampaignPlace, make_shard
from mediasim.campaign.shards import ShardDone
from mediasim.scenario.running.processes import Interrupted, Lanes, WorkerDied

__all__ = ["Processes", "cores"]

_SECONDS_TO_END: Final = 5.0
"""How long workers that were interrupted have to say what they had done."""

_Made = ShardDone | Problem | WorkerDied | Interrupted


class Processes:
    """Makes shards in processes of this machine."""

    def __init__(self, place: CampaignPlace, jobs: int) -> None:
        self._lanes = Lanes[int, ShardDone | Problem](partial(make_shard, place), jobs)
        self._running: dict[Future[_Made], int] = {}
        self.room = 2 * jobs
        """So that a process that is done finds work while results are looked at."""

    def submit(self, shard: int) -> None:
        self._running[self._lanes.submit(shard)] = shard

    def next(self, seconds: float) -> Result | None:
        done, _ = wait(self._running, seconds, FIRST_COMPLETED)
        return self._taken(done.pop()) if done else None

    def interrupt(self) -> Iterator[Result]:
        begun = [future for future in self._running if not future.cancel()]
        self._lanes.interrupt()
        done, _ = wait(begun, _SECONDS_TO_END)
        for future in done:
            if not isinstance(future.result(), Interrupted):
                yield self._taken(future)

    def close(self) -> None:
        self._lanes.close()

    def _taken(self, future: Future[_Made]) -> Result:
        """Return the result of a future that is done, and forget the future."""
        shard = self._running.pop(future)
        try:
            made = future.result()
        except OSError as error:
            words = f"no process can be started on this machine: {error.strerror or error}"
            return shard, Problem(words, fatal=True)
        if isinstance(made, Interrupted):
            return shard, Problem("its process was interrupted")
        if isinstance(made, WorkerDied):
            return shard, Problem(f"{made}: by a signal, or for want of memory")
        return shard, made


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
