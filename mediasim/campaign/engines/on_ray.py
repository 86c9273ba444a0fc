"""The engine of many machines: tasks of Ray (the extra ``ray``), a shard each.

Ray spreads the tasks and knows of machines that come and go; what is tried again, and what is whole
already, is decided here, from the files.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final

from mediasim.campaign.engines.engine import Problem, Result
from mediasim.campaign.engines.worker import CampaignPlace, make_shard
from mediasim.threads import one_thread

__all__ = ["OnRay", "RayUnusable", "require_ray"]

_SECONDS_TO_END: Final = 5.0
"""How long tasks that were interrupted have to say what they had done."""


class RayUnusable(RuntimeError):
    """Ray cannot be used; the message says why."""


def require_ray() -> None:
    """Raise RayUnusable if Ray is not installed."""
    if find_spec("ray") is None:
        raise RayUnusable("ray is not installed: pip install 'mediasim[ray]'")


class OnRay:
    """Makes shards on a cluster of Ray."""

    def __init__(self, place: CampaignPlace, address: str | None = None) -> None:
        """Join the cluster at an address, such as ``auto`` or ``ray://head:10001``; without one,
        that of the environment variable RAY_ADDRESS, else start Ray on this machine.

        Raises RayUnusable.
        """
        require_ray()
        import ray

        self._ray = ray
        self._place = place
        more: dict[str, Any] = {}
        if address is None and not os.environ.get("RAY_ADDRESS"):
            more = {"include_dashboard": False, "address": "local"}
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # sends no statistics
        elif address is not None:
            more = {"address": address}
        try:
            with one_thread():
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **more)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            where = address or os.environ.get("RAY_ADDRESS") or "this machine"
            words = str(error).strip().split("\n")[0]
            raise RayUnusable(f"no Ray at {where}: {words}") from None
        # Tried again by who asks, of every engine alike.
        self._make = ray.remote(num_cpus=1, max_retries=0)(make_shard)
        self._running: dict[Any, int] = {}

    @property
    def room(self) -> int:
        """How many shards it takes at once: some more than the cluster has processors now."""
        processors = int(self._ray.cluster_resources().get("CPU", 1))
        return processors + max(2, processors // 4)

    def submit(self, shard: int) -> None:
        self._running[self._make.remote(self._place, shard)] = shard

    def next(self, seconds: float) -> Result | None:
        try:
            done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            _, shard = self._running.popitem()
            words = str(error).strip().split("\n")[0]
            return shard, Problem(f"the cluster of Ray is lost: {words}", fatal=True)
        return self._taken(done[0]) if done else None

    def interrupt(self) -> Iterator[Result]:
        tasks, done = list(self._running), list[Any]()
        with contextlib.suppress(self._ray.exceptions.RayError, ConnectionError):
            for task in tasks:
                self._ray.cancel(task)
            if tasks:
                done, _ = self._ray.wait(tasks, num_returns=len(tasks), timeout=_SECONDS_TO_END)
        for task in done:
            yield self._taken(task)

    def close(self) -> None:
        self._ray.shutdown()

    def _taken(self, task: Any) -> Result:
        """Return the result of a task that is done, and forget the task."""
        shard = self._running.pop(task)
        try:
            return shard, self._ray.get(task)
        except self._ray.exceptions.TaskCancelledError:
            return shard, Problem("its task was cancelled")
        except self._ray.exceptions.RayTaskError as error:
            # What a shard itself raises is a Problem: this is before a shard was begun.
            words = str(error.cause).strip().split("\n")[0]
            return shard, Problem(f"a worker of Ray cannot make calls: {words}", fatal=True)
        except self._ray.exceptions.RayError as error:
            words = str(error).strip().split("\n")[0]
            return shard, Problem(f"its worker was lost: {words}")
