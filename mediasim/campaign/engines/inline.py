"""The plain engine: one shard after the other, in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from mediasim.campaign.campaign import Campaign
from mediasim.campaign.engines.engine import Result, ShardFailed
from mediasim.campaign.engines.shards_made import run_shards
from mediasim.campaign.engines.worker import attempt
from mediasim.campaign.shards import ShardDone, is_done
from mediasim.campaign.storage import Storage

__all__ = ["Inline", "make_shards"]


class Inline:
    """Makes shards in this process."""

    room = 1

    def __init__(self, campaign: Campaign, out: Storage) -> None:
        self._campaign = campaign
        self._out = out
        self._waiting: deque[int] = deque()

    def submit(self, shard: int) -> None:
        self._waiting.append(shard)

    def next(self, seconds: float) -> Result | None:
        shard = self._waiting.popleft()
        return shard, attempt(self._campaign, shard, self._out)

    def interrupt(self) -> Iterator[Result]:
        return iter(())

    def close(self) -> None:
        self._waiting.clear()


def make_shards(
    campaign: Campaign, out: Storage, shards: Sequence[int]
) -> Iterator[ShardDone | ShardFailed]:
    """Make the shards that are not whole yet in this process, and yield each when it is done.

    Raises CampaignStopped if the storage takes nothing more.
    """
    missing = [shard for shard in shards if not is_done(out, shard)]
    for made in run_shards(Inline(campaign, out), missing):
        if made is not None:
            yield made
