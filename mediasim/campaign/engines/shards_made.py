"""The shards of a campaign that are missing, made by an engine, each tried three times."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Final

from mediasim.campaign.engines.engine import TRIES, Engine, ShardFailed
from mediasim.campaign.shards import ShardDone

__all__ = ["CampaignStopped", "run_shards"]

_TICK: Final = 1.0
"""Seconds after which who asks has a turn, though no shard is done."""


class CampaignStopped(RuntimeError):
    """No shard can be made any more; the message says why."""


def run_shards(engine: Engine, shards: Sequence[int]) -> Iterator[ShardDone | ShardFailed | None]:
    """Have an engine make shards, and yield each when it is done or given up; None now and then.

    On Ctrl-C the shards in progress are interrupted, those that were done are yielded, and
    KeyboardInterrupt is raised. Raises CampaignStopped. The engine is closed at the end.
    """
    waiting, tried = deque(shards), Counter[int]()
    running = 0
    try:
        while waiting or running:
            while waiting and running < engine.room:
                engine.submit(waiting.popleft())
                running += 1
            found = engine.next(_TICK)
            if found is None:
                yield None
                continue
            running -= 1
            shard, made = found
            if isinstance(made, ShardDone):
                yield made
                continue
            tried[shard] += 1
            if made.fatal:
                raise CampaignStopped(made.error)
            if tried[shard] < TRIES:
                waiting.append(shard)
            else:
                yield ShardFailed(shard, made.error, made.traceback, tried[shard])
    except (KeyboardInterrupt, CampaignStopped):
        for _, made in engine.interrupt():
            if isinstance(made, ShardDone):
                yield made
        raise
    finally:
        engine.close()
